//! From the outline to a runbook: what the marks say is taken as it stands, nothing is inferred.

mod content;
mod lost;
mod step;

use std::collections::BTreeMap;

use evidence::Hash;

use crate::{
    fence, front,
    mark::{KEYS, Mark, Placed},
    model::{Guard, Part, Runbook},
    outline::{self, Outline, Table},
    problem::Problem,
    source::{Source, split_mark},
    vocabulary::{Section, Way},
};

/// The most guards. Each is asked what it can see.
const GUARDS_MAX: usize = 100;

/// Reads a runbook, with all that is wrong with its form.
///
/// # Errors
/// Fails where a limit is not kept.
pub(crate) fn read(text: &str) -> Result<(Runbook, Vec<Problem>), Problem> {
    let (_, document) = split_mark(text);
    let source = Source::new(document)?;
    let outline = outline::read(&source)?;
    let mut problems = Vec::new();
    let front_text = outline.front.clone().map_or("", |range| &document[range]);
    if outline.front.is_none() && document.starts_with("---") {
        problems.push(Problem::fault(1, "front-matter", "the front matter is not closed by `---`"));
    }
    let front = front::read(front_text, &mut problems);
    let title = outline.headings.first();
    let title_line = title.map_or(1, |heading| heading.line);
    let title = title.map_or_else(String::new, |heading| heading.text.clone());
    let mut reader = Reader {
        outline: &outline,
        problems,
        runbook: Runbook {
            title,
            title_line,
            source: Hash::of(text.as_bytes()),
            front,
            sections: Vec::new(),
            steps: Vec::new(),
            places: BTreeMap::new(),
            guards: Vec::new(),
        },
        parts: Vec::new(),
        fences: Vec::new(),
    };
    reader.read();
    let Reader { runbook, mut problems, .. } = reader;
    problems.sort_by_key(|problem| problem.line);
    Ok((runbook, problems))
}

pub(super) struct Reader<'o> {
    outline: &'o Outline,
    problems: Vec<Problem>,
    runbook: Runbook,
    /// For each heading its section.
    parts: Vec<Option<usize>>,
    fences: Vec<fence::Fence>,
}

