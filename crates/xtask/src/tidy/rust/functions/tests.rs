//! What counts as one function.

use std::str::FromStr;

use proc_macro2::TokenStream;

use super::{FUNCTION_MAX, check};
use crate::tidy::source::Source;

fn breaches(text: &str) -> Vec<(usize, usize)> {
    let tokens = TokenStream::from_str(text).expect("tokens");
    check(&Source::plain("a.rs", text), &tokens)
        .iter()
        .map(|breach| (breach.line, breach.excess))
        .collect()
}

/// A function of so many lines.
fn function(lines: usize) -> String {
    format!("fn f() {{\n{}}}\n", "g();\n".repeat(lines - 2))
}

#[test]
fn a_function_at_the_limit_passes() {
    assert_eq!(breaches(&function(FUNCTION_MAX)), []);
    assert_eq!(breaches(&function(FUNCTION_MAX + 3)), [(1, 3)]);
}

#[test]
fn functions_are_found_wherever_they_are() {
    let long = function(FUNCTION_MAX + 1);
    assert_eq!(breaches(&format!("impl A {{\n{long}}}\n")), [(2, 1)]);
    assert_eq!(breaches(&format!("proptest! {{\n{long}}}\n")), [(2, 1)]);
    let signature = long.replace("fn f()", "fn f<T>(t: [u8; 2]) -> fn(u8) where T: Fn()");
    assert_eq!(breaches(&signature), [(1, 1)]);
}

#[test]
fn docs_and_attributes_do_not_count() {
    let docs = "/// Says.\n".repeat(FUNCTION_MAX);
    assert_eq!(breaches(&format!("{docs}#[inline]\n{}", function(FUNCTION_MAX))), []);
}

#[test]
fn a_declaration_has_no_length() {
    let other = "mod m {\n".to_owned() + &"use a;\n".repeat(FUNCTION_MAX) + "}\n";
    assert_eq!(breaches(&format!("fn f();\n{other}")), []);
    assert_eq!(breaches(&format!("type F = fn();\n{other}")), []);
}
