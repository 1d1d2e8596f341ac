//! Guards of a plan, fed with every kind of sighting.

use guard::{Counts, Look};
use runbook::{Mode, Options, plan};

use super::*;

/// Returns what the plan makes of a guard.
fn planned(fence: &str) -> PlannedGuard {
    let text = format!(
        "---\nrunbook:\n  version: 1\n  mode: rehearsal\n  owner: operator\nroles:\n  operator: Ana\n\
         ---\n# T\n\n## Gates <!-- run: section gates -->\n\n- Ready? <!-- run: sign-off id=G1 -->\n\n\
         ## Steps <!-- run: section steps -->\n\n1. Give it traffic. <!-- run: traffic id=S1 -->\n\n   \
         ```toml traffic\n   weight_percent = 10\n   hold = \"10m\"\n   requests_per_second = 50\n   \
         connections = 400\n   ```\n\n\
         ```toml guard\nid = \"it\"\n{fence}\n```\n\n## Rollback <!-- run: section rollback -->\n\n\
         1. Set `A=0`. <!-- run: flag id=R1 -->\n"
    );
    let planned = plan(&text, &Options { mode: Some(Mode::Rehearsal), environment: None });
    let plan = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems));
    plan.guards.into_iter().next().unwrap()
}

fn watch(fence: &str) -> Watch {
    Watch::new(&planned(fence), 0.01, Pace::AS_PLANNED).unwrap()
}

const ZERO: &str = "measure = \"zero\"\nsource = \"ledger\"\nwhat = \"lost event\"";
const DOWN: &str = "measure = \"down\"\nsource = \"/health\"\nwithin = \"10m\"";
const RESTARTS: &str =
    "measure = \"restarts\"\nsource = \"supervisor\"\nrestarts = 2\nwithin = \"10m\"";
const ERRORS: &str = "measure = \"errors\"\nsource = \"router\"\nwatch = \"S1\"\n\
                      stable_rate = \"0.5%\"\nratio = 4.0";
const BREAKS: &str = "measure = \"disconnects\"\nsource = \"router\"\nwatch = \"S1\"\n\
                      stable_rate = 0.0005\nratio = 4.0";
const LATENCY: &str = "measure = \"latency\"\nsource = \"probe\"\nwatch = \"S1\"\nratio = 1.2\n\
                       pairs = 500";

/// Judges what is seen second by second.
fn judged(fence: &str, seen: impl IntoIterator<Item = Sighting>) -> Judgement {
    let mut watch = watch(fence);
    let mut now = At(1_000_000);
    for sighting in seen {
        now = At(now.0 + 1000);
        watch.take(now, Ok(sighting));
    }
    watch.judge(now)
}

fn requests(canary: f64, stable: f64) -> Sighting {
    let counts = |errors| Counts::of_requests(1000.0, errors).unwrap();
    Sighting::Arms(Look { canary: counts(canary), stable: counts(stable) })
}

fn seconds(canary: f64, stable: f64) -> Sighting {
    let counts = |errors| Counts::of_seconds(100_000.0, errors).unwrap();
    Sighting::Arms(Look { canary: counts(canary), stable: counts(stable) })
}

fn pairs(canary: f64) -> Sighting {
    Sighting::Pairs { unit: "ms", pairs: vec![(canary, 10.0); 50] }
}

#[test]
fn each_measure_judges_what_is_seen_for_it() {
    let bad = |found| Sighting::Bad { checked: 10.0, found };
    let table: [(&str, Vec<Sighting>, Verdict); 13] = [
        (ZERO, vec![], Verdict::Insufficient),
        (ZERO, vec![Sighting::First], Verdict::Insufficient),
        (ZERO, vec![bad(0.0)], Verdict::Pass),
        (ZERO, vec![bad(0.0), bad(1.0), bad(0.0)], Verdict::Fail),
        (DOWN, vec![Sighting::Up(true)], Verdict::Pass),
        (DOWN, vec![Sighting::Up(true), Sighting::Up(false)], Verdict::Insufficient),
        (RESTARTS, vec![Sighting::Restarts(0), Sighting::Restarts(2)], Verdict::Pass),
        (RESTARTS, vec![Sighting::Restarts(0), Sighting::Restarts(3)], Verdict::Fail),
        (ERRORS, vec![requests(5.0, 5.0); 60], Verdict::Pass),
        (ERRORS, vec![requests(200.0, 5.0); 60], Verdict::Fail),
        (BREAKS, vec![seconds(500.0, 50.0); 60], Verdict::Fail),
        (LATENCY, vec![pairs(10.0); 4], Verdict::Pass),
        (LATENCY, vec![pairs(20.0); 4], Verdict::Fail),
    ];
    for (fence, seen, expected) in table {
        let judged = judged(fence, seen.clone());
        assert_eq!(judged.verdict, expected, "{fence} {seen:?}: {}", judged.sentence);
    }
}

