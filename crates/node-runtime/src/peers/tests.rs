//! What is told of replicas that differ, by tables.

use std::time::Duration;

use broker::{HealthState, Notice, Notices};
use event::UnixMs;

use super::{Agreed, Findings, ReadAt};

/// Makes a replica another one.
type Change = fn(&mut Agreed);

const NOW: UnixMs = UnixMs(1_800_000_000_000);

fn agreed() -> Agreed {
    Agreed {
        replay_window_seconds: 600,
        replay_max_events: 1000,
        enforce_redis: false,
        chat_channel_prefix: "gotong:chat:realtime".to_owned(),
    }
}

fn notice(replica: &str, age_ms: u64, text: String) -> Notice {
    Notice { replica: replica.to_owned(), at: UnixMs(NOW.0 - age_ms), text }
}

fn found(others: Vec<Notice>) -> Vec<String> {
    let read = ReadAt { unix: NOW, took: Duration::ZERO };
    Findings::of(&agreed(), &Notices { now: NOW, others }, read).differences
}

#[test]
fn each_setting_that_differs_is_named_with_both_values() {
    let cases: [(Change, &str); 4] = [
        (
            |a| a.replay_window_seconds = 60,
            "REALTIME_REPLAY_WINDOW_SECONDS is 600 here and 60 on replica 0123456789ab",
        ),
        (
            |a| a.replay_max_events = 200,
            "REALTIME_REPLAY_MAX_EVENTS is 1000 here and 200 on replica 0123456789ab",
        ),
        (
            |a| a.enforce_redis = true,
            "REALTIME_ENFORCE_REDIS is false here and true on replica 0123456789ab",
        ),
        (
            |a| a.chat_channel_prefix = "<script>".to_owned(),
            "CHAT_REALTIME_CHANNEL_PREFIX is another one on replica 0123456789ab",
        ),
    ];
    for (change, expected) in cases {
        let mut other = agreed();
        change(&mut other);
        let told = found(vec![notice("0123456789ab", 1000, other.note())]);
        assert_eq!(told, [expected]);
    }
}

#[test]
fn only_replicas_of_ours_that_run_count() {
    let mut other = agreed();
    other.replay_max_events = 200;
    let note = || other.note();
    assert_eq!(found(vec![notice("0123456789ab", 30_000, note())]).len(), 1);
    for silent in [
        notice("0123456789ab", 30_001, note()),
        notice("not a name!!", 0, note()),
        notice("0123456789ab", 0, "nonsense".to_owned()),
        notice("0123456789ab", 0, agreed().note()),
    ] {
        assert_eq!(found(vec![silent]), [""; 0]);
    }
    let many = (0..100).map(|n| notice(&format!("{n:012x}"), 0, note())).collect();
    assert_eq!(found(many).len(), 8, "what is told is bounded");
}

#[test]
fn a_clock_is_off_where_the_time_of_the_question_does_not_explain_it() {
    let check = |ahead_ms: i64, took_ms: u64, expected: Option<i64>| {
        let unix = UnixMs(NOW.0.saturating_add_signed(ahead_ms));
        let read = ReadAt { unix, took: Duration::from_millis(took_ms) };
        let found = Findings::of(&agreed(), &Notices { now: NOW, others: Vec::new() }, read);
        assert_eq!(found.clock_off_s, expected, "{ahead_ms} {took_ms}");
        found
    };
    check(0, 0, None);
    check(5000, 0, None);
    check(-5000, 0, None);
    check(6000, 1000, None);
    check(6001, 1000, Some(6));
    let ahead = check(3_600_000, 2, Some(3600));
    assert_eq!(ahead.state(), HealthState::Degraded);
    assert_eq!(ahead.reason().as_deref(), Some("this clock is 3600 s ahead of Redis's"));
    let behind = check(-3_600_000, 2, Some(-3600));
    assert_eq!(behind.reason().as_deref(), Some("this clock is 3600 s behind Redis's"));
}

#[test]
fn settings_that_differ_are_told_and_are_no_fault() {
    let found = Findings { clock_off_s: None, differences: vec!["a".into(), "b".into()] };
    assert_eq!((found.state(), found.reason().as_deref()), (HealthState::Healthy, Some("a; b")));
    assert_eq!(Findings::default().reason(), None);
}
