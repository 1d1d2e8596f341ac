//! The audit of a server that keeps its promises, and of one that breaks a single one of them.

use super::{
    command::{Ran, run, start, tidegate},
    fake::{Fake, Fault, Log},
};

const READERS: u64 = 8;

fn audit(fake: &Fake, seconds: &str) -> std::process::Command {
    let mut words: Vec<String> = [
        "audit",
        "--json",
        "--readers",
        "8",
        "--rate",
        "100",
        "--seconds",
        seconds,
        "--seed",
        "1",
        "--settle-seconds",
        "5",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    words.extend(fake.client());
    tidegate(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn audited(log: Log) -> Ran {
    run(&mut audit(&Fake::start(log), "1"))
}

#[test]
fn a_good_server_passes() {
    let ran = audited(Log::new(3, &[]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    let logged = report["logged"].as_u64().unwrap();
    assert!(logged > 50, "{report}");
    assert_eq!(report["delivered"], READERS * logged);
    assert_eq!(report["acknowledged"], logged);
    assert_eq!(report["passed"], true);
    assert_eq!(report["ledger"]["hash"], report["ledger"]["received_hash"]);
}

#[test]
fn each_broken_promise_fails_alone() {
    #[track_caller]
    fn check(fault: Fault, pointer: &str, count: u64, problem: &str) {
        let ran = audited(Log::new(3, &[fault]));
        assert_eq!(ran.code, 1, "{fault:?}: {ran:?}");
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
    let ran = audited(Log::new(3, &[Fault::Alter]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.json()["altered"].as_u64().unwrap() >= 1, "{ran:?}");
}

#[test]
fn an_acknowledged_event_that_was_not_stored_is_found() {
    let ran = audited(Log::new(3, &[Fault::Forget]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.json()["acknowledged_missing"].as_u64().unwrap() >= 1, "{ran:?}");
}

#[test]
fn refusals_and_lost_answers_are_retried_under_one_key() {
    let mut log = Log::new(0, &[]);
    (log.unavailable, log.unanswered) = (5, 3);
    let ran = audited(log);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert!(report["retried"].as_u64().unwrap() >= 5, "{report}");
    assert_eq!(report["acknowledged"], report["logged"]);
}

#[test]
fn a_server_that_forgets_keys_stores_twice() {
    let mut log = Log::new(0, &[Fault::Double]);
    log.unanswered = 3;
    let ran = audited(log);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.json()["doubled"].as_u64().unwrap() >= 1, "{ran:?}");
}

#[test]
fn a_restart_in_the_middle_is_no_loss() {
    let fake = Fake::start(Log::new(0, &[]));
    let running = start(&mut audit(&fake, "3"));
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
    let running = start(&mut audit(&fake, "1"));
    fake.wait_until(|log| log.events.len() > 20);
    fake.stop();
    assert_eq!(running.finish().code, 69);
}

#[test]
fn a_refused_reader_ends_it() {
    let ran = audited(Log::new(0, &[Fault::Unauthorized]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("401 unauthorized"), "{ran:?}");
}
