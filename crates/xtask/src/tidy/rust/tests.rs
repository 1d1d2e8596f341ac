//! A Rust file as a whole.

use super::check;
use crate::tidy::rule::Rule::{self, FileHeader, Unfinished, Unreadable};
use crate::tidy::source::Source;

fn rules(path: &str, text: &str) -> Vec<Rule> {
    check(&Source::plain(path, text)).iter().map(|breach| breach.rule).collect()
}

#[test]
fn every_family_looks_at_the_file() {
    assert_eq!(rules("a.rs", "fn f() { todo!() }\n"), [FileHeader, Unfinished]);
}

#[test]
fn a_file_without_tokens_is_unreadable() {
    assert_eq!(rules("a.rs", "//! Open.\nfn f() {\n"), [Unreadable]);
}

#[test]
fn other_files_are_not_rust() {
    assert_eq!(rules("a.md", "fn f() { todo!() }"), []);
}
