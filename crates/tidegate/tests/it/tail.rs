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
fn filters_and_streams_are_asked_for() {
    let fake = Fake::start(Log::new(3, &[]));
    let asked = ["--events", "a.*,b", "--stream", "thread:x", "--after", &start_cursor()];
    let ran = run(&mut tail(&fake, &[&asked[..], &["--count", "1"]].concat()));
    assert_eq!(ran.code, 0, "{ran:?}");
    let head = fake.log().heads[0].clone();
    assert!(head.starts_with("GET /api/stream?stream=thread%3Ax&events=a.*%2Cb "), "{head}");
    assert!(head.contains("x-api-key: a-key"), "{head}");
}
