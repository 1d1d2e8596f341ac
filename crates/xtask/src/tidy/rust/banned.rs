//! Words that must not be there: unfinished work, hidden warnings, tests that do not run, and
//! `unwrap` outside of tests.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

use super::{group, is_ident, is_punct};
use crate::tidy::breach::Breach;
use crate::tidy::rule::Rule;
use crate::tidy::source::Source;

const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

/// Checks for banned words.
pub(super) fn check(source: &Source, tokens: &TokenStream) -> Vec<Breach> {
    let mut search = Search { source, breaches: Vec::new() };
    search.walk(tokens, if is_test_file(source) { Part::Test } else { Part::Product });
    search.breaches
}

fn is_test_file(source: &Source) -> bool {
    source.name() == "tests.rs" || source.path.split('/').any(|part| part == "tests")
}

/// Who runs the code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Product,
    Test,
}

struct Search<'s> {
    source: &'s Source,
    breaches: Vec<Breach>,
}

impl Search<'_> {
    fn walk(&mut self, tokens: &TokenStream, part: Part) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        // A test attribute holds up to the end of its item: a body, or a semicolon.
        let mut item = part;
        for (at, token) in tokens.iter().enumerate() {
            self.look(&tokens, at, item);
            if starts_test(&tokens, at) {
                item = Part::Test;
            }
            if let TokenTree::Group(inner) = token {
                self.walk(&inner.stream(), item);
            }
            if is_punct(Some(token), ';') || group(Some(token), Delimiter::Brace).is_some() {
                item = part;
            }
        }
    }

    fn look(&mut self, tokens: &[TokenTree], at: usize, part: Part) {
        if let Some(attribute) = attribute(tokens, at) {
            self.look_at_attribute(&attribute);
        }
        let TokenTree::Ident(ident) = &tokens[at] else { return };
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let name = ident.to_string();
        if UNFINISHED.contains(&name.as_str()) && is_punct(tokens.get(at + 1), '!') {
            self.breach(Rule::Unfinished, ident.span(), &format!("`{name}!`"));
        }
        let called = is_punct(before, '.') || is_punct(before, ':');
        if name == "unwrap" && called && part == Part::Product {
            self.breach(Rule::Unwrap, ident.span(), "`unwrap` outside of tests");
        }
    }

    fn look_at_attribute(&mut self, attribute: &[TokenTree]) {
        let Some(first) = attribute.first() else { return };
        if names(attribute, "allow") {
            self.breach(Rule::AllowAttribute, first.span(), "`#[allow(…)]`");
        }
        if names(attribute, "ignore") {
            self.breach(Rule::IgnoredTest, first.span(), "`#[ignore]`");
        }
    }

    fn breach(&mut self, rule: Rule, place: Span, what: &str) {
        self.breaches.push(Breach::new(rule, self.source, place.start().line, what));
    }
}

/// Returns the tokens of the attribute whose brackets stand here, after `#` or `#!`.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<Vec<TokenTree>> {
    let brackets = group(tokens.get(at), Delimiter::Bracket)?;
    let before = |steps: usize| at.checked_sub(steps).and_then(|before| tokens.get(before));
    let outer = is_punct(before(1), '#');
    let inner = is_punct(before(1), '!') && is_punct(before(2), '#');
    (outer || inner).then(|| brackets.stream().into_iter().collect())
}

/// Tells whether an attribute is of this name, or sets it through `cfg_attr`.
fn names(attribute: &[TokenTree], name: &str) -> bool {
    if !is_ident(attribute.first(), "cfg_attr") {
        return is_ident(attribute.first(), name);
    }
    let Some(condition) = group(attribute.get(1), Delimiter::Parenthesis) else { return false };
    condition.stream().into_iter().skip(1).any(|token| is_ident(Some(&token), name))
}

/// Tells whether a test attribute stands here: `#[test]`, `#[tokio::test]`, `#[cfg(test)]`.
fn starts_test(tokens: &[TokenTree], at: usize) -> bool {
    let Some(attribute) = attribute(tokens, at) else { return false };
    if !is_ident(attribute.first(), "cfg") {
        let path = attribute.iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
        return is_ident(path.last(), "test");
    }
    let condition = group(attribute.get(1), Delimiter::Parenthesis);
    condition.is_some_and(|condition| needs_test(condition.stream()))
}

/// Tells whether a condition holds in tests only: `test`, or `all(…)` with it.
fn needs_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match group(tokens.get(1), Delimiter::Parenthesis) {
        Some(inner) if is_ident(tokens.first(), "all") => {
            inner.stream().into_iter().any(|token| is_ident(Some(&token), "test"))
        }
        Some(_) => false,
        None => is_ident(tokens.first(), "test"),
    }
}

#[cfg(test)]
mod tests;
