//! The audit of a server that keeps its promises, and of one that breaks a single one of them.

use super::{
    command::{Ran, run, start, tidegate},
    fake::{Fake, Fault, Log},
};

const READERS: u64 = 8;

/// Checks each spread over the transports, all at one time: an audit mostly waits.
fn over_each(check: impl Fn(&str) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        for share in ["0", "50%", "100%"] {
            scope.spawn(move || check(share));
        }
    });
}

fn audit(fake: &Fake, seconds: &str, more: &[&str]) -> std::process::Command {
    let words = "audit --json --readers 8 --rate 100 --seed 1 --settle-seconds 5 --seconds";
    let client = fake.client();
    let words = words.split(' ').chain([seconds]).chain(more.iter().copied());
    tidegate(&words.chain(client.iter().map(String::as_str)).collect::<Vec<_>>())
}

/// Audits with this share of WebSockets, among publishers too.
fn audited_over(share: &str, log: Log) -> Ran {
    run(&mut audit(&Fake::start(log), "1", &["--ws", share, "--ws-publishers", share]))
}

fn audited(log: Log) -> Ran {
    run(&mut audit(&Fake::start(log), "1", &[]))
}

#[test]
fn a_good_server_passes_on_every_transport() {
    for (share, readers, publishers) in [("0", 0, 0), ("50%", 4, 2), ("100%", 8, 4)] {
        a_good_server_passes(share, readers, publishers);
    }
}

