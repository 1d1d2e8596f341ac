//! What is counted, and what is not.

use super::TestCount;

fn check(output: &str, passed: usize, failed: usize, ignored: usize) {
    let mut count = TestCount::default();
    output.lines().for_each(|line| count.see(line));
    assert_eq!(count, TestCount { passed, failed, ignored }, "{output}");
    assert_eq!(count.ran(), passed + failed);
}

const ONE: &str = "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 41 filtered out; \
                   finished in 0.03s";
const NONE: &str = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 42 filtered out; \
                    finished in 0.00s";
const BAD: &str = "test result: FAILED. 2 passed; 1 failed; 3 ignored; 0 measured; \
                   0 filtered out; finished in 1.20s";

#[test]
fn counts_are_those_of_the_closing_lines() {
    check(ONE, 1, 0, 0);
    check(NONE, 0, 0, 0);
    check(BAD, 2, 1, 3);
    check(&format!("  {ONE}\r"), 1, 0, 0);
}

#[test]
fn counts_of_all_binaries_add_up() {
    check(&format!("running 0 tests\n\n{NONE}\n\nrunning 1 test\n{ONE}\n{BAD}"), 3, 1, 3);
}

#[test]
fn other_lines_say_nothing() {
    check("", 0, 0, 0);
    check("running 5 tests\ntest a::b ... ok", 0, 0, 0);
    check("test result: ok", 0, 0, 0);
    check("note: test result: ok. 9 passed; 0 failed", 0, 0, 0);
    check("test result: ok. nine passed; 0 failed", 0, 0, 0);
}

#[test]
fn a_person_reads_the_counts() {
    let shown = |passed, failed, ignored| TestCount { passed, failed, ignored }.shown();
    assert_eq!(shown(0, 0, 0), "");
    assert_eq!(shown(7, 0, 0), "tests: 7");
    assert_eq!(shown(7, 1, 2), "tests: 7 passed, 1 failed, 2 ignored");
}
