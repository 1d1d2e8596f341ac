//! Texts of others as they may be shown: what a terminal obeys and what nobody sees is written out.
//!
//! Whoever names a file, writes a runbook or gives a reason could otherwise move the cursor, colour a
//! fault away, turn the direction of writing, begin a line of their own, or make two names look alike.

use std::fmt::{self, Write};

/// Something on one line, in which every character can be seen: others stand as `\u{1b}`.
///
/// A text has one form, but not every form is of one text: backslashes stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct Visible<T>(pub T);

/// Returns whether a character is seen, and does nothing else to a line: it is no control, no format
/// character (bidirectional controls, zero-width spaces and joiners, tags), no line end, and none that
/// is drawn as nothing. U+FE0F, which asks for an emoji, is left.
///
/// Source: the general categories Cc, Cf, Zl and Zp and the property `Default_Ignorable_Code_Point` of
/// the Unicode Character Database 16.0.
pub fn is_visible(c: char) -> bool {
    !(c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0e}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        ))
}

impl<T: fmt::Display> fmt::Display for Visible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Seen(f), "{}", self.0)
    }
}

/// Writes what can be seen.
struct Seen<'f, 'o>(&'f mut fmt::Formatter<'o>);

impl Write for Seen<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| !is_visible(c)) {
            let (seen, unseen) = rest.split_at(at);
            self.0.write_str(seen)?;
            let mut chars = unseen.chars();
            if let Some(c) = chars.next() {
                write!(self.0, "{}", c.escape_unicode())?;
            }
            rest = chars.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_written_out() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("\u{202e}gpj.\u{2066}\u{61c}", "\\u{202e}gpj.\\u{2066}\\u{61c}"),
            ("a\u{200b}\u{200d}\u{feff}\u{ad}b", "a\\u{200b}\\u{200d}\\u{feff}\\u{ad}b"),
            ("\u{2028}\u{e0041}", "\\u{2028}\\u{e0041}"),
            ("ä 漢 \u{26a0}\u{fe0f} \\u{1b}", "ä 漢 \u{26a0}\u{fe0f} \\u{1b}"),
            ("", ""),
        ] {
            assert_eq!(Visible(text).to_string(), shown, "{text:?}");
        }
        assert_eq!(Visible(format_args!("{}-{}", "\u{1b}", 1)).to_string(), "\\u{1b}-1");
    }
}