impl Reader<'_> {
    fn fault(&mut self, line: usize, rule: &'static str, text: impl Into<String>) {
        self.problems.push(Problem::fault(line, rule, text));
    }

    fn read(&mut self) {
        for stray in &self.outline.stray {
            let text =
                "the mark marks nothing: it stands behind a heading, an item's text or in a row";
            self.fault(stray.line, "mark", text);
        }
        for found in self.outline.fences.iter().filter_map(fence::read) {
            match found {
                Ok(fence) => self.fences.push(fence),
                Err(problem) => self.problems.push(problem),
            }
        }
        self.sections();
        self.tables();
        for index in 0..self.outline.items.len() {
            self.item(index);
        }
        self.leftover_fences();
        self.lost();
    }

    /// Returns the one mark of something, if it is sound.
    fn mark<'m>(&mut self, marks: &'m [Placed]) -> Option<(&'m Mark, usize)> {
        if let Some(second) = marks.get(1) {
            self.fault(second.line, "mark", "there is a second mark");
        }
        let placed = marks.first()?;
        match &placed.mark {
            Err(error) => {
                self.fault(placed.line, "mark", error.to_string());
                None
            }
            Ok(mark) => {
                for (key, _) in &mark.pairs {
                    if !KEYS.contains(&key.as_str()) {
                        let text = format!("`{key}` is none of {}", KEYS.join(", "));
                        self.fault(placed.line, "mark", text);
                    }
                }
                if !mark.is_confirmed {
                    let text = format!("`{mark}` was inferred; make it `run:` once it is right");
                    self.fault(placed.line, "unconfirmed", text);
                }
                Some((mark, placed.line))
            }
        }
    }

    fn sections(&mut self) {
        let outline = self.outline;
        // The sections that are open, with the levels of their headings.
        let mut open: Vec<(u8, Option<usize>)> = Vec::new();
        for heading in &outline.headings {
            open.retain(|(level, _)| *level < heading.level);
            let inherited = open.last().and_then(|(_, part)| *part);
            let part = match self.mark(&heading.marks) {
                Some((mark, line)) => self.section(mark, line),
                None => inherited,
            };
            open.push((heading.level, part));
            self.parts.push(part);
        }
    }

    fn section(&mut self, mark: &Mark, line: usize) -> Option<usize> {
        let [word, name] = mark.words.as_slice() else {
            self.fault(line, "mark", "a heading's mark is `run: section NAME`");
            return None;
        };
        if word != "section" {
            self.fault(line, "mark", "a heading's mark is `run: section NAME`");
            return None;
        }
        let section = name.parse::<Section>();
        let section = section.map_err(|error| self.fault(line, "mark", error.to_string())).ok()?;
        for (key, _) in &mark.pairs {
            if KEYS.contains(&key.as_str())
                && !["owner", "environment", "way"].contains(&key.as_str())
            {
                self.fault(line, "mark", format!("a section has no `{key}`"));
            }
        }
        let way = self.way(mark, line);
        self.runbook.sections.push(Part {
            line,
            section,
            owner: mark.get("owner").map(ToOwned::to_owned),
            environment: mark.get("environment").map(ToOwned::to_owned),
            way: way.unwrap_or(Way::Primary),
        });
        Some(self.runbook.sections.len() - 1)
    }

    fn way(&mut self, mark: &Mark, line: usize) -> Option<Way> {
        let way = mark.get("way")?.parse();
        way.map_err(|error: crate::vocabulary::WordError| {
            self.fault(line, "mark", error.to_string());
        })
        .ok()
    }

    /// Checks that tables of gates and timelines have the columns that are read.
    fn tables(&mut self) {
        let outline = self.outline;
        for table in &outline.tables {
            let part = table.heading.and_then(|heading| self.parts[heading]);
            let section = part.map(|part| self.runbook.sections[part].section);
            if section.is_some() {
                self.columns_twice(table);
            }
            let needed: &[&[&str]] = match section {
                Some(Section::Gates) => {
                    &[step::ID, step::CHECK, step::COMMAND, step::PASS, step::OWNER]
                }
                Some(Section::Timeline) => &[step::TIME, step::OWNER, step::ACTION, step::OUTPUT],
                _ => continue,
            };
            for names in needed {
                if step::column(&table.columns, names).is_none() {
                    let text = format!("the table has no column `{}`", names[0]);
                    self.fault(table.line, "column-missing", text);
                }
            }
        }
    }

    /// Of two columns with one meaning the second would not be read.
    fn columns_twice(&mut self, table: &Table) {
        for names in step::COLUMNS {
            let is_named = |column: &&String| names.contains(&column.to_lowercase().as_str());
            let found: Vec<_> = table.columns.iter().filter(is_named).collect();
            if let [first, second, ..] = found.as_slice() {
                let text = format!("the columns `{first}` and `{second}` are the same to a run");
                self.fault(table.line, "column-twice", text);
            }
        }
    }

    /// Returns the section that a line stands in.
    fn part_at(&self, line: usize) -> Option<usize> {
        let heading = self.outline.headings.iter().rposition(|heading| heading.line <= line)?;
        self.parts[heading]
    }

    fn leftover_fences(&mut self) {
        for fence in std::mem::take(&mut self.fences) {
            match fence.content {
                fence::Content::Guard(_) if self.runbook.guards.len() >= GUARDS_MAX => {
                    let text = format!("there are more than {GUARDS_MAX} guards");
                    return self.fault(fence.line, "too-large", text);
                }
                fence::Content::Guard(mut spec) => {
                    spec.source = self.filled(&spec.source);
                    let (line, part) = (fence.line, self.part_at(fence.line));
                    self.runbook.guards.push(Guard { line, part, spec });
                }
                fence::Content::Traffic(_) | fence::Content::Undo(_) => {
                    self.fault(fence.line, "fence", "the fence stands in no step of its own");
                }
            }
        }
    }
}
