//! The outline of a document: headings, list items, rows and fences with their marks and places.
//!
//! What they mean to a run is not known here. The tree is comrak's; places are bytes of the text, so
//! that something can be put in without writing anything else anew.

mod build;
mod inline;
pub(crate) mod lost;

use std::{cell::Cell, ops::Range};

use comrak::{Arena, Options, try_parse_document};

use crate::{mark::Placed, problem::Problem, source::Source};

/// How often the parser may ask whether to go on; it asks every 256 steps, and a document of the
/// greatest size needs fewer.
const PARSER_TURNS_MAX: u32 = 100_000;

/// What the front matter begins and ends with.
pub(crate) const FRONT_DELIMITER: &str = "---";

/// The most list items and rows.
const ITEMS_MAX: usize = 20_000;

/// The most headings, and paragraphs that lead to lists.
const HEADINGS_MAX: usize = 2_000;

/// The most fenced blocks.
const FENCES_MAX: usize = 1_000;

/// A document's outline.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The bytes of the front matter, its delimiters included.
    pub(crate) front: Option<Range<usize>>,
    pub(crate) headings: Vec<Heading>,
    pub(crate) tables: Vec<Table>,
    pub(crate) items: Vec<Item>,
    pub(crate) fences: Vec<Fence>,
    /// What nothing is read from.
    pub(crate) blinds: Vec<Blind>,
    /// Marks that stand where they mark nothing.
    pub(crate) stray: Vec<Placed>,
}

/// The level of paragraphs that lead to lists: below every heading's.
pub(crate) const LEAD_LEVEL: u8 = 7;

/// A heading, or a paragraph that leads to a list.
#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) line: usize,
    pub(crate) level: u8,
    pub(crate) text: String,
    pub(crate) marks: Vec<Placed>,
    /// Where a mark can be put.
    pub(crate) end: usize,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) line: usize,
    pub(crate) heading: Option<usize>,
    pub(crate) columns: Vec<String>,
}

/// A list item or a row of a table.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) line: usize,
    /// The heading that it stands under.
    pub(crate) heading: Option<usize>,
    /// The item that it stands in.
    pub(crate) parent: Option<usize>,
    pub(crate) shape: Shape,
    /// Its own text without marks.
    pub(crate) text: String,
    pub(crate) codes: Vec<Code>,
    pub(crate) marks: Vec<Placed>,
    /// What stands in it that nothing is read from, by index.
    pub(crate) blinds: Vec<usize>,
    /// Where a mark can be put.
    pub(crate) end: usize,
}

/// What an item is in the document.
#[derive(Debug)]
pub(crate) enum Shape {
    Bullet,
    Number,
    /// With whether it is ticked.
    Task(bool),
    Row(Row),
}

/// A row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) table: usize,
    /// The cells' texts, as many as the table has columns.
    pub(crate) cells: Vec<String>,
    /// How many cells the line has.
    pub(crate) cells_written: usize,
}

/// Inline code.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) line: usize,
    /// The column of its cell, in a row.
    pub(crate) cell: Option<usize>,
    pub(crate) text: String,
    /// Why it counts for nothing, as whoever reads the document sees it.
    pub(crate) hidden: Option<&'static str>,
}

/// A fenced block with an info string.
#[derive(Debug)]
pub(crate) struct Fence {
    pub(crate) line: usize,
    /// The item that it stands in.
    pub(crate) item: Option<usize>,
    pub(crate) info: String,
    pub(crate) text: String,
    pub(crate) is_closed: bool,
    /// Whether another one seems to begin in it: then it is closed by that one's end.
    pub(crate) has_opening: bool,
}

/// A place that nothing is read from. Whatever it holds is lost to a run, and should not have been
/// meant for one.
#[derive(Debug)]
pub(crate) struct Blind {
    pub(crate) line: usize,
    /// The heading that it stands under.
    pub(crate) heading: Option<usize>,
    /// The item that it stands in.
    pub(crate) item: Option<usize>,
    pub(crate) kind: BlindKind,
}

/// What a place is that nothing is read from.
#[derive(Debug)]
pub(crate) enum BlindKind {
    /// A fence, by index; those for a run are read.
    Fence(usize),
    /// Code by its indentation, with what in it was meant for a run.
    Indented(Option<&'static str>),
    /// A block of HTML.
    Html(lost::Html),
    /// A text.
    Text(lost::Text),
}

/// Reads the outline.
///
/// # Errors
/// Fails where a limit is not kept.
pub(crate) fn read(source: &Source<'_>) -> Result<Outline, Problem> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    let turns = Cell::new(0);
    let is_enough = || {
        turns.set(turns.get() + 1);
        turns.get() > PARSER_TURNS_MAX
    };
    let arena = Arena::new();
    let front = front(source.text);
    // What is no Markdown is blank to the parser; all places stay as they are.
    let blank = front.clone().map(|front| blanked(source.text, front));
    let text = blank.as_deref().unwrap_or(source.text);
    let root = try_parse_document(&arena, text, &options, &is_enough)
        .map_err(|_| Problem::fault(1, "too-large", "the document takes too long to parse"))?;
    let outline = Outline { front, ..build::build(source, root) };
    let beyond = [
        (outline.items.get(ITEMS_MAX).map(|item| item.line), ITEMS_MAX, "list items and rows"),
        (outline.headings.get(HEADINGS_MAX).map(|it| it.line), HEADINGS_MAX, "headings"),
        (outline.fences.get(FENCES_MAX).map(|fence| fence.line), FENCES_MAX, "fences"),
    ];
    for (line, most, what) in beyond {
        if let Some(line) = line {
            let text = format!("there are more than {most} {what}");
            return Err(Problem::fault(line, "too-large", text));
        }
    }
    Ok(outline)
}

/// Returns the bytes of the front matter: from the first line, which is three hyphens, to the next one.
/// Spaces behind them count for nothing.
fn front(text: &str) -> Option<Range<usize>> {
    let is_delimiter = |line: &str| line.trim_end() == FRONT_DELIMITER;
    let mut lines = text.split_inclusive('\n');
    let mut end = lines.next().filter(|line| is_delimiter(line))?.len();
    for line in lines {
        if is_delimiter(line) {
            return Some(0..end + FRONT_DELIMITER.len());
        }
        end += line.len();
    }
    None
}

/// Returns the text with spaces in the place of a stretch, line by line.
fn blanked(text: &str, range: Range<usize>) -> String {
    let blank = |c: char| if matches!(c, '\n' | '\r') { c } else { ' ' };
    let mut out = String::with_capacity(text.len());
    for c in text[range.clone()].chars() {
        out.extend(std::iter::repeat_n(blank(c), c.len_utf8()));
    }
    out.push_str(&text[range.end..]);
    out
}

impl Outline {
    /// Returns the indices of an item and of those within it that have no mark of their own.
    pub(crate) fn family(&self, item: usize) -> Vec<usize> {
        let mut family = vec![item];
        // Children come behind their parents.
        for (index, other) in self.items.iter().enumerate().skip(item + 1) {
            match other.parent {
                Some(parent) if parent < item => break,
                None => break,
                Some(parent) if other.marks.is_empty() && family.binary_search(&parent).is_ok() => {
                    family.push(index);
                }
                Some(_) => {}
            }
        }
        family
    }
}

#[cfg(test)]
mod tests;
