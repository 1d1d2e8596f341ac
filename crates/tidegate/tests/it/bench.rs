//! Every work, done small with servers that are always there; no time is asserted.

use super::command::{run, tidegate};

/// Runs a work once, and returns its document.
#[track_caller]
fn bench(line: &str) -> serde_json::Value {
    let words: Vec<_> = ["bench"].into_iter().chain(line.split_whitespace()).collect();
    let ran = run(tidegate(&words).args(["--repeat", "1", "--json"]));
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    let document = ran.json();
    assert_eq!(document["passed"], true, "{line}: {document}");
    document
}

#[track_caller]
fn has(document: &serde_json::Value, servers: &[&str], figure: &str) {
    for (index, name) in servers.iter().enumerate() {
        let server = &document["servers"][index];
        assert_eq!(server["name"], *name, "{document}");
        assert!(server["median"][figure].as_f64().unwrap() > 0.0, "{figure}: {document}");
    }
}

#[test]
fn a_fanout_counts_every_delivery() {
    let line = "fanout --server tidegate,floor --readers 20 --rate 50 --seconds 1";
    let document = bench(line);
    has(&document, &["tidegate", "floor"], "deliveries_per_cpu_second");
    has(&document, &["tidegate", "floor"], "latency_p999_ms");
    let faults = &document["servers"][0]["repeats"][0]["faults"];
    assert_eq!(faults["lost"], 0, "{document}");
    assert_eq!(document["ratios"][0]["of"], "tidegate");
    assert!(document["generator"]["limited"].is_boolean());
}

#[test]
fn a_fanout_goes_as_fast_as_it_can_over_many_streams() {
    let work = "--readers 12 --streams 4 --rate max --window 200 --list 50 --seconds 1";
    for transport in ["sse", "ws"] {
        let servers = "floor,floor-coalesce";
        let document = bench(&format!("fanout --server {servers} --transport {transport} {work}"));
        has(&document, &["floor", "floor-coalesce"], "events_per_second");
    }
    has(&bench(&format!("fanout --server tidegate {work}")), &["tidegate"], "events_per_second");
}

#[test]
fn readers_come_back_for_what_they_missed() {
    let servers = ["tidegate", "floor", "floor-coalesce"];
    let line = "replay --server tidegate,floor,floor-coalesce --readers 20 --rounds 2 --events 70";
    has(&bench(line), &servers, "deliveries_per_cpu_second");
}

#[test]
fn publishes_are_answered() {
    let line = "publish --server tidegate,floor --connections 3 --seconds 1";
    has(&bench(line), &["tidegate", "floor"], "events_per_second");
    has(&bench(&format!("{line} --list 20")), &["tidegate", "floor"], "answer_p99_ms");
}

#[test]
fn streams_are_opened_and_closed() {
    let line = "churn --server tidegate,floor --at-once 4 --seconds 1";
    has(&bench(line), &["tidegate", "floor"], "connects_per_second");
}

#[test]
fn idle_readers_are_held() {
    let line = "idle --server tidegate,floor --readers 20 --seconds 1";
    has(&bench(line), &["tidegate", "floor"], "open_p50_ms");
}

/// Memory may be judged to have grown in so short a run: windows forget nothing in it.
#[test]
fn a_load_test_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soak.svg");
    let line =
        "bench soak --readers 40 --streams 8 --slow 20% --seconds 4 --rate 40 --seed 1 --json";
    let words: Vec<_> = line.split_whitespace().chain(["--svg", file.to_str().unwrap()]).collect();
    let document = run(&mut tidegate(&words)).json();
    let checked = &document["checked"];
    for fault in ["lost", "repeated", "reordered", "foreign"] {
        assert_eq!(checked["faults"][fault], 0, "{document}");
    }
    for nothing in ["garbled", "absent", "behind", "misnumbered"] {
        assert_eq!(checked[nothing], 0, "{document}");
    }
    for something in ["deliveries", "resumed", "left", "stopped"] {
        assert!(checked[something].as_u64().unwrap() > 0, "{something}: {document}");
    }
    let problems = document["problems"].as_array().unwrap().iter();
    let others = problems.filter(|problem| !problem.as_str().unwrap().starts_with("memory grew"));
    assert_eq!(others.count(), 0, "{document}");
    assert_eq!(document["phases"].as_array().unwrap().len(), 7, "{document}");
    assert!(document["memory"]["ratio"].as_f64().unwrap() > 0.0, "{document}");
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("churn storm") && svg.contains("<polyline"), "{svg}");
}

/// Runs chat once, small, and checks that everything was seen everywhere.
#[track_caller]
fn chat(line: &str, env: &[(&str, std::ffi::OsString)]) -> serde_json::Value {
    let words = ["bench", "chat", "--json", "--seconds", "1"].into_iter();
    let words: Vec<_> = words.chain(line.split_whitespace()).collect();
    let ran = run(tidegate(&words).envs(env.iter().map(|(name, value)| (name, value))));
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    let document = ran.json();
    assert_eq!(document["passed"], true, "{line}: {document}");
    for fault in ["lost", "repeated", "reordered", "altered", "unacknowledged"] {
        assert_eq!(document["faults"][fault], 0, "{fault}: {document}");
    }
    document
}

