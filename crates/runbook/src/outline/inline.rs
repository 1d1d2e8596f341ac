//! What stands in a line of text: its words, its code and its marks.

use comrak::{
    arena_tree::NodeEdge,
    nodes::{Node, NodeValue},
};

use super::{Code, build::Builder};
use crate::mark::{self, Placed};

/// What stands in a line of text.
#[derive(Default)]
pub(super) struct Inline {
    pub(super) text: String,
    pub(super) codes: Vec<Code>,
    pub(super) marks: Vec<Placed>,
    /// Whether a mark begins in it and does not end.
    pub(super) is_cut: bool,
}

/// The tags of what is struck out.
const STRUCK: [&str; 3] = ["del", "s", "strike"];

/// What is struck out or stands in the place of an image, while a line is walked through.
#[derive(Default)]
struct Hidden {
    struck: usize,
    /// By tags, which need not be in pairs.
    tagged: usize,
    images: usize,
}

impl Hidden {
    /// Follows a tag of HTML.
    fn tag(&mut self, html: &str) {
        let (is_end, rest) = match html.strip_prefix("</") {
            Some(rest) => (true, rest),
            None => (false, html.trim_start_matches('<')),
        };
        let bytes = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if !STRUCK.iter().any(|tag| rest[..bytes].eq_ignore_ascii_case(tag)) {
            return;
        }
        self.tagged = if is_end { self.tagged.saturating_sub(1) } else { self.tagged + 1 };
    }

    fn why(&self) -> Option<&'static str> {
        match (self.struck + self.tagged, self.images) {
            (0, 0) => None,
            (0, _) => Some("stands in the place of an image"),
            _ => Some("is struck out"),
        }
    }
}

impl Builder<'_, '_> {
    /// Gathers what stands in a heading, a paragraph or a cell; of a cell the column and the line are
    /// known from outside.
    pub(super) fn inline<'a>(&self, node: Node<'a>, cell: Option<(usize, usize)>) -> Inline {
        let mut inline = Inline::default();
        let (mut hidden, mut words, mut is_cut) = (Hidden::default(), String::new(), false);
        for edge in node.traverse() {
            let (inner, is_start) = match edge {
                NodeEdge::Start(inner) => (inner, true),
                NodeEdge::End(inner) => (inner, false),
            };
            let data = inner.data();
            match &data.value {
                NodeValue::Strikethrough => {
                    inline.text.push_str("~~");
                    hidden.struck = if is_start { hidden.struck + 1 } else { hidden.struck - 1 };
                }
                NodeValue::Image(_) => {
                    hidden.images = if is_start { hidden.images + 1 } else { hidden.images - 1 };
                }
                _ if !is_start => {}
                NodeValue::Text(text) => {
                    words.push_str(text);
                    inline.text.push_str(text);
                }
                NodeValue::SoftBreak | NodeValue::LineBreak => inline.text.push(' '),
                NodeValue::Code(code) => {
                    inline.text.push_str(&format!("`{}`", code.literal));
                    let line = cell.map_or(data.sourcepos.start.line, |(_, line)| line);
                    let column = cell.map(|(column, _)| column);
                    let (text, hidden) = (code.literal.clone(), hidden.why());
                    inline.codes.push(Code { line, cell: column, text, hidden });
                }
                NodeValue::HtmlInline(html) => {
                    hidden.tag(html);
                    let line = cell.map_or(data.sourcepos.start.line, |(_, line)| line);
                    let column = data.sourcepos.start.column.saturating_sub(1);
                    match self.mark(html, line, self.source.start(line) + column) {
                        Some(mark) => inline.marks.push(mark),
                        // What stands within a comment is no mark.
                        None if html.starts_with("<!--") => is_cut |= mark::is_begun(&html[4..]),
                        None => inline.text.push_str(html),
                    }
                }
                _ => {}
            }
        }
        inline.is_cut = is_cut || mark::is_begun(&words);
        inline.text = inline.text.trim().to_owned();
        inline
    }

    /// Reads a comment that begins at a place or, where the tree does not know it exactly, behind the
    /// one before it.
    pub(super) fn mark(&self, comment: &str, line: usize, told: usize) -> Option<Placed> {
        let mark = mark::read(comment)?;
        let text = self.source.text;
        let is_there = |at: usize| text.get(at..).is_some_and(|rest| rest.starts_with(comment));
        let start = if told >= self.marks_end.get() && is_there(told) {
            told
        } else {
            let from = self.source.start(line).max(self.marks_end.get());
            let line_end = self.source.start(line + 1);
            text.get(from..line_end)
                .and_then(|rest| rest.find(comment))
                .map_or(from, |at| from + at)
        };
        let end = if is_there(start) { start + comment.len() } else { start };
        self.marks_end.set(end.max(self.marks_end.get()));
        Some(Placed { line: self.source.line_of(start), range: start..end, mark })
    }
}
