//! What is repeated of failed tests, and what is not.

use super::{CHARS_MAX, Failures, LINES_MAX, TESTS_MAX};

fn seen(output: &str) -> String {
    let mut failures = Failures::default();
    output.lines().for_each(|line| failures.see(line));
    failures.shown()
}

const TWO: &str = "\
running 3 tests
test a::b ... FAILED
test a::c ... FAILED
test a::d ... ok

failures:

---- a::b stdout ----

thread 'a::b' (7) panicked at src/lib.rs:3:5:
assertion `left == right` failed
  left: 1
 right: 2
stack backtrace:
   0: core::panicking::panic_fmt
             at /rustc/library/core/src/panicking.rs:80:14
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.


---- a::c stdout ----
Error: \"gone\"

failures:
    a::b
    a::c

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out
";

#[test]
fn each_failed_test_is_told_with_what_it_said() {
    let text = seen(TWO);
    assert_eq!(
        text,
        "\nFAILED a::b\n  thread 'a::b' (7) panicked at src/lib.rs:3:5:\n  assertion `left == right` \
         failed\n    left: 1\n   right: 2\n\nFAILED a::c\n  Error: \"gone\"\n"
    );
}

#[test]
fn failures_of_all_binaries_are_told() {
    let text = seen(&format!("{TWO}{}", TWO.replace("a::", "z::")));
    for name in ["a::b", "a::c", "z::b", "z::c"] {
        assert!(text.contains(&format!("FAILED {name}\n")), "{text}");
    }
}

#[test]
fn other_output_is_not_told() {
    assert_eq!(
        seen("running 5 tests\ntest a::b ... ok\n---- about ----\ntest result: ok. 1 passed"),
        ""
    );
}

#[test]
fn long_output_keeps_its_end() {
    let lines: String = (0..LINES_MAX + 5).map(|line| format!("line {line}\n")).collect();
    let text = seen(&format!("---- a stdout ----\n{lines}{}", "x".repeat(CHARS_MAX + 9)));
    assert!(text.contains("… 6 lines above"), "{text}");
    assert!(!text.contains("line 5\n") && text.contains("line 6\n"), "{text}");
    assert!(text.contains(&"x".repeat(CHARS_MAX)) && !text.contains(&"x".repeat(CHARS_MAX + 1)));
}

#[test]
fn a_flood_of_failures_is_counted() {
    let flood: String =
        (0..TESTS_MAX + 3).map(|n| format!("---- t{n} stdout ----\nno\n")).collect();
    let text = seen(&flood);
    assert_eq!(text.matches("FAILED").count(), TESTS_MAX);
    assert!(text.ends_with("… and 3 more failed tests"), "{text}");
}