#[test]
fn clients_are_counted_each() {
    let client = |client, errors| guard::ClientCounts { client, requests: 100, errors };
    let look = |errors| {
        let of = |from: u64, errors| -> Vec<_> {
            (from..from + 20).map(|n| client(n, errors)).collect()
        };
        Sighting::Clients { canary: of(0, errors), stable: of(100, 0) }
    };
    let seen: Vec<_> = (0..10).map(|n| look(if n % 2 == 0 { 0 } else { 50 })).collect();
    assert_eq!(judged(ERRORS, seen).verdict, Verdict::Fail);
    // What can't be is no look.
    let mut watch = watch(ERRORS);
    watch.take(At(1000), Ok(look(101)));
    let judged = watch.judge(At(1000));
    assert_eq!(judged.verdict, Verdict::Error, "{}", judged.sentence);
}

#[test]
fn a_source_that_is_silent_for_too_long_is_an_error_that_says_why() {
    for fence in [ZERO, DOWN, RESTARTS, ERRORS, LATENCY] {
        let mut watch = watch(fence);
        let away = || Err(NoSight("connection refused".into()));
        watch.take(At(0), away());
        watch.take(At(60_000), away());
        assert_eq!(watch.judge(At(60_000)).verdict, Verdict::Insufficient, "{fence}");
        watch.take(At(61_000), away());
        let judged = watch.judge(At(61_000));
        assert_eq!(judged.verdict, Verdict::Error, "{fence}");
        assert_eq!(judged.sentence, "No data has come for 61 seconds: connection refused.");
    }
    // It speaks again.
    let mut watch = watch(ZERO);
    watch.take(At(0), Err(NoSight("away".into())));
    watch.take(At(90_000), Ok(Sighting::Bad { checked: 1.0, found: 0.0 }));
    assert_eq!(watch.judge(At(90_000)).verdict, Verdict::Pass);
}

#[test]
fn what_failed_stays_failed_in_silence() {
    let mut watch = watch(ZERO);
    watch.take(At(0), Ok(Sighting::Bad { checked: 1.0, found: 1.0 }));
    watch.take(At(90_000), Err(NoSight("away".into())));
    assert_eq!(watch.judge(At(90_000)).verdict, Verdict::Fail);
}

#[test]
fn what_a_guard_does_not_judge_is_silence() {
    let mut watch = watch(ZERO);
    watch.take(At(0), Ok(Sighting::Up(true)));
    assert_eq!(watch.judge(At(0)).verdict, Verdict::Insufficient);
    watch.take(At(61_000), Ok(Sighting::Up(true)));
    let judged = watch.judge(At(61_000));
    assert_eq!(judged.verdict, Verdict::Error);
    assert!(judged.sentence.contains("gave what it does not judge: Up(true)"), "{judged:?}");
}

#[test]
fn at_a_pace_limits_on_health_and_restarts_are_shorter_and_no_others() {
    let verdict = |fence: &str, pace: f64, seen: [(u64, Sighting); 2]| {
        let pace = Pace::new(pace).unwrap();
        let mut watch = Watch::new(&planned(fence), 0.01, pace).unwrap();
        let last = seen[1].0;
        for (at, sighting) in seen {
            watch.take(At(at), Ok(sighting));
        }
        watch.judge(At(last)).verdict
    };
    let down = [(0, Sighting::Up(false)), (30_000, Sighting::Up(false))];
    assert_eq!(verdict(DOWN, 1.0, down.clone()), Verdict::Insufficient);
    assert_eq!(verdict(DOWN, 60.0, down), Verdict::Fail);
    let restarts = [(0, Sighting::Restarts(0)), (1000, Sighting::Restarts(3))];
    assert_eq!(verdict(RESTARTS, 60.0, restarts), Verdict::Fail);
    let once = [(0, requests(5.0, 5.0)), (1000, requests(5.0, 5.0))];
    assert_eq!(verdict(ERRORS, 1.0, once.clone()), verdict(ERRORS, 60.0, once));
}

#[test]
fn a_guard_without_its_numbers_is_named() {
    let mut spec = planned(DOWN);
    spec.spec.within = None;
    let error = Watch::new(&spec, 0.01, Pace::AS_PLANNED).unwrap_err();
    assert_eq!(error.to_string(), "the guard it has no `within`");
    let error = Watch::new(&planned(ERRORS), 7.0, Pace::AS_PLANNED).unwrap_err();
    assert!(matches!(error, WatchError::Settings { .. }));
}
