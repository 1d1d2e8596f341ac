//! Whitespace that nobody sees.

use super::check;
use crate::tidy::rule::Rule::{self, FinalNewline, TrailingWhitespace};
use crate::tidy::source::Source;

fn breaches(path: &str, text: &str) -> Vec<(Rule, usize)> {
    check(&Source::plain(path, text)).iter().map(|breach| (breach.rule, breach.line)).collect()
}

#[test]
fn lines_end_in_what_is_seen() {
    assert_eq!(breaches("a", "one\n\ntwo\n"), []);
    assert_eq!(breaches("a", "one \ntwo\t\nthree\r\n"), [1, 2, 3].map(|n| (TrailingWhitespace, n)));
}

#[test]
fn files_end_in_one_newline() {
    assert_eq!(breaches("a", ""), []);
    assert_eq!(breaches("a", "one"), [(FinalNewline, 1)]);
    assert_eq!(breaches("a", "one\n\n"), [(FinalNewline, 2)]);
}

#[test]
fn golden_files_are_left_alone() {
    assert_eq!(breaches("crates/a/tests/golden/frame", "data: 1 \n\n"), []);
}
