//! The worst verdict decides, and nothing that is missing passes.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::{Finding, Gate, Report, Verdict, passed, timed};
use crate::exit::Exit;

fn report(findings: &[(Gate, Finding)]) -> Report {
    let mut report = Report {
        checks: Vec::new(),
        candidate: Value::Null,
        at: Timestamp::UNIX_EPOCH,
        out: None,
        began: Instant::now(),
        took: Duration::ZERO,
    };
    for (gate, finding) in findings {
        report.push(*gate, (finding.clone(), Duration::ZERO));
    }
    report
}

fn with(changed: &[(Gate, Finding)]) -> Report {
    let finding = |gate: Gate| {
        let changed = changed.iter().find(|(one, _)| *one == gate);
        changed.map_or_else(|| Finding::pass("well"), |(_, finding)| finding.clone())
    };
    report(&Gate::ALL.map(|gate| (gate, finding(gate))))
}

#[test]
fn the_worst_decides() {
    let fail = (Gate::Redis, Finding::fail("no", "Do something."));
    let error = (Gate::OneLog, Finding::error("no", "Do something."));
    assert_eq!(with(&[]).exit(), Exit::Done);
    assert_eq!(with(std::slice::from_ref(&fail)).exit(), Exit::Failed);
    assert_eq!(with(std::slice::from_ref(&error)).exit(), Exit::Unreachable);
    let both = with(&[error, fail]);
    assert_eq!((both.verdict(), both.exit()), (Verdict::Fail, Exit::Failed));
    assert!(!passed(&both.checks, Gate::OneLog) && passed(&both.checks, Gate::FanOut));
}

#[test]
fn what_was_not_carried_out_is_no_pass() {
    let mut some = report(&[(Gate::ServerVersion, Finding::pass("3.0.0"))]);
    assert_eq!(some.verdict(), Verdict::Error);
    some.interrupt();
    assert_eq!(some.checks.len(), Gate::ALL.len() - 1, "but for the clean-up");
    assert_eq!(some.exit(), Exit::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_an_error_that_names_its_peer() {
    let hanging = std::future::pending();
    let (finding, _) = timed(Duration::from_secs(7), "the replica at x", hanging).await;
    assert_eq!(finding.verdict, Verdict::Error);
    assert!(finding.seen.contains("within 7 s: the replica at x"), "{}", finding.seen);
}
