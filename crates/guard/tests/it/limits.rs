//! Hard limits, at and beyond their edges.

use guard::{At, DownLimit, RestartLimit, Verdict, ZeroLimit};

const SILENT_MS: u64 = 60_000;

#[test]
fn one_lost_event_fails_for_good_and_nothing_checked_does_not_pass() {
    let mut limit = ZeroLimit::new("loss", "audit", "lost events", SILENT_MS);
    assert_eq!(limit.judge(At(0)).verdict, Verdict::Insufficient);
    limit.look(At(1000), 0.0, 0.0);
    assert_eq!(limit.judge(At(1000)).verdict, Verdict::Insufficient);
    limit.look(At(2000), 500.0, 0.0);
    assert_eq!(limit.judge(At(2000)).sentence, "There were no lost events among 500.");
    assert_eq!(limit.judge(At(62_001)).verdict, Verdict::Error);
    limit.look(At(3000), 500.0, 1.0);
    limit.look(At(4000), 500.0, 0.0);
    let judged = limit.judge(At(900_000));
    assert_eq!((judged.verdict, judged.value, judged.n), (Verdict::Fail, Some(1.0), 1500.0));
}

#[test]
fn counts_that_are_none_are_an_error() {
    for (checked, found) in [(f64::NAN, 0.0), (1.0, f64::NAN), (-1.0, 0.0), (1.0, -1.0)] {
        let mut limit = ZeroLimit::new("loss", "audit", "lost events", SILENT_MS);
        limit.look(At(1000), 5.0, 0.0);
        limit.look(At(2000), checked, found);
        assert_eq!(limit.judge(At(2000)).verdict, Verdict::Error, "{checked} {found}");
        limit.look(At(1000), 5.0, 0.0);
        assert_eq!(limit.judge(At(2000)).verdict, Verdict::Error, "of the past");
        limit.look(At(3000), 5.0, 0.0);
        assert_eq!(limit.judge(At(3000)).verdict, Verdict::Pass);
    }
}

#[test]
fn health_may_be_away_up_to_the_limit() {
    let mut limit = DownLimit::new("health", "probe", 600_000, SILENT_MS);
    let mut look = |second: u64, is_up: bool| {
        limit.look(At(second * 1000), is_up);
        limit.judge(At(second * 1000)).verdict
    };
    assert_eq!(look(10, true), Verdict::Pass);
    assert_eq!(look(20, false), Verdict::Insufficient);
    assert_eq!(look(620, false), Verdict::Insufficient);
    assert_eq!(look(621, true), Verdict::Fail, "it was down up to now, as far as one knows");
    let mut limit = DownLimit::new("health", "probe", 600_000, SILENT_MS);
    for (second, is_up) in [(10, true), (20, false), (619, true), (700, false), (1200, true)] {
        limit.look(At(second * 1000), is_up);
    }
    let judged = limit.judge(At(1_200_000));
    assert_eq!((judged.verdict, judged.value), (Verdict::Pass, Some(599.0)));
}

#[test]
fn restarts_count_within_their_time() {
    let mut limit = RestartLimit::new("restarts", "counters", (2, 600_000), SILENT_MS);
    let mut look = |second: u64, restarts: usize| {
        limit.look(At(second * 1000), restarts);
        limit.judge(At(second * 1000)).verdict
    };
    assert_eq!(look(0, 1), Verdict::Pass);
    assert_eq!(look(300, 1), Verdict::Pass);
    assert_eq!(look(601, 1), Verdict::Pass, "the first is out of the time");
    assert_eq!(look(700, 1), Verdict::Fail);
    assert_eq!(look(9000, 0), Verdict::Fail);
    let mut storm = RestartLimit::new("restarts", "counters", (2, 600_000), SILENT_MS);
    storm.look(At(1), usize::MAX);
    assert_eq!(storm.judge(At(1)).verdict, Verdict::Fail);
}
