//! Checks of every text file: whitespace at the ends.

use super::breach::Breach;
use super::rule::Rule;
use super::source::Source;

/// Checks line ends and the file's end.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    if source.is_as_given() {
        return Vec::new();
    }
    let mut breaches: Vec<Breach> = source
        .lines()
        .filter(|(_, line)| line.ends_with(char::is_whitespace))
        .map(|(line, _)| Breach::new(Rule::TrailingWhitespace, source, line, "trailing whitespace"))
        .collect();
    breaches.extend(check_end(source));
    breaches
}

fn check_end(source: &Source) -> Option<Breach> {
    let text = &source.text;
    let what = match text {
        text if text.is_empty() => return None,
        text if !text.ends_with('\n') => "no newline at the end",
        text if text.ends_with("\n\n") => "empty lines at the end",
        _ => return None,
    };
    Some(Breach::new(Rule::FinalNewline, source, text.lines().count(), what))
}

#[cfg(test)]
mod tests;
