//! The shape of a file: how it opens, how long it is, how long its lines are.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use crate::tidy::breach::Breach;
use crate::tidy::rule::Rule;
use crate::tidy::source::Source;

/// The longest file, in lines.
const FILE_MAX: usize = 500;

/// The longest line, in characters; rustfmt breaks code long before, and leaves the rest.
const LINE_MAX: usize = 120;

/// What a file says in its header to be as long as it needs to be.
const TABLE: &str = "//! tidy: table";

/// Checks header and lengths.
pub(super) fn check(source: &Source, tokens: &TokenStream) -> Vec<Breach> {
    let mut breaches = Vec::from_iter(check_header(source));
    breaches.extend(check_length(source));
    breaches.extend(check_lines(source, tokens));
    breaches
}

fn check_header(source: &Source) -> Option<Breach> {
    let opens = source.text.starts_with("//!");
    (!opens).then(|| Breach::new(Rule::FileHeader, source, 1, "no `//!` in the first line"))
}

fn check_length(source: &Source) -> Option<Breach> {
    let mut header = source.text.lines().take_while(|line| line.starts_with("//!"));
    let length = source.text.lines().count();
    if length <= FILE_MAX || header.any(|line| line.trim_end() == TABLE) {
        return None;
    }
    let what = format!("{length} lines, {FILE_MAX} are the limit");
    Some(Breach::new(Rule::FileLength, source, 1, what).with_excess(length - FILE_MAX))
}

fn check_lines(source: &Source, tokens: &TokenStream) -> Vec<Breach> {
    let mut strings = BTreeSet::new();
    add_string_lines(tokens, &mut strings);
    let may_be_long = |number: usize, line: &str| {
        let comment = line.trim_start().starts_with("//");
        if comment { line.contains("://") } else { strings.contains(&number) }
    };
    source
        .lines()
        .map(|(number, line)| (number, line, line.chars().count()))
        .filter(|(number, line, length)| *length > LINE_MAX && !may_be_long(*number, line))
        .map(|(number, _, length)| {
            let what = format!("{length} characters, {LINE_MAX} are the limit");
            Breach::new(Rule::LineLength, source, number, what)
        })
        .collect()
}

/// Adds the lines on which a string stands; a doc comment is a string too, to the tokens.
fn add_string_lines(tokens: &TokenStream, lines: &mut BTreeSet<usize>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => add_string_lines(&group.stream(), lines),
            TokenTree::Literal(literal) if literal.to_string().contains('"') => {
                lines.extend(literal.span().start().line..=literal.span().end().line);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
