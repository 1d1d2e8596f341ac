//! Where steps stand in their document: its headings, each with the steps under it.
//!
//! For whoever writes the document anew with something beside each heading. What the steps mean is not
//! known here.

use std::collections::BTreeMap;

use crate::{
    outline, read,
    source::{Source, split_mark},
};

/// A heading with what stands under it, up to the next heading of any level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// The line of the heading, from 1; nothing for what stands before the first one.
    pub line: Option<usize>,
    /// Its text without marks.
    pub title: String,
    /// The names of the steps under it, in their order.
    pub steps: Vec<String>,
}

/// Returns the chapters of a document; none where it keeps a limit of documents not. Steps that others
/// bring along, as those that take one back, stand in none.
pub fn chapters(text: &str) -> Vec<Chapter> {
    let (_, document) = split_mark(text);
    let Ok(source) = Source::new(document) else { return Vec::new() };
    let (Ok(outline), Ok((runbook, _))) = (outline::read(&source), read::read(text)) else {
        return Vec::new();
    };
    let headings = outline.headings.iter().filter(|heading| heading.level < outline::LEAD_LEVEL);
    let mut chapters = vec![Chapter { line: None, title: String::new(), steps: Vec::new() }];
    chapters.extend(headings.map(|heading| Chapter {
        line: Some(heading.line),
        title: heading.text.clone(),
        steps: Vec::new(),
    }));
    let places: BTreeMap<usize, usize> =
        chapters.iter().enumerate().map(|(at, it)| (it.line.unwrap_or(0), at)).collect();
    for step in runbook.steps.iter().filter(|step| !step.id.is_empty()) {
        if let Some((_, at)) = places.range(..=step.line).next_back() {
            chapters[*at].steps.push(step.id.clone());
        }
    }
    chapters.retain(|chapter| chapter.line.is_some() || !chapter.steps.is_empty());
    chapters
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "---\nrunbook:\n  version: 1\n---\n\n# A runbook\n\n\
        ## Gates <!-- run: section gates -->\n\n- One. <!-- run: sign-off id=G1 -->\n\n\
        Steps\n-----\n\nWhat is done: <!-- run: section steps -->\n\n\
        1. Set `A=b`. <!-- run: flag id=S1 -->\n2. Look. <!-- run: sign-off id=S2 -->\n";

    #[test]
    fn steps_stand_under_their_headings() {
        let found = chapters(DOCUMENT);
        let told = |it: &Chapter| (it.line.unwrap_or(0), it.title.clone(), it.steps.join(","));
        let expected = [(6, "A runbook", ""), (8, "Gates", "G1"), (12, "Steps", "S1,S2")];
        let expected = expected.map(|(line, title, steps)| (line, title.into(), steps.into()));
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected);
        assert_eq!(chapters("no heading").len(), 0);
        assert_eq!(chapters("a\0").len(), 0);
    }
}
