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
fn an_empty_run_has_nothing_to_show() {
    assert_eq!(Summary(Vec::new()).to_string(), "\n0 passed, 0 failed");
}
