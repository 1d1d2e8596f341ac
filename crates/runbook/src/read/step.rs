//! One item or row becomes a step.

use super::{Reader, content::Coded};
use crate::{
    fence, front,
    mark::Mark,
    model::{Links, Refused, Step},
    outline::{Code, Item, Row, Shape},
    vocabulary::{Class, Kind, Length, Offset, Section},
};

pub(super) const ID: &[&str] = &["gate id", "id", "gate"];
pub(super) const CHECK: &[&str] = &["check", "name"];
pub(super) const COMMAND: &[&str] = &["command / evidence", "command", "command/evidence"];
pub(super) const PASS: &[&str] = &["pass condition", "pass"];
pub(super) const OWNER: &[&str] = &["owner", "owners"];
pub(super) const TIME: &[&str] = &["time"];
pub(super) const ACTION: &[&str] = &["required actions", "actions", "action"];
pub(super) const OUTPUT: &[&str] = &["evidence output", "evidence", "output"];

/// All columns that are read.
pub(super) const COLUMNS: [&[&str]; 8] = [ID, CHECK, COMMAND, PASS, OWNER, TIME, ACTION, OUTPUT];

/// The most steps of a runbook.
const STEPS_MAX: usize = 1000;

/// The most names under one key.
const NAMES_MAX: usize = 64;

/// The keys that name several.
const LISTS: [&str; 8] = ["of", "with", "guards", "after", "undo", "owner", "codes", "sets"];

/// Finds a column by one of its names.
pub(super) fn column(columns: &[String], names: &[&str]) -> Option<usize> {
    columns.iter().position(|column| names.contains(&column.to_lowercase().as_str()))
}

