//! From comrak's tree to the outline.

use std::cell::Cell;

use comrak::nodes::{ListType, Node, NodeValue, Sourcepos};

use super::{Code, Fence, Heading, Item, LEAD_LEVEL, Outline, Row, Shape, Table};
use crate::{
    mark::{self, Placed},
    source::Source,
};

/// Builds the outline of a tree.
pub(super) fn build<'a>(source: &Source<'_>, root: Node<'a>) -> Outline {
    let mut builder = Builder { source, outline: Outline::default(), marks_end: Cell::new(0) };
    builder.blocks(root, None);
    builder.outline
}

struct Builder<'s, 't> {
    source: &'s Source<'t>,
    outline: Outline,
    /// Where the last mark ended; they are met in their order.
    marks_end: Cell<usize>,
}

/// What stands in a line of text.
#[derive(Default)]
struct Inline {
    text: String,
    codes: Vec<Code>,
    marks: Vec<Placed>,
}

impl Builder<'_, '_> {
    fn blocks<'a>(&mut self, node: Node<'a>, item: Option<usize>) {
        for child in node.children() {
            let (value, place) = {
                let data = child.data();
                (data.value.clone(), data.sourcepos)
            };
            match value {
                NodeValue::Heading(heading) => self.heading(child, heading.level, place),
                NodeValue::List(list) => self.list(child, item, list.list_type),
                NodeValue::Table(_) => self.table(child, place),
                NodeValue::CodeBlock(block) if block.fenced => self.outline.fences.push(Fence {
                    line: place.start.line,
                    item,
                    info: block.info,
                    text: block.literal,
                    is_closed: block.closed,
                }),
                NodeValue::HtmlBlock(block) => self.html(&block.literal, place),
                NodeValue::Paragraph => self.paragraph(child, item, place),
                _ => self.blocks(child, item),
            }
        }
    }

    fn heading<'a>(&mut self, node: Node<'a>, level: u8, place: Sourcepos) {
        let inline = self.inline(node, None);
        let line = place.start.line;
        self.outline.headings.push(Heading {
            line,
            level,
            text: inline.text,
            marks: inline.marks,
            end: self.source.start(line) + self.source.line(line).trim_end().len(),
        });
    }

    fn list<'a>(&mut self, node: Node<'a>, parent: Option<usize>, list_type: ListType) {
        for child in node.children() {
            let (line, shape) = {
                let data = child.data();
                let shape = match &data.value {
                    NodeValue::TaskItem(task) => Shape::Task(task.symbol.is_some()),
                    _ if list_type == ListType::Ordered => Shape::Number,
                    _ => Shape::Bullet,
                };
                (data.sourcepos.start.line, shape)
            };
            let end = self.source.start(line) + self.source.line(line).trim_end().len();
            let index = self.push(line, parent, shape, Inline::default(), end);
            self.blocks(child, Some(index));
        }
    }

    fn push(
        &mut self,
        line: usize,
        parent: Option<usize>,
        shape: Shape,
        inline: Inline,
        end: usize,
    ) -> usize {
        let heading = self.outline.headings.len().checked_sub(1);
        let Inline { text, codes, marks } = inline;
        let item = Item { line, heading, parent, shape, text, codes, marks, end };
        self.outline.items.push(item);
        self.outline.items.len() - 1
    }

    /// Takes a paragraph into its item; one outside of any item may have no marks.
    fn paragraph<'a>(&mut self, node: Node<'a>, item: Option<usize>, place: Sourcepos) {
        let inline = self.inline(node, None);
        let end =
            self.source.start(place.end.line) + self.source.line(place.end.line).trim_end().len();
        let Some(item) = item.and_then(|index| self.outline.items.get_mut(index)) else {
            return self.lead(inline, place.start.line, end);
        };
        if item.text.is_empty() {
            item.end = end;
        } else if !inline.text.is_empty() {
            item.text.push(' ');
        }
        item.text.push_str(&inline.text);
        item.codes.extend(inline.codes);
        item.marks.extend(inline.marks);
    }

    /// A paragraph that leads to a list may say what the list is, as a heading does.
    fn lead(&mut self, inline: Inline, line: usize, end: usize) {
        let is_section = |mark: &Placed| {
            let words = mark.mark.as_ref().map(|mark| mark.words.as_slice());
            words.is_ok_and(|words| words.first().is_some_and(|word| word == "section"))
        };
        let (marks, stray): (Vec<_>, Vec<_>) = inline.marks.into_iter().partition(is_section);
        self.outline.stray.extend(stray);
        if inline.text.ends_with(':') || !marks.is_empty() {
            let level = LEAD_LEVEL;
            self.outline.headings.push(Heading { line, level, text: inline.text, marks, end });
        }
    }

    /// A comment on a line of its own marks nothing.
    fn html(&mut self, literal: &str, place: Sourcepos) {
        let from_start = self.source.start(place.start.line) + place.start.column.saturating_sub(1);
        let mut from = 0;
        while let Some(at) = literal[from..].find("<!--").map(|at| from + at) {
            let Some(length) = literal[at..].find("-->") else { return };
            let comment = &literal[at..at + length + 3];
            let line = place.start.line + literal[..at].matches('\n').count();
            let placed = self.mark(comment, line, from_start + at);
            self.outline.stray.extend(placed);
            from = at + length + 3;
        }
    }

    fn table<'a>(&mut self, node: Node<'a>, place: Sourcepos) {
        let table = self.outline.tables.len();
        let heading = self.outline.headings.len().checked_sub(1);
        self.outline.tables.push(Table { line: place.start.line, heading, columns: Vec::new() });
        for row in node.children() {
            let (is_header, line) = {
                let data = row.data();
                (matches!(data.value, NodeValue::TableRow(true)), data.sourcepos.start.line)
            };
            let mut whole = Inline::default();
            let mut cells = Vec::new();
            for (column, cell) in row.children().enumerate() {
                let inline = self.inline(cell, Some((column, line)));
                cells.push(inline.text);
                whole.codes.extend(inline.codes);
                whole.marks.extend(inline.marks);
            }
            if is_header {
                self.outline.tables[table].columns = cells;
                self.outline.stray.extend(whole.marks);
                continue;
            }
            let written = self.source.line(line);
            let (end, cells_written) = row_end(written);
            let end = self.source.start(line) + end;
            let shape = Shape::Row(Row { table, cells, cells_written });
            self.push(line, None, shape, whole, end);
        }
    }

    /// Gathers what stands in a heading, a paragraph or a cell; of a cell the column and the line are
    /// known from outside.
    fn inline<'a>(&self, node: Node<'a>, cell: Option<(usize, usize)>) -> Inline {
        let mut inline = Inline::default();
        for inner in node.descendants() {
            let data = inner.data();
            let line = cell.map_or(data.sourcepos.start.line, |(_, line)| line);
            match &data.value {
                NodeValue::Text(text) => inline.text.push_str(text),
                NodeValue::SoftBreak | NodeValue::LineBreak => inline.text.push(' '),
                NodeValue::Code(code) => {
                    inline.text.push_str(&format!("`{}`", code.literal));
                    let column = cell.map(|(column, _)| column);
                    inline.codes.push(Code { line, cell: column, text: code.literal.clone() });
                }
                NodeValue::HtmlInline(html) => {
                    match self.mark(
                        html,
                        line,
                        self.source.start(line) + data.sourcepos.start.column.saturating_sub(1),
                    ) {
                        Some(mark) => inline.marks.push(mark),
                        None if html.starts_with("<!--") => {}
                        None => inline.text.push_str(html),
                    }
                }
                _ => {}
            }
        }
        inline.text = inline.text.trim().to_owned();
        inline
    }

    /// Reads a comment that begins at a place or, where the tree does not know it exactly, behind the
    /// one before it.
    fn mark(&self, comment: &str, line: usize, told: usize) -> Option<Placed> {
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

/// Returns where the last cell of a row ends, and how many cells there are.
fn row_end(line: &str) -> (usize, usize) {
    let trimmed = line.trim_end();
    let bare = |at: usize| !trimmed[..at].ends_with('\\');
    let bars = trimmed.match_indices('|').filter(|(at, _)| bare(*at)).count();
    let has_first = trimmed.trim_start().starts_with('|');
    let has_last = trimmed.ends_with('|') && bare(trimmed.len() - 1) && trimmed.len() > 1;
    let content = if has_last { &trimmed[..trimmed.len() - 1] } else { trimmed };
    let cells = (bars + 1) - usize::from(has_first) - usize::from(has_last);
    (content.trim_end().len(), cells)
}