fn a_good_server_passes(share: &str, websocket: u64, websocket_publishers: u64) {
    let ran = audited_over(share, Log::new(3, &[]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    let logged = report["logged"].as_u64().unwrap();
    assert!(logged > 50, "{report}");
    assert_eq!(report["delivered"], READERS * logged);
    assert_eq!(report["acknowledged"], logged);
    assert_eq!(report["passed"], true);
    assert_eq!(report["websocket"], websocket);
    assert_eq!(report["sse"], READERS - websocket);
    assert_eq!(report["websocket_publishers"], websocket_publishers);
    let samples = |of: &str| report[of]["samples"].as_u64().unwrap();
    assert_eq!(samples("latency_websocket_ms") > 0, websocket > 0, "{report}");
    assert_eq!(samples("latency_sse_ms") > 0, websocket < READERS, "{report}");
    let both = samples("latency_websocket_ms") + samples("latency_sse_ms");
    assert_eq!(samples("latency_ms"), both, "{report}");
    assert_eq!(report["ledger"]["hash"], report["ledger"]["received_hash"]);
}

#[test]
fn each_broken_promise_fails_alone() {
    #[track_caller]
    fn check(fault: Fault, pointer: &str, count: u64, problem: &str) {
        over_each(|share| check_over(share, fault, pointer, count, problem));
    }
    #[track_caller]
    fn check_over(share: &str, fault: Fault, pointer: &str, count: u64, problem: &str) {
        let ran = audited_over(share, Log::new(3, &[fault]));
        assert_eq!(ran.code, 1, "{share} {fault:?}: {ran:?}");
        let report = ran.json();
        assert_eq!(report.pointer(pointer), Some(&count.into()), "{fault:?}: {report}");
        let problems = report["problems"].as_array().unwrap();
        let text = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains(problem), "{fault:?}: {text}");
        assert_eq!(problems.len(), 1, "{fault:?}: {text}");
    }
    check(Fault::Drop, "/lost", 1, "1 events lost");
    check(Fault::Repeat, "/repeated", 1, "1 events repeated");
    check(Fault::Reorder, "/reordered", 1, "1 events out of order");
    check(Fault::Gap, "/gaps/lagged", 1, "1 gaps told by the server");
    check(Fault::Hash, "/lost", 0, "the ledger: its hash is");
}

#[test]
fn another_text_in_an_events_place_is_found() {
    // Where the altered text comes first, the others are those that differ, and so does the hash.
    over_each(|share| {
        let ran = audited_over(share, Log::new(3, &[Fault::Alter]));
        assert_eq!(ran.code, 1, "{share}: {ran:?}");
        assert!(ran.json()["altered"].as_u64().unwrap() >= 1, "{share}: {ran:?}");
    });
}

#[test]
fn an_end_together_with_an_acknowledgement_is_no_refusal() {
    let fake = Fake::start(Log::new(0, &[Fault::Close(1001)]));
    let ran = run(&mut audit(&fake, "1", &["--ws", "0", "--ws-publishers", "100%"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert!(report["acknowledged"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(report["acknowledged"], report["logged"], "{report}");
}

#[test]
fn events_in_another_layout_are_the_same_events() {
    let ran = audited(Log::new(3, &[Fault::Turned]));
    assert_eq!((ran.code, &ran.json()["garbled"]), (0, &0.into()), "{ran:?}");
}

#[test]
fn a_server_that_can_not_read_us_is_found() {
    let ran = audited(Log::new(3, &[Fault::Close(1002)]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.json()["garbled"].as_u64().unwrap() >= 1, "{ran:?}");
}

#[test]
fn a_reader_whose_credential_is_refused_later_fails() {
    let ran = audited(Log::new(3, &[Fault::Close(1008)]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["readers_refused"], 4, "{ran:?}");
    assert!(ran.out.contains("closed the connection with 1008: as it was told"), "{ran:?}");
}

#[test]
fn an_acknowledged_event_that_was_not_stored_is_found() {
    over_each(|share| {
        let ran = audited_over(share, Log::new(3, &[Fault::Forget]));
        assert_eq!(ran.code, 1, "{share}: {ran:?}");
        assert!(ran.json()["acknowledged_missing"].as_u64().unwrap() >= 1, "{share}: {ran:?}");
    });
}

#[test]
fn refusals_and_lost_answers_are_retried_under_one_key() {
    over_each(|share| {
        let mut log = Log::new(0, &[]);
        (log.unavailable, log.unanswered) = (5, 3);
        let ran = audited_over(share, log);
        assert_eq!(ran.code, 0, "{share}: {ran:?}");
        let report = ran.json();
        // Over a WebSocket one attempt may meet several refusals, but one lost answer ends it.
        let least = if share == "0" { 5 } else { 3 };
        assert!(report["retried"].as_u64().unwrap() >= least, "{share}: {report}");
        assert_eq!(report["acknowledged"], report["logged"], "{share}");
    });
}

#[test]
fn a_server_that_forgets_keys_stores_twice() {
    over_each(|share| {
        let mut log = Log::new(0, &[Fault::Double]);
        log.unanswered = 3;
        let ran = audited_over(share, log);
        assert_eq!(ran.code, 1, "{share}: {ran:?}");
        assert!(ran.json()["doubled"].as_u64().unwrap() >= 1, "{share}: {ran:?}");
    });
}

#[test]
fn a_restart_in_the_middle_is_no_loss() {
    let fake = Fake::start(Log::new(0, &[]));
    let running = start(&mut audit(&fake, "3", &["--ws-publishers", "50%"]));
    fake.wait_until(|log| log.events.len() > 50);
    fake.stop();
    let streams = fake.log().streams() as u64;
    fake.start_again();
    let ran = running.finish();
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert!(report["broken"].as_u64().unwrap() >= READERS, "{report}");
    assert!(fake.log().streams() as u64 >= streams + READERS, "{report}");
}

#[test]
fn a_server_that_never_comes_back_is_69() {
    let fake = Fake::start(Log::new(0, &[]));
    let running = start(&mut audit(&fake, "1", &[]));
    fake.wait_until(|log| log.events.len() > 20);
    fake.stop();
    assert_eq!(running.finish().code, 69);
}

#[test]
fn a_refused_reader_ends_it() {
    over_each(|share| {
        let ran = audited_over(share, Log::new(0, &[Fault::Unauthorized]));
        assert_eq!(ran.code, 1, "{share}: {ran:?}");
        assert!(ran.err.contains("401 unauthorized"), "{share}: {ran:?}");
    });
}
