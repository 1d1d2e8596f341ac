//! Secrets that stand in the clear in a text, told by what they look like and by what stands before
//! them: a net below the rule that they don't belong there.
//!
//! One scanner serves who redacts and who checks a document. What it misses, and what it takes for a
//! secret that is none, are rows of its tests.

mod address;
mod header;
mod name;
mod option;
mod position;
mod prose;
mod setting;
mod token;
mod value;

use std::{fmt, ops::Range};

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// What it is, as far as can be told without showing it.
    pub what: SecretKind,
}

/// What a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// The value of a setting, an option or a header with this name.
    Of(String),
    /// Something that is told by its own form, as `a private key`.
    Form(&'static str),
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretKind::Of(name) => write!(f, "the secret of {name}"),
            SecretKind::Form(form) => f.write_str(form),
        }
    }
}

impl SecretKind {
    /// Returns what stands in its place where it is taken out.
    pub(crate) fn label(&self) -> &str {
        match self {
            SecretKind::Of(name) => name,
            SecretKind::Form(form) if form.contains("password") => "password",
            SecretKind::Form(form) => form.rsplit(' ').next().unwrap_or(form),
        }
    }
}

/// Finds the secrets of a text, in their order and none within another. Placeholders (`<password>`,
/// `${X}`, `$X`), references (`secret:NAME`) and names of files are none.
pub fn secrets(text: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    token::private_keys(text, &mut found);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut scan = Scan { line: line.trim_end_matches(['\n', '\r']), start, found: &mut found };
        token::scan(&mut scan);
        address::scan(&mut scan);
        header::scan(&mut scan);
        option::scan(&mut scan);
        position::scan(&mut scan);
        setting::scan(&mut scan);
        prose::scan(&mut scan);
        start += line.len();
    }
    // Of two at one place the one that was found first tells more.
    found.sort_by_key(|secret| secret.range.start);
    let mut end = 0;
    found.retain(|secret| {
        let is_apart = secret.range.start >= end;
        end = end.max(secret.range.end);
        is_apart
    });
    found
}

/// A line that is looked at.
struct Scan<'t, 'f> {
    line: &'t str,
    /// Where it begins in the text.
    start: usize,
    found: &'f mut Vec<Secret>,
}

impl Scan<'_, '_> {
    fn find(&mut self, range: Range<usize>, what: SecretKind) {
        let range = self.start + range.start..self.start + range.end;
        let is_known = self
            .found
            .iter()
            .rev()
            .take(64)
            .any(|known| known.range.start < range.end && range.start < known.range.end);
        if !is_known {
            self.found.push(Secret { range, what });
        }
    }
}

#[cfg(test)]
mod tests;
