//! From a plain runbook to one whose steps are marked: what is inferred from headings and code is
//! put in as `run?`, and `lint` does not pass before a person has made each of them `run:`.
//!
//! Nothing else is touched: without its marks and its front matter's blocks the result has the bytes
//! that it was made of.

mod infer;

use std::collections::BTreeSet;

use crate::{
    edit::Edits,
    front,
    mark::Mark,
    outline::{self, FRONT_DELIMITER, Heading, Item, Outline, Shape},
    placeholder,
    problem::{self, Problem},
    secret,
    source::{Source, split_mark},
    vocabulary::Section,
};

/// A runbook that was made of a plain one.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The document.
    pub text: String,
    /// How many marks wait for a person.
    pub inferred: usize,
    /// Secrets that stand in the clear: the document has them still.
    pub problems: Vec<Problem>,
}

/// Marks what a plain runbook seems to mean.
///
/// # Errors
/// Fails where a limit is not kept, or it is a runbook already.
pub fn import(text: &str) -> Result<Imported, Problem> {
    let (mark, text) = split_mark(text);
    let source = Source::new(text)?;
    let outline = outline::read(&source)?;
    let front_text = outline.front.clone().map_or("", |range| &text[range]);
    if front::blocks(front_text).is_runbook {
        let what = "the document is a runbook already: its front matter has a block `runbook`";
        return Err(Problem::fault(1, "front-matter", what));
    }
    let mut importer = Importer::new(&source, &outline);
    importer.sections();
    importer.items();
    importer.front(front_text)?;
    let (text, inferred) = (format!("{mark}{}", importer.edits.apply(text)), importer.inferred);
    // By the lines of what was made.
    let problems = match Source::new(&text) {
        Ok(source) => secret::named(&source, &evidence::secrets(&text)),
        Err(problem) => vec![problem],
    };
    Ok(Imported { text, inferred, problems: problem::bounded(problems) })
}

struct Importer<'o, 't> {
    source: &'o Source<'t>,
    outline: &'o Outline,
    edits: Edits,
    inferred: usize,
    /// For each heading what its section is.
    sections: Vec<Option<Section>>,
    roles: BTreeSet<String>,
    has_environments: bool,
    counts: [usize; Section::ALL.len()],
}

impl<'o, 't> Importer<'o, 't> {
    fn new(source: &'o Source<'t>, outline: &'o Outline) -> Self {
        Importer {
            source,
            outline,
            edits: Edits::default(),
            inferred: 0,
            sections: Vec::new(),
            roles: BTreeSet::new(),
            has_environments: false,
            counts: [0; Section::ALL.len()],
        }
    }

    fn put(&mut self, at: usize, mark: &Mark) {
        self.edits.insert(at, format!(" {mark}"));
        self.inferred += 1;
    }

    fn sections(&mut self) {
        let outline = self.outline;
        let mut has_items = vec![false; outline.headings.len()];
        for heading in outline.items.iter().filter_map(|item| item.heading) {
            has_items[heading] = true;
        }
        let mut open: Vec<(u8, Option<Section>)> = Vec::new();
        for (index, heading) in outline.headings.iter().enumerate() {
            open.retain(|(level, _)| *level < heading.level);
            let inherited = open.last().and_then(|(_, section)| *section);
            let inferred = infer::section(heading).filter(|_| heading.marks.is_empty());
            let section = inferred.or(inherited);
            if let Some(section) = inferred.filter(|_| self.leads_to_items(index, &has_items)) {
                self.mark_section(heading, section);
            }
            open.push((heading.level, section));
            self.sections.push(section);
        }
    }

    /// Returns whether items stand under a heading, or under those below it that say nothing else.
    fn leads_to_items(&self, index: usize, has_items: &[bool]) -> bool {
        let headings = &self.outline.headings;
        let below = |at: &usize| *at == index || headings[*at].level > headings[index].level;
        let until = (index..headings.len()).take_while(below);
        until
            .filter(|at| *at == index || infer::section(&headings[*at]).is_none())
            .any(|at| has_items[at])
    }

    fn mark_section(&mut self, heading: &Heading, section: Section) {
        let mut mark = Mark::inferred(&["section", section.as_str()]);
        if let Some(environment) = infer::environment(heading) {
            mark = mark.with("environment", environment);
            self.has_environments = true;
        }
        let line = self.source.line(heading.line);
        let closing = line.trim_end().trim_end_matches('#').trim_end().len();
        let is_closed = line.starts_with('#') && line.trim_end().ends_with('#');
        let at = if is_closed { self.source.start(heading.line) + closing } else { heading.end };
        self.put(at, &mark);
    }