#[test]
fn every_message_of_a_chat_is_read_back_and_heard() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.svg");
    let line = "--senders 4 --threads 6 --readers 5 --transport ws --rate 60 --catch-up 210 \
        --reads 5 --svg";
    let document = chat(&format!("{line} {}", file.to_str().unwrap()), &[]);
    let checked = |name: &str| document["checked"][name].as_u64().unwrap();
    // 210 that fill, 12 of the warm-up, 60 that are measured.
    assert_eq!(checked("acknowledged"), 282, "{document}");
    assert_eq!((checked("read_back"), checked("pages")), (282, 5), "{document}");
    assert!(checked("deliveries") > 0 && checked("deliveries") % 5 == 0, "{document}");
    for figure in ["sends_per_cpu_second", "send_p95_ms", "delivery_p95_ms", "catch_up_p95_ms"] {
        assert!(document["median"][figure].as_f64().unwrap() > 0.0, "{figure}: {document}");
    }
    assert!(document["generator"]["limited"].is_boolean(), "{document}");
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.contains("delivery") && svg.contains("<polyline"), "{svg}");
}

mod surreal_server {
    use super::*;

    #[test]
    fn two_replicas_have_and_show_the_same_chat() {
        let named = std::env::var_os("SURREAL_BIN").map(|program| ("SURREAL_BIN", program));
        let path = std::env::var_os("PATH").map(|path| ("PATH", path));
        let env: Vec<_> = named.into_iter().chain(path).collect();
        let line = "--database surreal --replicas 2 --senders 6 --readers 6 --rate 40";
        let document = chat(line, &env);
        let checked = &document["checked"];
        // 12 of the warm-up and 40 that are measured, from both replicas and to all six readers.
        let counts = ["acknowledged", "read_back", "deliveries"].map(|name| &checked[name]);
        assert_eq!(counts, [52, 104, 312], "{document}");
        for figure in ["database_cpu_seconds", "redis_cpu_seconds", "database_memory_mb"] {
            assert!(document["median"][figure].is_number(), "{figure}: {document}");
        }
    }
}

#[test]
fn a_drawing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("churn.svg");
    let path = file.to_str().unwrap();
    bench(&format!("churn --server floor --at-once 2 --seconds 1 --svg {path}"));
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("floor") && svg.contains("<rect") && svg.contains("<polyline"), "{svg}");
}

#[test]
fn what_makes_no_sense_is_64_and_what_is_missing_is_said() {
    let check = |line: &str, code: i32, part: &str| {
        let words: Vec<_> = ["bench"].into_iter().chain(line.split_whitespace()).collect();
        let ran = run(&mut tidegate(&words));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.err.contains(part), "{line}: {ran:?}");
    };
    check("fanout --server custom", 64, "--custom FILE");
    check("fanout --server nonesuch", 64, "nonesuch");
    check("fanout --rate often", 64, "a rate is");
    check("soak --server nchan", 64, "--server tidegate");
    check("soak --readers 3 --streams 4", 64, "--streams");
    check("chat --replicas 2", 64, "--database surreal");
    check("chat --database surreal --surreal /nowhere/surreal", 69, "SURREAL_BIN");
    check("churn --server custom --custom no-such-file.toml", 64, "no-such-file.toml");
    check("floor-server --address 192.0.2.1:1", 69, "192.0.2.1:1");
    let ran = run(&mut tidegate(&["bench", "replay", "--server", "pushpin", "--json"]));
    assert_eq!(ran.code, 1, "{ran:?}");
    let document = ran.json();
    assert!(document["servers"][0]["not_offered"].is_string(), "{document}");
    assert_eq!(document["problems"].as_array().map(Vec::len), Some(1), "{document}");
}

#[test]
fn a_redis_is_published_through_and_beside_its_bare_function() {
    let servers = ["tidegate-redis", "redis-function"];
    let line = "publish --server tidegate-redis,redis-function --connections 8 --seconds 1";
    let document = bench(line);
    has(&document, &servers, "events_per_second");
    let ratio = &document["ratios"][0]["figures"]["events_per_second"];
    assert!(ratio.as_f64().unwrap() > 0.0, "{document}");
    has(&bench(&format!("{line} --list 20")), &servers, "events_per_second");
}

#[test]
fn readers_on_two_replicas_leave_the_connections_to_redis_as_they_were() {
    let line =
        "fanout --server tidegate-redis-both --readers 40 --streams 10 --rate 100 --seconds 1";
    let document = bench(line);
    has(&document, &["tidegate-redis-both"], "redis_connections");
    let repeat = &document["servers"][0]["repeats"][0];
    assert_eq!(repeat["faults"]["lost"], 0, "{document}");
    // One for commands and one for wake-ups.
    assert_eq!(repeat["figures"]["redis_connections"], 2.0, "{document}");
}

#[test]
fn events_are_read_from_another_replica_than_they_were_published_to() {
    let servers = ["tidegate-redis-two", "redis-function"];
    let line =
        "fanout --server tidegate-redis-two,redis-function --readers 8 --rate 50 --seconds 1";
    let document = bench(line);
    has(&document, &servers, "latency_p50_ms");
    let faults = &document["servers"][0]["repeats"][0]["faults"];
    assert_eq!(faults["lost"], 0, "{document}");
}

#[test]
fn pure_code_is_measured_without_a_server() {
    let guards = bench("guards --guards 5 --looks 50 --clients 4");
    assert!(guards["median"]["looks_per_cpu_second"].as_f64().unwrap() > 0.0, "{guards}");
    let evidence = bench("evidence --entries 40 --signed 50%");
    assert!(evidence["median"]["entries_per_cpu_second"].as_f64().unwrap() > 0.0, "{evidence}");
    let runbooks = bench("runbooks");
    assert!(runbooks["median"]["plan_ms"].as_f64().unwrap() > 0.0, "{runbooks}");
    let journal = bench("journal --entries 5");
    assert!(journal["median"]["append_us"].as_f64().unwrap() > 0.0, "{journal}");
}
