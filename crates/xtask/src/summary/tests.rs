//! What a person, and CI, read at the end.

use std::time::Duration;

use super::{Row, Summary};
use crate::step::Outcome;

fn row(name: &'static str, outcome: Outcome, millis: u64) -> Row {
    Row { name, outcome, took: Duration::from_millis(millis) }
}

#[test]
fn the_table_shows_each_step_and_the_count() {
    let summary = Summary(vec![
        row("format", Outcome::Passed(String::new()), 1_240),
        row("deny", Outcome::LeftOut("advisories: no network".into()), 60_000),
        row("tests", Outcome::Failed("ran no test".into()), 123_456),
    ]);
    let expected = "\
format                passed       1.2 s
deny                  PARTLY      60.0 s  advisories: no network
tests                 FAILED     123.5 s  ran no test

WARNING: deny did not check everything: advisories: no network

2 passed, 1 failed";
    assert_eq!(summary.to_string(), expected);
    assert_eq!(summary.failed(), 1);
}

#[test]
fn failed_tests_stand_below_the_table_and_above_the_count() {
    let why = "tests: 1 passed, 1 failed, 0 ignored\n\nFAILED a::b\n  left: 1\n";
    let summary = Summary(vec![row("tests", Outcome::Failed(why.into()), 0)]);
    let expected = "\
tests                 FAILED       0.0 s  tests: 1 passed, 1 failed, 0 ignored

FAILED a::b
  left: 1

0 passed, 1 failed";
    assert_eq!(summary.to_string(), expected);
}

#[test]
fn tests_that_passed_alone_are_warned_of_and_fail_nothing() {
    let what = "tests: 9 passed, 1 failed, 0 ignored\n\nFAILED a::b\n  left: 1\n";
    let summary = Summary(vec![row("tests", Outcome::Unsteady(what.into()), 0)]);
    let expected = "\
tests                 UNSTEADY     0.0 s  tests: 9 passed, 1 failed, 0 ignored

WARNING: some of tests failed and passed alone

FAILED a::b
  left: 1

1 passed, 0 failed";
    assert_eq!((summary.to_string().as_str(), summary.failed()), (expected, 0));
}

#[test]
fn an_empty_run_has_nothing_to_show() {
    assert_eq!(Summary(Vec::new()).to_string(), "\n0 passed, 0 failed");
}
