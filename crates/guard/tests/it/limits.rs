//! Hard limits, at and beyond their edges.

use guard::{At, DownLimit, RestartLimit, Verdict, ZeroLimit};

const SILENT_MS: u64 = 60_000;

#[test]
fn one_lost_event_fails_for_good_and_nothing_checked_does_not_pass() {
    let mut limit = ZeroLimit::new("loss", "audit", "lost event", SILENT_MS);
    assert_eq!(limit.judge(At(0)).verdict, Verdict::Insufficient);
    limit.observe(At(1000), 0.0, 0.0);
    assert_eq!(limit.judge(At(1000)).verdict, Verdict::Insufficient);
    limit.observe(At(2000), 500.0, 0.0);
    assert_eq!(limit.judge(At(2000)).sentence, "Not one lost event was found among 500.");
    assert_eq!(limit.judge(At(62_001)).verdict, Verdict::Error);
    limit.observe(At(3000), 500.0, 1.0);
    limit.observe(At(4000), 500.0, 0.0);
    let judged = limit.judge(At(900_000));
    assert_eq!((judged.verdict, judged.value, judged.n), (Verdict::Fail, Some(1.0), 1500.0));
    assert_eq!(judged.sentence, "Not one lost event is allowed, and 1 was found.");
    limit.observe(At(5000), 500.0, 7.0);
    let judged = limit.judge(At(900_000));
    assert_eq!(judged.sentence, "Not one lost event is allowed, and 8 were found.");
}

#[test]
fn counts_that_are_none_are_an_error() {
    for (checked, found) in [(f64::NAN, 0.0), (1.0, f64::NAN), (-1.0, 0.0), (1.0, -1.0)] {
        let mut limit = ZeroLimit::new("loss", "audit", "lost event", SILENT_MS);
        limit.observe(At(1000), 5.0, 0.0);
        limit.observe(At(2000), checked, found);
        assert_eq!(limit.judge(At(2000)).verdict, Verdict::Error, "{checked} {found}");
        limit.observe(At(1000), 5.0, 0.0);
        assert_eq!(limit.judge(At(2000)).verdict, Verdict::Error, "of the past");
        limit.observe(At(3000), 5.0, 0.0);
        assert_eq!(limit.judge(At(3000)).verdict, Verdict::Pass);
    }
}

#[test]
fn health_may_be_away_up_to_the_limit() {
    let mut limit = DownLimit::new("health", "probe", 600_000, SILENT_MS);
    let mut look = |second: u64, is_up: bool| {
        limit.observe(At(second * 1000), is_up);
        limit.judge(At(second * 1000)).verdict
    };
    assert_eq!(look(10, true), Verdict::Pass);
    assert_eq!(look(20, false), Verdict::Insufficient);
    assert_eq!(look(620, false), Verdict::Insufficient);
    assert_eq!(look(621, true), Verdict::Fail, "it was down up to now, as far as one knows");
    let mut limit = DownLimit::new("health", "probe", 600_000, SILENT_MS);
    for (second, is_up) in [(10, true), (20, false), (619, true), (700, false), (1200, true)] {
        limit.observe(At(second * 1000), is_up);
    }
    let judged = limit.judge(At(1_200_000));
    assert_eq!((judged.verdict, judged.value), (Verdict::Pass, Some(599.0)));
}

#[test]
fn restarts_count_within_their_time() {
    let mut limit = RestartLimit::new("restarts", "counters", (2, 600_000), SILENT_MS);
    let mut look = |second: u64, restarts: u64| {
        limit.observe(At(second * 1000), restarts);
        limit.judge(At(second * 1000)).verdict
    };
    assert_eq!(look(0, 1), Verdict::Pass);
    assert_eq!(look(300, 1), Verdict::Pass);
    assert_eq!(look(601, 1), Verdict::Pass, "the first is out of the time");
    assert_eq!(look(700, 1), Verdict::Fail);
    assert_eq!(look(9000, 0), Verdict::Fail);
    let mut storm = RestartLimit::new("restarts", "counters", (2, 600_000), SILENT_MS);
    storm.observe(At(1), u64::MAX);
    assert_eq!(storm.judge(At(1)).verdict, Verdict::Fail);
}

#[test]
fn what_a_refused_look_found_is_not_forgotten() {
    for (at, checked, found) in
        [(5, f64::NAN, 3.0), (5, -1.0, 3.0), (5, 500.0, f64::INFINITY), (1, 500.0, 1.0)]
    {
        let mut limit = ZeroLimit::new("loss", "audit", "lost event", SILENT_MS);
        limit.observe(At(1), 10.0, 0.0);
        limit.observe(At(at), checked, found);
        limit.observe(At(10), 500.0, 0.0);
        let judged = limit.judge(At(10));
        assert_eq!((judged.verdict, judged.refused), (Verdict::Fail, 1), "{found} of {checked}");
        assert!(judged.value.unwrap() >= 1.0);
    }
    let mut limit = RestartLimit::new("restarts", "counters", (2, 600_000), SILENT_MS);
    limit.observe(At(1000), 1);
    limit.observe(At(1000), 2);
    assert_eq!(limit.judge(At(1000)).verdict, Verdict::Fail);
}

#[test]
fn what_is_down_now_counts_up_to_now() {
    let mut limit = DownLimit::new("health", "probe", 600_000, 900_000);
    limit.observe(At(1000), false);
    assert_eq!(limit.judge(At(601_000)).verdict, Verdict::Insufficient);
    let judged = limit.judge(At(701_000));
    assert_eq!(judged.sentence, "It was down for 700 seconds; 600 are allowed.");
    assert_eq!((judged.verdict, judged.value), (Verdict::Fail, Some(700.0)));
    assert_eq!((judged.unit.as_str(), judged.bound), ("seconds", Some(600.0)));
    assert_eq!(limit.judge(At(901_001)).verdict, Verdict::Error, "nobody looked for too long");
}

#[test]
fn restarts_without_a_limit_worth_the_name_need_no_memory() {
    let mut limit = RestartLimit::new("restarts", "counters", (u64::MAX, u64::MAX), SILENT_MS);
    for second in 0..20_000 {
        limit.observe(At(second), u64::MAX / 2);
    }
    assert_eq!(limit.judge(At(20_000)).verdict, Verdict::Pass);
    let mut limit = RestartLimit::new("restarts", "counters", (19_999, u64::MAX), SILENT_MS);
    for second in 0..19_999 {
        limit.observe(At(second), 1);
    }
    assert_eq!(limit.judge(At(20_000)).verdict, Verdict::Pass);
    limit.observe(At(20_000), 1);
    assert_eq!(limit.judge(At(20_000)).value, Some(20_000.0), "none is forgotten");
    assert_eq!(limit.judge(At(20_000)).verdict, Verdict::Fail);
}