impl Reader<'_> {
    /// Reads an item, if it is meant as a step.
    pub(super) fn item(&mut self, index: usize) {
        let outline = self.outline;
        let item = &outline.items[index];
        let part = item.heading.and_then(|heading| self.parts[heading]);
        let marked = self.mark(&item.marks);
        let Some(part) = part else {
            if let Some((_, line)) = marked {
                self.fault(line, "mark", "the step stands in no section that is marked");
            }
            return;
        };
        if let Shape::Row(row) = &item.shape {
            self.check_cells(item, row);
        }
        let Some((mark, line)) = marked else {
            if item.parent.is_none() && item.marks.is_empty() {
                let text =
                    "nothing says what this is to a run; mark it, as `note` if it is nothing";
                self.fault(item.line, "unmarked", text);
            }
            return;
        };
        if self.runbook.steps.len() >= STEPS_MAX {
            return self.fault(line, "too-large", format!("there are more than {STEPS_MAX} steps"));
        }
        let kind = match mark.words.as_slice() {
            [word] if word == "note" => return,
            [word] => word.parse::<Kind>().map_err(|error| error.to_string()),
            _ => Err("a step's mark is `run: KIND key=value …`".to_owned()),
        };
        match kind {
            Ok(kind) => self.step(index, part, kind, mark, line),
            Err(text) => self.fault(line, "mark", text),
        }
    }

    fn step(&mut self, index: usize, part: usize, kind: Kind, mark: &Mark, line: usize) {
        let outline = self.outline;
        let item = &outline.items[index];
        if mark.get("environment").is_some() {
            let text = "a step has no `environment`; it stands on a section";
            self.fault(line, "mark", text);
        }
        let section = self.runbook.sections[part].section;
        let row = match &item.shape {
            Shape::Row(row) => Some(row),
            _ => None,
        };
        let mut refused = Refused::default();
        let at = self.at(row, mark, item.line).unwrap_or_else(|()| {
            refused.time = true;
            None
        });
        let id = self.id(row, mark, item.line, (at, refused.time));
        let family = outline.family(index);
        let codes: Vec<&Code> = family
            .iter()
            .flat_map(|member| &outline.items[*member].codes)
            .filter(|code| row.is_none_or(|row| self.is_content(row, section, code)))
            .collect();
        let before = self.problems.len();
        let content = self.content(&Coded { id: &id, kind, mark, line }, &codes);
        refused.code = self.problems.len() > before;
        self.lost_in_step(&family, kind, mark);
        let (traffic, undo) = self.own_fences(&family);
        let text = self.text(index, row, section);
        let cell = |names| row.and_then(|row| self.cell(row, names)).map(ToOwned::to_owned);
        let (pass, output) = (cell(PASS), cell(OUTPUT));
        let owners = self.owners(row, mark, part);
        let class = self.value::<Class>(mark, "class", line).or(kind.class());
        let within = self.value::<Length>(mark, "within", line);
        let way = self.way(mark, line);
        // A step of the way back may stand wherever the document tells of it.
        let is_way_back = way.is_some() && section != Section::Rollback;
        let section = if is_way_back { Section::Rollback } else { section };
        let way = way.unwrap_or(self.runbook.sections[part].way);
        let Some(links) = self.links(mark, line) else { return };
        if matches!(item.shape, Shape::Task(true)) {
            let text = format!("{id} is ticked in the document, which signs nothing");
            self.problems.push(crate::Problem::warning(item.line, "ticked", text));
        }
        let place = self.runbook.steps.len();
        self.runbook.places.entry(id.clone()).or_insert(place);
        self.runbook.steps.push(Step {
            line: item.line,
            id,
            section,
            part,
            kind,
            class,
            owners,
            at,
            refused,
            within,
            way,
            text,
            pass,
            output,
            content,
            links,
            certificate: mark.get("certificate").map(ToOwned::to_owned),
            traffic,
            undo,
        });
    }

    /// Returns the names in a mark, unless there are too many.
    fn links(&mut self, mark: &Mark, line: usize) -> Option<Links> {
        let list = |key| mark.get(key).map(names).unwrap_or_default();
        if let Some(key) = LISTS.into_iter().find(|key| list(key).len() > NAMES_MAX) {
            self.fault(line, "too-large", format!("`{key}` names more than {NAMES_MAX}"));
            return None;
        }
        Some(Links {
            of: list("of"),
            with: list("with"),
            guards: list("guards"),
            after: list("after"),
            undo: list("undo"),
        })
    }

    /// Cells beyond the columns are in no table that anybody sees.
    fn check_cells(&mut self, item: &Item, row: &Row) {
        let columns = self.outline.tables[row.table].columns.len();
        if row.cells_written != columns {
            let text =
                format!("the row has {} cells, the table {columns} columns", row.cells_written);
            self.fault(item.line, "cells", text);
        }
    }

    fn cell<'r>(&self, row: &'r Row, names: &[&str]) -> Option<&'r str> {
        let index = column(&self.outline.tables[row.table].columns, names)?;
        row.cells.get(index).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Returns whether code of a row is what it does, and not its id, its owner or its output.
    fn is_content(&self, row: &Row, section: Section, code: &Code) -> bool {
        let names = match section {
            Section::Gates => COMMAND,
            Section::Timeline => ACTION,
            _ => return true,
        };
        let wanted = column(&self.outline.tables[row.table].columns, names);
        wanted.is_none() || code.cell == wanted
    }

    /// Reads the time, if it has one.
    ///
    /// # Errors
    /// Fails where it is none, which is a problem by then.
    fn at(&mut self, row: Option<&Row>, mark: &Mark, line: usize) -> Result<Option<Offset>, ()> {
        let cell =
            row.and_then(|row| self.cell(row, TIME)).map(|text| text.trim_matches('`').to_owned());
        let Some(text) = mark.get("at").map(ToOwned::to_owned).or(cell) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: crate::vocabulary::TimeError| {
            self.fault(line, "time", error.to_string());
        })
    }

    fn id(
        &mut self,
        row: Option<&Row>,
        mark: &Mark,
        line: usize,
        (at, is_refused): (Option<Offset>, bool),
    ) -> String {
        let cell =
            row.and_then(|row| self.cell(row, ID)).map(|text| text.trim_matches('`').to_owned());
        let time = row.and(at).map(|at| at.to_string());
        let Some(id) = mark.get("id").map(ToOwned::to_owned).or(cell).or(time) else {
            // A row without one takes its time, which may be what is wrong with it.
            if row.is_none() || !is_refused {
                self.fault(line, "id", "the step has no id");
            }
            return String::new();
        };
        let is_inner = |b: u8| b.is_ascii_alphanumeric() || b"+-._".contains(&b);
        let is_good = id.len() <= 40
            && id.starts_with(|c: char| c.is_ascii_alphabetic())
            && id.bytes().all(is_inner);
        if !is_good {
            let text =
                format!("`{id}` is no id: a letter, then letters, digits and `+-._`, 40 at most");
            self.fault(line, "id", text);
        }
        id
    }

    fn owners(&self, row: Option<&Row>, mark: &Mark, part: usize) -> Vec<String> {
        let cell = row.and_then(|row| self.cell(row, OWNER)).map(roles);
        mark.get("owner")
            .map(names)
            .or(cell.filter(|roles| !roles.is_empty()))
            .or_else(|| self.runbook.sections[part].owner.as_deref().map(names))
            .or_else(|| {
                row.is_none().then_some(self.runbook.front.owner.as_deref()).flatten().map(names)
            })
            .unwrap_or_default()
    }

    fn text(&self, index: usize, row: Option<&Row>, section: Section) -> String {
        let names = match section {
            Section::Gates => CHECK,
            Section::Timeline => ACTION,
            _ => &[],
        };
        let cell = row.and_then(|row| self.cell(row, names)).map(ToOwned::to_owned);
        let cells = || row.map(|row| row.cells.join(" | "));
        cell.or_else(cells).unwrap_or_else(|| self.outline.items[index].text.clone())
    }

    fn value<T>(&mut self, mark: &Mark, key: &str, line: usize) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        mark.get(key)?
            .parse()
            .map_err(|error| self.fault(line, "mark", format!("`{key}`: {error}")))
            .ok()
    }

    /// Takes the fences of a step and of what belongs to it; guards stay for the document.
    fn own_fences(&mut self, family: &[usize]) -> (Option<crate::Traffic>, Option<crate::Undo>) {
        let (mut traffic, mut undo, mut twice) = (None, None::<crate::Undo>, Vec::new());
        self.fences.retain(|fence| {
            if fence.item.is_none_or(|item| family.binary_search(&item).is_err()) {
                return true;
            }
            let had = match &fence.content {
                fence::Content::Guard(_) => return true,
                fence::Content::Traffic(content) => traffic.replace(content.clone()).is_some(),
                fence::Content::Undo(content) => undo.replace(content.clone()).is_some(),
            };
            twice.extend(had.then_some(fence.line));
            false
        });
        for line in twice {
            self.fault(line, "fence", "the step has such a fence already");
        }
        if let Some(undo) = &mut undo {
            self.fill(undo);
        }
        (traffic, undo)
    }

    /// Fills in what undoes a step, each argument by itself.
    fn fill(&self, undo: &mut crate::Undo) {
        for text in undo.commands.iter_mut().flatten().chain(&mut undo.flags) {
            *text = self.filled(text);
        }
    }
}

/// Splits a list of names.
pub(super) fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Reads the roles of an owner's cell: names, in code or in angle brackets, joined by `+`, `,` or `&`.
fn roles(text: &str) -> Vec<String> {
    let roles = text.split(['+', ',', '&']).map(|role| role.trim().trim_matches(['`', '<', '>']));
    roles
        .filter(|role| !role.is_empty() && (front::is_role(role) || !role.contains('`')))
        .map(ToOwned::to_owned)
        .collect()
}
