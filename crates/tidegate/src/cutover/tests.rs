//! What counts as done, and what is said of it.

use std::time::Duration;

use super::{finish, is_so, show};
use crate::{
    cli::Style,
    client::{CutoverAsk, CutoverError, CutoverSoak, CutoverStatus, PauseMs},
    exit::Exit,
};

const TO_REDIS: CutoverAsk = CutoverAsk::To { backend: "redis", soak: None };

fn status(state: &str, owner: &str, to: &str) -> CutoverStatus {
    CutoverStatus {
        state: state.to_owned(),
        is_running: false,
        owner: owner.to_owned(),
        to: to.to_owned(),
        settings: "memory".to_owned(),
        is_undo: false,
        actor: "key of org_a".to_owned(),
        since: "2026-01-31T12:00:00.000Z".to_owned(),
        streams: 2,
        copied: 2,
        moved: 2,
        events: 10,
        bytes: 1000,
        pause_ms: PauseMs { p50: 0.5, p99: 1.0, max: 1.25 },
        soak: None,
        error: None,
    }
}

#[test]
fn what_is_so_is_known() {
    let to = TO_REDIS;
    assert!(is_so(&status("switched", "redis", "redis"), to));
    assert!(is_so(&status("idle", "redis", "redis"), to));
    assert!(!is_so(&status("idle", "memory", "memory"), to));
    assert!(!is_so(&status("switching", "redis", "redis"), to), "not all is saved yet");
    assert!(is_so(&status("idle", "memory", "memory"), CutoverAsk::Undo));
    assert!(!is_so(&status("switched", "redis", "redis"), CutoverAsk::Finalise));
    let running = CutoverStatus { is_running: true, ..status("switched", "redis", "redis") };
    assert!(!is_so(&running, to));
}

#[test]
fn a_switch_that_stopped_has_an_exit_code() {
    let stopped = |kind: &str| {
        let error = CutoverError { kind: kind.to_owned(), message: "why".to_owned() };
        let status = CutoverStatus { error: Some(error), ..status("backfill", "memory", "redis") };
        let failed = finish(&status, TO_REDIS, Style::Human, Duration::ZERO);
        let failed = failed.expect_err("it is not done");
        assert!(failed.chain().contains("in the state backfill: why"), "{failed}");
        failed.exit
    };
    assert_eq!(stopped("unreachable"), Exit::Unreachable);
    assert_eq!(stopped("full"), Exit::Failed);
}

#[test]
fn words_say_when_it_is_finalised() {
    let soak = |ends_at: Option<&str>| {
        let soak = CutoverSoak { lasts_s: 600, ends_at: ends_at.map(str::to_owned) };
        show::facts(&CutoverStatus { soak: Some(soak), ..status("switched", "redis", "redis") })
    };
    let facts = soak(Some("2026-01-31T12:10:00.000Z"));
    assert!(facts.contains("finalised by itself at 2026-01-31T12:10:00.000Z"), "{facts}");
    let facts = soak(None);
    assert!(facts.contains("once it was good for 600 s"), "{facts}");
}

#[test]
fn words_say_where_the_streams_are() {
    let facts = show::facts(&status("switched", "redis", "redis"));
    assert_eq!(
        facts,
        "redis owns every stream; not finalised, so that --undo is short; since \
         2026-01-31T12:00:00.000Z by key of org_a; after a restart the settings win: memory"
    );
    let done =
        show::done(&status("switched", "redis", "redis"), TO_REDIS, Duration::from_millis(1500));
    assert!(done.starts_with("redis owns every stream: 2 moved, 10 events"), "{done}");
    assert!(done.contains("in 1.5s") && done.contains("1.2 ms at most"), "{done}");
}
