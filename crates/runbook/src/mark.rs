//! Marks: comments that say what a heading, an item or a row means to a run.
//!
//! `<!-- run: http-expect id=S2 within=5m -->`; with `run?` it was inferred and waits for a person
//! who makes it `run:`. First words, then `key=value`; a value with spaces stands in double quotes.

use std::{fmt, ops::Range};

/// A mark as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// Whether a person stands for it.
    pub(crate) is_confirmed: bool,
    pub(crate) words: Vec<String>,
    pub(crate) pairs: Vec<(String, String)>,
}

/// A mark in its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) line: usize,
    /// Its bytes in the document.
    pub(crate) range: Range<usize>,
    /// What it says, or why it says nothing.
    pub(crate) mark: Result<Mark, MarkError>,
}

/// A comment that begins as a mark and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MarkError {
    #[error("a mark begins with `run:`, or with `run?` until it is confirmed")]
    Start,
    #[error("a mark has words and then `key=value`, `{0}` is neither")]
    Part(String),
    #[error("a quote in the mark is not closed")]
    Quote,
    #[error("`{0}` stands twice in the mark")]
    Twice(String),
}

/// The keys that a mark may have, in the order in which they are written.
pub(crate) const KEYS: &[&str] = &[
    "id",
    "at",
    "owner",
    "class",
    "codes",
    "sets",
    "under",
    "of",
    "with",
    "guards",
    "certificate",
    "after",
    "undo",
    "way",
    "environment",
    "within",
];

impl Mark {
    /// Returns the value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns the mark with one more value.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.pairs.push((key.to_owned(), value.into()));
        self
    }

    /// Returns a mark that nobody stands for yet.
    pub(crate) fn inferred(words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Mark { is_confirmed: false, words, pairs: Vec::new() }
    }
}

/// Returns whether a mark begins somewhere in a text, whether it ends or not.
pub(crate) fn is_begun(text: &str) -> bool {
    let begun = |(at, sign): (usize, &str)| {
        let rest = text[at + sign.len()..].trim_start();
        let (head, rest) = rest.split_at_checked(3)?;
        Some(head.eq_ignore_ascii_case("run") && rest.starts_with([':', '?']))
    };
    text.match_indices("<!--").filter_map(begun).any(|is_mark| is_mark)
}

/// Reads a comment; nothing where it is not meant as a mark.
pub(crate) fn read(comment: &str) -> Option<Result<Mark, MarkError>> {
    let inner = comment.strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let (head, rest) = inner.split_at_checked(3)?;
    if !head.eq_ignore_ascii_case("run") || rest.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let is_confirmed = match (head, rest.as_bytes().first()) {
        ("run", Some(b':')) => true,
        ("run", Some(b'?')) => false,
        // Prose may begin with the word, as in `run by hand`.
        (_, Some(b' ') | None) => return None,
        _ => return Some(Err(MarkError::Start)),
    };
    Some(parts(&rest[1..]).map(|(words, pairs)| Mark { is_confirmed, words, pairs }))
}

type Parts = (Vec<String>, Vec<(String, String)>);

fn parts(text: &str) -> Result<Parts, MarkError> {
    let (mut words, mut pairs): Parts = (Vec::new(), Vec::new());
    for part in split(text)? {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        match part.split_once('=') {
            Some((key, value)) if is_name(key) && !value.is_empty() => {
                if pairs.iter().any(|(known, _)| known == key) {
                    return Err(MarkError::Twice(key.to_owned()));
                }
                pairs.push((key.to_owned(), value.to_owned()));
            }
            None if is_name(&part) && pairs.is_empty() => words.push(part),
            _ => return Err(MarkError::Part(part)),
        }
    }
    Ok((words, pairs))
}

/// Splits at whitespace outside of double quotes, which are taken away.
fn split(text: &str) -> Result<Vec<String>, MarkError> {
    let (mut parts, mut part, mut quoted, mut open) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => (quoted, open) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if open {
                    parts.push(std::mem::take(&mut part));
                }
                open = false;
            }
            c => {
                part.push(c);
                open = true;
            }
        }
    }
    if open {
        parts.push(part);
    }
    if quoted { Err(MarkError::Quote) } else { Ok(parts) }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_confirmed { "<!-- run:" } else { "<!-- run?" })?;
        for word in &self.words {
            write!(f, " {word}")?;
        }
        let place = |key: &str| KEYS.iter().position(|known| *known == key);
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_by_key(|(key, _)| place(key).unwrap_or(KEYS.len()));
        for (key, value) in pairs {
            if value.contains(char::is_whitespace) {
                write!(f, " {key}=\"{value}\"")?;
            } else {
                write!(f, " {key}={value}")?;
            }
        }
        f.write_str(" -->")
    }
}

#[cfg(test)]
mod tests;
