//! The length of functions, from the line of `fn` to that of the closing brace.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::{group, is_ident, is_punct};
use crate::tidy::breach::Breach;
use crate::tidy::rule::Rule;
use crate::tidy::source::Source;

/// The longest function, in lines.
const FUNCTION_MAX: usize = 70;

/// Checks every function, those inside of functions and macros too.
pub(super) fn check(source: &Source, tokens: &TokenStream) -> Vec<Breach> {
    let mut breaches = Vec::new();
    walk(tokens, &mut |name, length| {
        if length > FUNCTION_MAX {
            let what = format!("`{name}` has {length} lines, {FUNCTION_MAX} are the limit");
            let line = name.span().start().line;
            let breach = Breach::new(Rule::FunctionLength, source, line, what);
            breaches.push(breach.with_excess(length - FUNCTION_MAX));
        }
    });
    breaches
}

fn walk(tokens: &TokenStream, see: &mut impl FnMut(&Ident, usize)) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for at in 0..tokens.len() {
        if let Some((name, length)) = function(&tokens[at..]) {
            see(name, length);
        }
        if let TokenTree::Group(group) = &tokens[at] {
            walk(&group.stream(), see);
        }
    }
}

/// Returns name and length of the function that begins here. `fn(…)` is a type, and a
/// function without a body is a declaration.
fn function(tokens: &[TokenTree]) -> Option<(&Ident, usize)> {
    let [first, TokenTree::Ident(name), rest @ ..] = tokens else { return None };
    if !is_ident(Some(first), "fn") {
        return None;
    }
    let declaration = rest.iter().take_while(|token| !is_punct(Some(token), ';'));
    let body = declaration.filter_map(|token| group(Some(token), Delimiter::Brace)).next()?;
    let lines = first.span().start().line..=body.span_close().end().line;
    Some((name, lines.count()))
}

#[cfg(test)]
mod tests;
