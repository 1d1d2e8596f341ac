//! What a step makes of the tests that ran.

use super::{Expect, Outcome, Pace, Step};
use crate::surreal::Server;
use crate::test_count::TestCount;

fn ran(passed: usize) -> TestCount {
    TestCount { passed, ..TestCount::default() }
}

fn passes(expect: Expect, passed: usize) -> bool {
    matches!(expect.judge(ran(passed)), Outcome::Passed(_))
}

#[test]
fn a_command_may_have_to_run_tests() {
    assert!(passes(Expect::Success, 0));
    assert!(!passes(Expect::SomeTests, 0));
    assert!(passes(Expect::SomeTests, 7));
}

#[test]
fn a_named_test_must_run_once() {
    assert!(!passes(Expect::OneTest, 0), "renamed: cargo exits 0 with no test run");
    assert!(passes(Expect::OneTest, 1));
    assert!(!passes(Expect::OneTest, 2), "not --exact, or named twice");
}

#[test]
fn a_step_shows_what_to_repeat() {
    let docs = Step::cargo("docs", "doc --no-deps").with_env("RUSTDOCFLAGS", "-D warnings");
    assert_eq!(docs.shown(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    assert_eq!(docs.long().pace, Pace::Long);
    let tidy = Step::inside("tidy", || Ok(Outcome::Passed(String::new())));
    assert_eq!(tidy.shown(), "cargo xtask tidy");
}

#[test]
fn an_error_fails_the_step() {
    let broken = Step::inside("broken", || anyhow::bail!("the disk is gone"));
    assert_eq!(broken.run(&Server::LeftOut), Outcome::Failed("the disk is gone".into()));
}
