//! Lines of a screen: pieces of text in colours, cut to a width in which wide characters count twice.

use std::fmt::Display;

use evidence::Visible;
use guard::Verdict;
use unicode_width::UnicodeWidthChar;

/// How text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Not at all.
    Plain,
    /// By the escape sequences of terminals (ECMA-48, "select graphic rendition").
    Colour,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
    Active,
}

impl Tone {
    /// Returns the tone of a verdict.
    pub(super) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Tone::Good,
            Verdict::Fail | Verdict::Error => Tone::Bad,
            Verdict::Insufficient => Tone::Warning,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "1;31",
            Tone::Active => "1;36",
        }
    }
}

/// A line, before it is cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    left: Vec<(Tone, String)>,
    right: Vec<(Tone, String)>,
}

/// Returns a text of others as it may stand on a screen: every character is seen, and has a width that
/// terminals agree about.
pub(super) fn seen(text: impl Display) -> String {
    Visible(text).to_string().replace('\u{fe0f}', "")
}

/// Returns the width of a text, in columns.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Returns as much of a text as fits, with `…` where something is missing.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    let mut out: String = text.chars().take_while(fits).collect();
    out.push('…');
    out
}

/// Returns a text on as many lines as it needs, broken at spaces where that is possible.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if width(&line) + c.width().unwrap_or(0) > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// Returns a text with spaces behind it up to a width, or as much of it as fits.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let mut text = cut(text, columns);
    text.push_str(&" ".repeat(columns - width(&text)));
    text
}

impl Line {
    /// Returns a line that begins with a text.
    pub(super) fn of(tone: Tone, text: impl Display) -> Self {
        Line::default().and(tone, text)
    }

    /// Adds a text.
    pub(super) fn and(mut self, tone: Tone, text: impl Display) -> Self {
        self.left.push((tone, seen(text)));
        self
    }

    /// Adds a text at the right end, which is kept where there is no room for both.
    pub(super) fn right(mut self, tone: Tone, text: impl Display) -> Self {
        self.right.push((tone, seen(text)));
        self
    }

    /// Returns the line, no wider than that.
    pub(super) fn drawn(&self, columns: usize, paint: Paint) -> String {
        let wanted: usize = self.right.iter().map(|(_, text)| width(text)).sum();
        // The right end gives way where it would take more than half.
        let right = if wanted * 2 > columns { 0 } else { wanted };
        let room = columns - if right == 0 { 0 } else { right + 2 };
        let mut out = String::new();
        let mut used = draw(&mut out, &self.left, room, paint);
        if right > 0 {
            out.push_str(&" ".repeat(columns - right - used));
            used = columns;
            draw(&mut out, &self.right, right, paint);
        }
        if used == 0 { String::new() } else { out.trim_end_matches(' ').to_owned() }
    }
}

/// Draws pieces, and returns how many columns they take.
fn draw(out: &mut String, pieces: &[(Tone, String)], columns: usize, paint: Paint) -> usize {
    let mut used = 0;
    for (tone, text) in pieces {
        let text = cut(text, columns - used);
        used += width(&text);
        match (paint, tone.code()) {
            (Paint::Colour, code) if !code.is_empty() && !text.is_empty() => {
                out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m"));
            }
            _ => out.push_str(&text),
        }
    }
    used
}

/// Returns a bar of a share between 0 and 1.
pub(super) fn bar(share: f64, columns: usize) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let full = (share * columns as f64).round() as usize;
    "█".repeat(full) + &"░".repeat(columns - full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_their_width() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("漢字漢", 4), "漢…");
        assert_eq!(cut("漢字漢", 0), "");
        assert_eq!(padded("漢", 4), "漢  ");
        assert_eq!(wrapped("ab cd efghij", 5), ["ab cd", "efghi", "j"]);
        assert_eq!(seen("a\u{1b}[2J\u{26a0}\u{fe0f}"), "a\\u{1b}[2J\u{26a0}");
    }

    #[test]
    fn the_right_end_stays_where_there_is_room() {
        let line = Line::of(Tone::Plain, "a long text").right(Tone::Good, "10:00");
        assert_eq!(line.drawn(20, Paint::Plain), "a long text    10:00");
        assert_eq!(line.drawn(14, Paint::Plain), "a long…  10:00");
        assert_eq!(line.drawn(8, Paint::Plain), "a long …");
        assert_eq!(line.drawn(0, Paint::Plain), "");
        let coloured = line.drawn(20, Paint::Colour);
        assert_eq!(coloured, "a long text    \u{1b}[32m10:00\u{1b}[0m");
    }

    #[test]
    fn bars_take_any_number() {
        for (share, expected) in
            [(0.0, "░░░░"), (0.5, "██░░"), (9.0, "████"), (-1.0, "░░░░"), (f64::NAN, "░░░░")]
        {
            assert_eq!(bar(share, 4), expected, "{share}");
        }
    }
}
