//! Headers and lengths.

use std::str::FromStr;

use proc_macro2::TokenStream;

use super::{FILE_MAX, LINE_MAX, check};
use crate::tidy::rule::Rule::{self, FileHeader, FileLength, LineLength};
use crate::tidy::source::Source;

fn breaches(text: &str) -> Vec<(Rule, usize, usize)> {
    let tokens = TokenStream::from_str(text).expect("tokens");
    check(&Source::plain("a.rs", text), &tokens)
        .iter()
        .map(|breach| (breach.rule, breach.line, breach.excess))
        .collect()
}

#[test]
fn a_file_says_what_it_is_for() {
    assert_eq!(breaches("//! Ids.\n"), []);
    for text in ["", "\n//! Late.\n", "// No doc.\n", "use std::fmt;\n"] {
        assert_eq!(breaches(text), [(FileHeader, 1, 1)], "{text:?}");
    }
}

#[test]
fn a_long_file_is_split_or_a_table() {
    let rest = "const X: u8 = 0;\n".repeat(FILE_MAX);
    assert_eq!(breaches(&format!("//! Long.\n{rest}")), [(FileLength, 1, 1)]);
    assert_eq!(breaches(&format!("//! Long.\n//!\n//! tidy: table\n{rest}")), []);
    let fits = "const X: u8 = 0;\n".repeat(FILE_MAX - 1);
    assert_eq!(breaches(&format!("//! Fits.\n{fits}")), []);
    let late = format!("//! Long.\n{fits}//! tidy: table\n");
    assert_eq!(breaches(&late), [(FileLength, 1, 1)], "the mark stands in the header");
}

#[test]
fn a_long_line_is_broken_unless_it_cannot_be() {
    let long = "x".repeat(LINE_MAX);
    assert_eq!(breaches(&format!("//! A.\nuse {long};\n")), [(LineLength, 2, 1)]);
    assert_eq!(breaches(&format!("//! A.\n// {long}\n")), [(LineLength, 2, 1)]);
    assert_eq!(breaches(&format!("//! A.\n/// {long}\nstruct A;\n")), [(LineLength, 2, 1)]);
    assert_eq!(breaches(&format!("//! A.\n// https://a.example/{long}\n")), []);
    assert_eq!(breaches(&format!("//! A.\nconst A: &str = \"{long}\";\n")), []);
    assert_eq!(breaches(&format!("//! A.\nconst A: &str = r\"\n{long}\n\";\n")), []);
}

#[test]
fn characters_count_and_not_bytes() {
    let wide = "ü".repeat(LINE_MAX - 3);
    assert_eq!(breaches(&format!("//! A.\n// {wide}\n")), []);
}
