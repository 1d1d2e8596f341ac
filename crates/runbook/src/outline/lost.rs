//! What is lost to a run although it was meant for one: told by its looks, since nothing reads it.

use super::inline::Inline;
use crate::mark;

/// Keys that stand in no other text than a fence that was meant for a run.
const KEYS: [&str; 2] = ["measure", "weight_percent"];

/// A block of HTML.
#[derive(Debug)]
pub(crate) struct Html {
    /// Whether it ends before the document or its item does.
    pub(crate) is_closed: bool,
    /// Whether it is a comment.
    pub(crate) is_comment: bool,
    /// What in it was meant for a run.
    pub(crate) meant: Option<&'static str>,
    /// Whether it has lines that look like items or rows, or code.
    pub(crate) has_steps: bool,
}

/// A paragraph, or another text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// Whether a mark begins in it and does not end.
    pub(crate) is_cut: bool,
    /// Whether it has a line of a fence that was meant for a run.
    pub(crate) has_key: bool,
    /// Whether it has code, stands in no item and leads to none.
    pub(crate) has_code: bool,
    /// Whether it has a line that looks like an item, and stands in none.
    pub(crate) has_item: bool,
}

/// Says what in a text was meant for a run.
pub(crate) fn meant(text: &str) -> Option<&'static str> {
    if mark::is_begun(text) {
        return Some("a mark");
    }
    let is_fence = |line: &str| {
        let info = line.trim_start_matches(['`', '~']);
        let mut words = info.split_whitespace();
        line.len() - info.len() > 2
            && words.next() == Some("toml")
            && matches!(words.next(), Some("guard" | "traffic" | "undo"))
    };
    let line = text.lines().map(str::trim_start).find(|line| is_fence(line) || has_key(line))?;
    Some(if has_key(line) { "a guard or traffic" } else { "a fence" })
}

fn has_key(line: &str) -> bool {
    let is_set = |key: &str| {
        line.strip_prefix(key).is_some_and(|rest| {
            rest.trim_start().strip_prefix('=').is_some_and(|rest| !rest.starts_with('='))
        })
    };
    KEYS.iter().any(|key| is_set(key))
}

/// Returns whether a fence with this sign seems to begin in a text. There it can't: what ends it would
/// end the one around it.
pub(super) fn has_opening(text: &str, sign: &str) -> bool {
    let last = sign.chars().last().unwrap_or('`');
    text.lines().map(str::trim_start).any(|line| {
        let info = line.strip_prefix(sign).map(|rest| rest.trim_start_matches(last).trim());
        info.is_some_and(|info| !info.is_empty() && !info.contains(last))
    })
}

/// Looks at a block of HTML. The types are those of CommonMark, of which the first five last until
/// their own end, wherever that is.
pub(super) fn html(block_type: u8, literal: &str) -> Html {
    let ends: &[&str] = match block_type {
        1 => &["</script>", "</pre>", "</style>", "</textarea>"],
        2 => &["-->"],
        3 => &["?>"],
        4 => &[">"],
        5 => &["]]>"],
        _ => &[],
    };
    let lower = literal.to_ascii_lowercase();
    let is_closed = ends.is_empty() || ends.iter().any(|end| lower.contains(end));
    // A whole comment is a mark or a stray one; what stands within one is neither.
    let inner = literal.trim_start();
    let is_comment = block_type == 2;
    let inner = if is_comment { inner.trim_start_matches("<!--") } else { inner };
    let meant = meant(inner).filter(|what| is_comment || *what != "a mark");
    let has_steps = !is_comment && literal.lines().any(|line| is_item(line) || line.contains('`'));
    Html { is_closed, is_comment, meant, has_steps }
}

/// Looks at a paragraph.
pub(super) fn text<'t>(
    lines: impl Iterator<Item = &'t str> + Clone,
    inline: &Inline,
    is_in_item: bool,
) -> Text {
    let bare = |line: &'t str| line.trim_start_matches([' ', '\t', '>']);
    let is_lead = inline.text.ends_with(':') || !inline.marks.is_empty();
    Text {
        is_cut: inline.is_cut,
        has_key: lines.clone().map(bare).any(has_key),
        has_code: !is_in_item && !is_lead && !inline.codes.is_empty(),
        has_item: !is_in_item && lines.map(bare).any(is_item),
    }
}

/// Returns whether a line looks like an item of a list or a row of a table.
pub(crate) fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() < line.len() {
        let behind = rest.strip_prefix(['.', ')']);
        return behind.is_some_and(|text| {
            !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
        });
    }
    let mut chars = line.chars();
    match chars.next() {
        Some('|') => line.matches('|').count() > 1,
        Some('-' | '+') => chars.next().is_some_and(|c| c == ' ' || c.is_alphabetic()),
        Some('*') => chars.next() == Some(' '),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_told_by_its_looks() {
        for (text, expected) in [
            ("x\n  <!-- run: flag id=A -->\n", Some("a mark")),
            ("<!--run?flag", Some("a mark")),
            ("```toml guard\nid = 1\n", Some("a fence")),
            ("  ~~~  toml  traffic\n", Some("a fence")),
            ("id = 1\n\tmeasure=\"errors\"\n", Some("a guard or traffic")),
            ("weight_percent = 10", Some("a guard or traffic")),
            ("<!-- run it by hand -->", None),
            ("measured = 1\nmeasure == 2\nx = \"measure\"", None),
            ("``toml guard``", None),
            ("```toml\n", None),
        ] {
            assert_eq!(meant(text), expected, "{text}");
        }
    }

    #[test]
    fn items_are_told_by_how_they_begin() {
        for line in ["1. x", "1)x", "  12. `x`", "- x", "-x", "* x", "+ x", "| a | b |"] {
            assert!(is_item(line), "{line}");
        }
        for line in ["", "1", "1.", "3.5 GB", "2026 was", "*em*", "**b**", "--", "|", "x - y"] {
            assert!(!is_item(line), "{line}");
        }
    }
}
