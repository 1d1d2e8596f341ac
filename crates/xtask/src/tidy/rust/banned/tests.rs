//! Banned words, and the places where they are none.

use std::str::FromStr;

use proc_macro2::TokenStream;

use super::check;
use crate::tidy::rule::Rule::{self, AllowAttribute, IgnoredTest, Unfinished, Unwrap};
use crate::tidy::source::Source;

fn rules_in(path: &str, text: &str) -> Vec<Rule> {
    let tokens = TokenStream::from_str(text).expect("tokens");
    check(&Source::plain(path, text), &tokens).iter().map(|breach| breach.rule).collect()
}

fn rules(text: &str) -> Vec<Rule> {
    rules_in("crates/a/src/lib.rs", text)
}

#[test]
fn unfinished_work_is_found_in_tests_too() {
    assert_eq!(rules("fn f() { todo!() }"), [Unfinished]);
    assert_eq!(rules("fn f() { std::unimplemented!(\"x\") }"), [Unfinished]);
    assert_eq!(rules_in("crates/a/tests/it/main.rs", "fn f() { dbg!(1); }"), [Unfinished]);
    assert_eq!(rules("fn todo() { todo(); }"), []);
    assert_eq!(rules("/// Never `todo!()`.\nfn f() { g(\"todo!()\") }"), []);
}

#[test]
fn allow_is_found_and_expect_passes() {
    assert_eq!(rules("#[allow(dead_code)]\nfn f() {}"), [AllowAttribute]);
    assert_eq!(rules("#![allow(dead_code)]"), [AllowAttribute]);
    assert_eq!(rules("#[cfg_attr(test, allow(dead_code))]\nfn f() {}"), [AllowAttribute]);
    assert_eq!(rules("#[expect(dead_code, reason = \"allow\")]\nfn f() {}"), []);
}

#[test]
fn ignored_tests_are_found() {
    assert_eq!(rules("#[test]\n#[ignore]\nfn f() {}"), [IgnoredTest]);
    assert_eq!(rules("#[test]\n#[ignore = \"slow\"]\nfn f() {}"), [IgnoredTest]);
    assert_eq!(rules("proptest! { #[test] #[ignore] fn f() {} }"), [IgnoredTest]);
}

#[test]
fn unwrap_is_found_outside_of_tests() {
    assert_eq!(rules("fn f() { g().unwrap(); }"), [Unwrap]);
    assert_eq!(rules("fn f() { vec![g().unwrap()]; }"), [Unwrap]);
    assert_eq!(rules("fn f() { x.map(Option::unwrap); }"), [Unwrap]);
    assert_eq!(rules("fn f() { g().unwrap_or(1).expect(\"holds\"); }"), []);
    assert_eq!(rules("#[cfg(not(test))]\nfn f() { g().unwrap(); }"), [Unwrap]);
    assert_eq!(rules("#[cfg(any(test, unix))]\nfn f() { g().unwrap(); }"), [Unwrap]);
}

#[test]
fn unwrap_may_stand_in_tests() {
    let body = "fn f() { g().unwrap(); }";
    for mark in ["#[test]", "#[tokio::test(start_paused = true)]", "#[cfg(test)]"] {
        assert_eq!(rules(&format!("{mark}\n{body}")), [], "{mark}");
    }
    assert_eq!(rules(&format!("#[cfg(all(test, unix))]\nmod tests {{ {body} }}")), []);
    assert_eq!(rules_in("crates/a/src/b/tests.rs", body), []);
    assert_eq!(rules_in("crates/a/tests/it/main.rs", body), []);
}

#[test]
fn a_test_mark_ends_with_its_item() {
    let body = "fn f() { g().unwrap(); }";
    assert_eq!(rules(&format!("#[cfg(test)]\nmod tests;\n{body}")), [Unwrap]);
    assert_eq!(rules(&format!("#[test]\nfn t() {{}}\n{body}")), [Unwrap]);
}
