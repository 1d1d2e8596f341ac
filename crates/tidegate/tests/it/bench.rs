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
    check("churn --server custom --custom no-such-file.toml", 64, "no-such-file.toml");
    check("floor-server --address 192.0.2.1:1", 69, "192.0.2.1:1");
    let document = bench("replay --server pushpin");
    assert!(document["servers"][0]["not_offered"].is_string(), "{document}");
}
