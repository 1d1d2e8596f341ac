//! From comrak's tree to the outline.

use std::cell::Cell;

use comrak::nodes::{ListType, Node, NodeCodeBlock, NodeHtmlBlock, NodeValue, Sourcepos};

use super::{
    Blind, BlindKind, Fence, Heading, Item, LEAD_LEVEL, Outline, Row, Shape, Table, inline::Inline,
    lost,
};
use crate::{mark::Placed, source::Source};

/// Builds the outline of a tree.
pub(super) fn build<'a>(source: &Source<'_>, root: Node<'a>) -> Outline {
    let mut builder = Builder { source, outline: Outline::default(), marks_end: Cell::new(0) };
    builder.blocks(root, None);
    builder.outline
}

pub(super) struct Builder<'s, 't> {
    pub(super) source: &'s Source<'t>,
    outline: Outline,
    /// Where the last mark ended; they are met in their order.
    pub(super) marks_end: Cell<usize>,
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
                NodeValue::CodeBlock(block) => self.code(*block, item, place.start.line),
                NodeValue::HtmlBlock(block) => self.html(&block, item, place),
                NodeValue::Paragraph => self.paragraph(child, item, place),
                _ => self.blocks(child, item),
            }
        }
    }

    fn heading<'a>(&mut self, node: Node<'a>, level: u8, place: Sourcepos) {
        let inline = self.inline(node, None);
        let line = place.start.line;
        self.cut(&inline, line, None);
        self.outline.headings.push(Heading {
            line,
            level,
            text: inline.text,
            marks: inline.marks,
            end: self.source.start(line) + self.source.line(line).trim_end().len(),
        });
    }

    /// Keeps a mark that begins and does not end.
    fn cut(&mut self, inline: &Inline, line: usize, item: Option<usize>) {
        if inline.is_cut {
            let text = lost::Text { is_cut: true, ..lost::Text::default() };
            self.blind(line, item, BlindKind::Text(text));
        }
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
        let Inline { text, codes, marks, .. } = inline;
        let blinds = Vec::new();
        let item = Item { line, heading, parent, shape, text, codes, marks, blinds, end };
        self.outline.items.push(item);
        self.outline.items.len() - 1
    }

    /// Takes a paragraph into its item; one outside of any item may have no marks.
    fn paragraph<'a>(&mut self, node: Node<'a>, item: Option<usize>, place: Sourcepos) {
        let inline = self.inline(node, None);
        let end =
            self.source.start(place.end.line) + self.source.line(place.end.line).trim_end().len();
        let lines = (place.start.line..=place.end.line).map(|line| self.source.line(line));
        let text = lost::text(lines, &inline, item.is_some());
        if text != lost::Text::default() {
            self.blind(place.start.line, item, BlindKind::Text(text));
        }
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

    fn code(&mut self, block: NodeCodeBlock, item: Option<usize>, line: usize) {
        if block.fenced {
            let fence = self.outline.fences.len();
            self.blind(line, item, BlindKind::Fence(fence));
            let sign = char::from(block.fence_char).to_string().repeat(block.fence_length);
            let has_opening = lost::has_opening(&block.literal, &sign);
            let NodeCodeBlock { info, literal: text, closed: is_closed, .. } = block;
            self.outline.fences.push(Fence { line, item, info, text, is_closed, has_opening });
        } else {
            self.blind(line, item, BlindKind::Indented(lost::meant(&block.literal)));
        }
    }

    /// Keeps a place that nothing is read from.
    fn blind(&mut self, line: usize, item: Option<usize>, kind: BlindKind) {
        let heading = self.outline.headings.len().checked_sub(1);
        if let Some(item) = item.and_then(|index| self.outline.items.get_mut(index)) {
            item.blinds.push(self.outline.blinds.len());
        }
        self.outline.blinds.push(Blind { line, heading, item, kind });
    }

    /// A comment on a line of its own marks nothing.
    fn html(&mut self, block: &NodeHtmlBlock, item: Option<usize>, place: Sourcepos) {
        let literal = block.literal.as_str();
        let from_start = self.source.start(place.start.line) + place.start.column.saturating_sub(1);
        let (mut from, mut counted, mut line) = (0, 0, place.start.line);
        while let Some(at) = literal[from..].find("<!--").map(|at| from + at) {
            let Some(length) = literal[at..].find("-->") else { break };
            let comment = &literal[at..at + length + 3];
            line += literal[counted..at].matches('\n').count();
            (from, counted) = (at + length + 3, at);
            let placed = self.mark(comment, line, from_start + at);
            self.outline.stray.extend(placed);
        }
        let html = lost::html(block.block_type, literal);
        self.blind(place.start.line, item, BlindKind::Html(html));
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
                self.cut(&inline, line, None);
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
