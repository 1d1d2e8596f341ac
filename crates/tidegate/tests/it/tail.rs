//! Tailing: it goes on by itself, and says so where something is missing.

use super::{
    command::{run, start, tidegate},
    fake::{Fake, Fault, Log},
};

fn words(fake: &Fake, words: &[&str]) -> Vec<String> {
    let words = ["tail"].iter().chain(words).map(|word| (*word).to_owned());
    words.chain(fake.client()).collect()
}

fn tail(fake: &Fake, given: &[&str]) -> std::process::Command {
    let words = words(fake, given);
    tidegate(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns the numbers of the events in JSON lines.
fn numbers(lines: &[&str]) -> Vec<u64> {
    let number = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["id"].as_str().unwrap().starts_with("evt_"), "{line}");
        line["cursor"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap()
    };
    lines.iter().map(number).collect()
}

fn start_cursor() -> String {
    super::fake::place(0).to_string()
}

#[test]
fn a_broken_stream_is_resumed_after_the_last_event() {
    let fake = Fake::start(Log::new(5, &[Fault::Cut]));
    let ran = run(&mut tail(&fake, &["--after", &start_cursor(), "--count", "5", "--json"]));
    assert_eq!((ran.code, numbers(&ran.lines())), (0, vec![1, 2, 3, 4, 5]), "{ran:?}");
    let log = fake.log();
    let resumed =
        |head: &&String| head.contains(&format!("last-event-id: {}", super::fake::place(2)));
    assert_eq!(log.heads.iter().filter(resumed).count(), 1, "{:?}", log.heads);
    assert!(ran.err.contains("reconnecting"), "{ran:?}");
}

#[test]
fn a_restart_is_sat_out() {
    let fake = Fake::start(Log::new(2, &[]));
    let running = start(&mut tail(&fake, &["--after", &start_cursor(), "--count", "4", "--json"]));
    running.wait_for("connected");
    fake.stop();
    running.wait_for("reconnecting");
    running.wait_for("can't be reached");
    fake.publish(2);
    fake.start_again();
    let ran = running.finish();
    assert_eq!((ran.code, numbers(&ran.lines())), (0, vec![1, 2, 3, 4]), "{ran:?}");
}

#[test]
fn a_gap_is_loud() {
    let fake = Fake::start(Log::new(12, &[Fault::Gap]));
    let ran = run(&mut tail(&fake, &["--after", &start_cursor(), "--count", "11", "--json"]));
    let expected: Vec<u64> = (1..=10).chain([12]).collect();
    assert_eq!((ran.code, numbers(&ran.lines())), (0, expected), "{ran:?}");
    assert!(ran.err.contains("GAP (lagged): 1 events are missing here"), "{ran:?}");
}

#[test]
fn chunk_marks_of_a_proxy_are_taken_out() {
    let fake = Fake::start(Log::new(3, &[Fault::Chunked]));
    let ran = run(&mut tail(&fake, &["--after", &start_cursor(), "--count", "3"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.lines().len(), 3);
    assert!(ran.out.contains(" a.b evt_") && ran.out.trim().ends_with(" {}"), "{ran:?}");
}

#[test]
fn a_refusal_ends_it() {
    let fake = Fake::start(Log::new(3, &[Fault::Unauthorized]));
    let ran = run(&mut tail(&fake, &[]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("401 unauthorized: no such key; give a valid --key"), "{ran:?}");
}

#[test]
fn an_interrupt_is_the_ordinary_end() {
    let fake = Fake::start(Log::new(0, &[]));
    let running = start(&mut tail(&fake, &[]));
    running.wait_for("connected");
    running.signal("INT");
    assert_eq!(running.finish().code, 0);
}

#[test]
fn an_output_that_takes_nothing_is_a_failure() {
    let fake = Fake::start(Log::new(3, &[]));
    for style in [&[][..], &["--json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let start = start_cursor();
        let words = [&["--after", &start], style].concat();
        let ran = run(tail(&fake, &words).stdout(full));
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("standard output can't be written: No space left"), "{ran:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_the_ordinary_end() {
    let fake = Fake::start(Log::new(3, &[]));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = run(tail(&fake, &["--after", &start_cursor()]).stdout(writer));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "it says that it is connected, and no more: {ran:?}");
}

#[test]
fn a_malformed_filter_is_refused_here() {
    let fake = Fake::start(Log::new(3, &[]));
    for filter in ["", "A", "a.*.b", "a,,b", "a b"] {
        let ran = run(&mut tail(&fake, &["--events", filter]));
        assert_eq!(ran.code, 64, "{filter}: {ran:?}");
        assert!(ran.err.contains("--events"), "{filter}: {ran:?}");
    }
    assert_eq!(fake.log().heads.len(), 0, "nobody was asked");
}

#[test]
fn filters_and_streams_are_asked_for() {
    let fake = Fake::start(Log::new(3, &[]));
    let asked = ["--events", "a.*,b", "--stream", "thread:x", "--after", &start_cursor()];
    let ran = run(&mut tail(&fake, &[&asked[..], &["--count", "1"]].concat()));
    assert_eq!(ran.code, 0, "{ran:?}");
    let head = fake.log().heads[0].clone();
    assert!(head.starts_with("GET /api/stream?stream=thread%3Ax&events=a.*%2Cb "), "{head}");
    assert!(head.contains("x-api-key: a-key"), "{head}");
}

#[test]
fn over_a_websocket_the_output_is_the_same() {
    for style in [&[][..], &["--json"]] {
        let fake = Fake::start(Log::new(12, &[Fault::Gap]));
        let start = start_cursor();
        let words = [&["--after", &start, "--count", "11"], style].concat();
        let sse = run(&mut tail(&fake, &words));
        fake.log().done_once = false;
        let web = run(&mut tail(&fake, &[&words[..], &["--ws"]].concat()));
        assert_eq!((web.code, &web.out), (0, &sse.out), "{web:?}");
        assert!(web.err.contains("connected to acme (memory), fresh: 0 to replay"), "{web:?}");
        assert!(web.err.contains("GAP (lagged): 1 events are missing here"), "{web:?}");
        let log = fake.log();
        assert_eq!((log.pongs, log.said.len()), (1, 1), "the ping was answered");
        let head = log.heads.iter().find(|head| head.starts_with("GET /api/ws ")).unwrap();
        assert!(head.contains("x-api-key: a-key"), "{head}");
    }
}

#[test]
fn a_websocket_is_resumed_after_every_end_but_a_refusal() {
    #[track_caller]
    fn check(fault: Fault, said: &[&str]) {
        let fake = Fake::start(Log::new(5, &[fault]));
        let start = start_cursor();
        let words = ["--ws", "--after", &start, "--count", "5", "--json"];
        let ran = run(&mut tail(&fake, &words));
        assert_eq!((ran.code, numbers(&ran.lines())), (0, vec![1, 2, 3, 4, 5]), "{ran:?}");
        for part in said {
            assert!(ran.err.contains(part), "{ran:?}");
        }
        let after: Vec<_> = [0, 2, 4]
            .map(|at| format!(r#"{{"after":"{}","type":"subscribe"}}"#, super::fake::place(at)))
            .to_vec();
        assert_eq!(fake.log().said, after, "{fault:?}");
    }
    check(Fault::Cut, &["reconnecting"]);
    check(
        Fault::Close(1001),
        &["the server says goodbye: drain", "the stream ended; reconnecting"],
    );
    check(Fault::Close(1013), &["fell too far behind; reconnecting"]);
    check(Fault::Close(1012), &["the stream ended; reconnecting"]);
}

#[test]
fn events_in_another_layout_are_printed_alike() {
    let fake = Fake::start(Log::new(3, &[Fault::Turned]));
    let start = start_cursor();
    let words = ["--after", &start, "--count", "3", "--json"];
    let web = run(&mut tail(&fake, &[&words[..], &["--ws"]].concat()));
    assert_eq!((web.code, web.out), (0, run(&mut tail(&fake, &words)).out), "{}", web.err);
}

#[test]
fn a_websocket_that_is_refused_ends_it() {
    let check = |fault, shown: usize, said: &str| {
        let fake = Fake::start(Log::new(3, &[fault]));
        let ran = run(&mut tail(&fake, &["--ws", "--after", &start_cursor(), "--wait"]));
        assert_eq!((ran.code, ran.lines().len()), (1, shown), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
        assert!(!ran.err.contains("reconnecting"), "{ran:?}");
    };
    check(Fault::Unauthorized, 0, "401 unauthorized: no such key; give a valid --key");
    check(Fault::Close(1008), 2, "with 1008: as it was told; give a valid --key");
    check(Fault::Close(1007), 2, "the server could not read what we sent: 1007 as it was told");
}

#[test]
fn a_restart_is_sat_out_over_a_websocket() {
    let fake = Fake::start(Log::new(2, &[]));
    let words = ["--ws", "--after", &start_cursor(), "--count", "4", "--json"];
    let running = start(&mut tail(&fake, &words));
    running.wait_for("connected");
    fake.stop();
    running.wait_for("reconnecting");
    running.wait_for("can't be reached");
    fake.publish(2);
    fake.start_again();
    let ran = running.finish();
    assert_eq!((ran.code, numbers(&ran.lines())), (0, vec![1, 2, 3, 4]), "{ran:?}");
}

#[test]
fn over_a_websocket_events_are_filtered_here() {
    let mut log = Log::new(0, &[]);
    for name in ["a.b", "c.d", "a.e", "c.d", "f", "c.d"] {
        log.append(name, "{}");
    }
    let fake = Fake::start(log);
    let asked = ["--ws", "--events", "a.*,f", "--stream", "thread:x", "--json"];
    let start = start_cursor();
    let more = ["--after", &start, "--count", "3"];
    let ran = run(&mut tail(&fake, &[&asked[..], &more].concat()));
    assert_eq!((ran.code, numbers(&ran.lines())), (0, vec![1, 3, 5]), "{ran:?}");
    let said: serde_json::Value = serde_json::from_str(&fake.log().said[0]).unwrap();
    assert_eq!(said["stream"], "thread:x");
}

#[test]
fn a_server_without_websockets_is_said_so() {
    let fake = Fake::start(Log::new(0, &[]));
    let mut words = words(&fake, &["--ws"]);
    let url = words.iter().position(|word| word.starts_with("http://")).unwrap();
    words[url].push_str("/elsewhere");
    let ran = run(&mut tidegate(&words.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("404 not_found"), "{ran:?}");
}
