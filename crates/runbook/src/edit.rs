//! Changes of a text that leave everything else as it is, byte by byte.

use std::ops::Range;

/// Texts that take the places of stretches of bytes.
#[derive(Debug, Default)]
pub(crate) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Puts something in front of a byte.
    pub(crate) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.0.push((at..at, text.into()));
    }

    /// Puts something in the place of a stretch.
    pub(crate) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.0.push((range, text.into()));
    }

    /// Returns the text with the changes; one that overlaps an earlier one is left out.
    pub(crate) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(text.len() + 64 * self.0.len());
        let mut from = 0;
        for (range, instead) in self.0 {
            let Some(kept) = text.get(from..range.start) else { continue };
            out.push_str(kept);
            out.push_str(&instead);
            from = range.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }
}
