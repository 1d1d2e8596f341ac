//! Real commands: their exit, their output, and the limit.

use std::io;
use std::process::Command;
use std::time::Duration;

use super::{End, Group, run_in};
use crate::failures::Failures;
use crate::test_count::TestCount;

const AMPLE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn sh(script: &str, limit: Duration) -> End {
    run_in(Group::Own, Command::new("sh").args(["-c", script]), limit, io::sink())
        .expect("sh starts")
}

#[test]
fn exit_and_counts_are_read() {
    let tests = TestCount { passed: 2, failed: 1, ignored: 0 };
    let result = "echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'";
    for (exit, success) in [(0, true), (3, false)] {
        let end = sh(&format!("{result}; exit {exit}"), AMPLE);
        let failures = Failures::default();
        assert_eq!(end, End::Exited { success, tests, failures });
    }
}

#[test]
fn what_failed_tests_said_is_read() {
    let end = sh(
        "printf 'failures:\\n\\n---- a::b stdout ----\\nleft: 1\\n\\nfailures:\\n    a::b\\n'; exit 1",
        AMPLE,
    );
    let End::Exited { success: false, failures, .. } = end else { panic!("{end:?}") };
    assert_eq!(failures.shown(), "\nFAILED a::b\n  left: 1\n");
}

#[test]
fn output_need_not_be_text() {
    let end = sh("printf '\\377\\n'", AMPLE);
    assert!(matches!(end, End::Exited { success: true, .. }), "{end:?}");
}

#[test]
fn a_hang_ends_at_the_limit_with_all_that_it_started() {
    for script in ["exec sleep 600", "sleep 600 & wait", "sleep 600 & exit 0"] {
        assert_eq!(sh(script, SHORT), End::TimedOut { still_held: false }, "{script}");
    }
}

#[test]
fn a_missing_program_is_an_error_that_names_it() {
    let error = run_in(Group::Own, &mut Command::new("no-such-program"), AMPLE, io::sink())
        .expect_err("cannot start");
    assert!(error.to_string().contains("no-such-program"), "{error}");
}
