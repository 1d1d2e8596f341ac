//! Checks of Rust files.
//!
//! They read the file's tokens and not its syntax tree: tokens are there inside macros too
//! (`proptest!`, `tokio::select!`), and a new syntax of the language does not break them.

mod banned;
mod functions;
mod shape;

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::breach::Breach;
use super::rule::Rule;
use super::source::Source;

/// Checks a Rust file; one that has no tokens to read has no other breach than that.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    if !source.path.ends_with(".rs") {
        return Vec::new();
    }
    match TokenStream::from_str(&source.text) {
        Ok(tokens) => [
            shape::check(source, &tokens),
            functions::check(source, &tokens),
            banned::check(source, &tokens),
        ]
        .concat(),
        Err(error) => {
            let line = error.span().start().line;
            vec![Breach::new(Rule::Unreadable, source, line, error.to_string())]
        }
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_ident(token: Option<&TokenTree>, wanted: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == wanted)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
