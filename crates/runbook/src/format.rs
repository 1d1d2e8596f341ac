//! The formatter: marks and the settings of the front matter get one form. Prose, tables and fences
//! keep every byte.

use crate::{
    edit::Edits,
    front,
    mark::{self, Placed},
    outline,
    problem::Problem,
    source::{Source, split_mark},
};

/// Returns the document with its marks and settings in one form.
///
/// # Errors
/// Fails where a limit is not kept.
pub fn format(text: &str) -> Result<String, Problem> {
    let (mark, text) = split_mark(text);
    let source = Source::new(text)?;
    let outline = outline::read(&source)?;
    let mut edits = Edits::default();
    let headings = outline.headings.iter().flat_map(|heading| &heading.marks);
    let items = outline.items.iter().flat_map(|item| &item.marks);
    // A mark that marks nothing may stand in a block of HTML, which is somebody else's.
    for placed in headings.chain(items) {
        format_mark(text, placed, &mut edits);
    }
    if let Some(front) = &outline.front {
        settings(&source, &text[front.clone()], &mut edits);
    }
    Ok(format!("{mark}{}", edits.apply(text)))
}

fn format_mark(text: &str, placed: &Placed, edits: &mut Edits) {
    let Ok(mark) = &placed.mark else { return };
    // A comment over several lines is not found as one piece, and stays.
    let is_there = text.get(placed.range.clone()).and_then(mark::read) == Some(Ok(mark.clone()));
    if is_there {
        edits.replace(placed.range.clone(), mark.to_string());
    }
}

fn settings(source: &Source<'_>, front: &str, edits: &mut Edits) {
    for (_, setting) in front::blocks(front).settings {
        let line = source.line(setting.line);
        let start = source.start(setting.line);
        let indent = line.len() - line.trim_start().len();
        let Some((key, value)) = line.trim_start().split_once(':') else { continue };
        let lead = key.len() - key.trim_end().len() + 1 + (value.len() - value.trim_start().len());
        edits.replace(start..start + indent, "  ");
        let colon = start + indent + key.trim_end().len();
        edits.replace(colon..colon + lead, ": ");
        let end = start + line.trim_end().len();
        edits.replace(end..start + line.len(), "");
    }
}

#[cfg(test)]
mod tests;