    fn items(&mut self) {
        let outline = self.outline;
        for (index, item) in outline.items.iter().enumerate() {
            let section = item.heading.and_then(|heading| self.sections[heading]);
            if let (Some(section), None, true) = (section, item.parent, item.marks.is_empty()) {
                self.item(index, item, section);
            }
        }
    }

    fn item(&mut self, index: usize, item: &Item, section: Section) {
        let codes: Vec<_> = self
            .outline
            .family(index)
            .iter()
            .flat_map(|at| &self.outline.items[*at].codes)
            .collect();
        let mut mark = infer::step(&self.words(item), section, &codes);
        if let Shape::Row(row) = &item.shape {
            let columns = &self.outline.tables[row.table].columns;
            let owner =
                columns.iter().position(|column| column.to_lowercase().starts_with("owner"));
            let cell = owner.and_then(|owner| row.cells.get(owner));
            self.roles.extend(
                cell.into_iter().flat_map(|cell| placeholder::find(cell)).map(ToOwned::to_owned),
            );
        } else {
            let place = Section::ALL.iter().position(|known| *known == section).unwrap_or(0);
            self.counts[place] += 1;
            let id = format!("{}{}", infer::letter(section), self.counts[place]);
            mark = mark.with("id", id);
            let owner =
                codes.first().filter(|code| item.text.starts_with(&format!("`{}`", code.text)));
            if let Some(owner) = owner.and_then(|code| placeholder::find(&code.text).next()) {
                self.roles.insert(owner.to_owned());
                mark = mark.with("owner", owner);
            }
        }
        self.put(item.end, &mark);
    }

    /// Returns the words of an item; of a row without its times, owners and outputs.
    fn words(&self, item: &Item) -> String {
        let Shape::Row(row) = &item.shape else { return item.text.clone() };
        let columns = &self.outline.tables[row.table].columns;
        let is_told = |column: &String| {
            let column = column.to_lowercase();
            ["check", "action", "command"].iter().any(|word| column.contains(word))
        };
        let cells = columns.iter().zip(&row.cells).filter(|(column, _)| is_told(column));
        cells.map(|(_, cell)| cell.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Adds the blocks of the front matter, and the front matter itself where there is none. Roles that
    /// the document has of its own stay, and get those beside them that it lacks.
    fn front(&mut self, front: &str) -> Result<(), Problem> {
        let owner = front.lines().find_map(|line| line.strip_prefix("owner:")).map(infer::slug);
        let owner =
            owner.filter(|owner| front::is_role(owner)).unwrap_or_else(|| "operator".to_owned());
        self.roles.insert(owner.clone());
        let known = front::blocks(front);
        if let Some(problem) = known.problems.into_iter().next() {
            return Err(problem);
        }
        let known = known.settings.iter().filter(|(block, _)| *block == "roles");
        let known: BTreeSet<&str> = known.map(|(_, setting)| setting.key).collect();
        self.roles.retain(|role| front::is_role(role) && !known.contains(role.as_str()));
        let mut runbook = format!("runbook:\n  version: 1\n  mode: readiness\n  owner: {owner}\n");
        if self.has_environments {
            runbook.push_str("  environment: production\n");
        }
        let roles = self.roles.iter().map(|role| format!("  {role}: <{role}>\n"));
        let roles: String = roles.collect();
        let mut lines = (1..).zip(front.lines());
        let own = lines.find(|(_, line)| line.starts_with("roles:")).map(|(number, _)| number);
        let end = front.rfind(FRONT_DELIMITER).filter(|at| *at > 0);
        match (end, own) {
            (Some(end), Some(own)) => {
                self.insert(self.source.start(own + 1), &roles);
                self.insert(end, &runbook);
            }
            (Some(end), None) => self.insert(end, &format!("{runbook}roles:\n{roles}")),
            (None, _) => {
                let delimiter = FRONT_DELIMITER;
                let text = format!("{delimiter}\n{runbook}roles:\n{roles}{delimiter}\n\n");
                self.insert(0, &text);
            }
        }
        Ok(())
    }

    /// Puts lines in, which end as those of the document do.
    fn insert(&mut self, at: usize, lines: &str) {
        let is_crlf =
            self.source.text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        let lines = if is_crlf { lines.replace('\n', "\r\n") } else { lines.to_owned() };
        self.edits.insert(at, lines);
    }
}

#[cfg(test)]
mod tests;
