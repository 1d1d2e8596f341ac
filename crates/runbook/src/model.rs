//! A runbook as it was understood: steps with their kinds, owners, times and contents.

use std::collections::BTreeMap;

use evidence::Hash;
use serde::Serialize;

use crate::{
    code::{Assertion, Flag},
    fence::{GuardSpec, Traffic, Undo},
    front::Front,
    vocabulary::{Class, Kind, Length, Offset, Section, Way},
};

/// A runbook.
#[derive(Debug)]
pub(crate) struct Runbook {
    pub(crate) title: String,
    pub(crate) title_line: usize,
    /// Of the document's bytes.
    pub(crate) source: Hash,
    pub(crate) front: Front,
    pub(crate) sections: Vec<Part>,
    pub(crate) steps: Vec<Step>,
    /// Where the first step with each id stands in the list.
    pub(crate) places: BTreeMap<String, usize>,
    pub(crate) guards: Vec<Guard>,
}

/// A section that means something to a run.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) line: usize,
    pub(crate) section: Section,
    pub(crate) owner: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) way: Way,
}

/// A guard and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) line: usize,
    /// The section that it stands in, by index.
    pub(crate) part: Option<usize>,
    pub(crate) spec: GuardSpec,
}

/// A step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) id: String,
    pub(crate) section: Section,
    /// Its section, by index.
    pub(crate) part: usize,
    pub(crate) kind: Kind,
    /// Missing where it has to be said and is not.
    pub(crate) class: Option<Class>,
    pub(crate) owners: Vec<String>,
    pub(crate) at: Option<Offset>,
    /// What of it was refused already, so that nothing else is said of its lack.
    pub(crate) refused: Refused,
    pub(crate) within: Option<Length>,
    pub(crate) way: Way,
    pub(crate) text: String,
    /// What a gate's row calls a pass.
    pub(crate) pass: Option<String>,
    /// What a row of the timeline leaves behind.
    pub(crate) output: Option<String>,
    pub(crate) content: Content,
    pub(crate) links: Links,
    /// The certificate that a gate asks for.
    pub(crate) certificate: Option<String>,
    pub(crate) traffic: Option<Traffic>,
    pub(crate) undo: Option<Undo>,
}

/// What of a step could not be read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) time: bool,
    pub(crate) code: bool,
}

/// What is carried out or looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Programs, each an argument list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Vec<String>>,
    /// Settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// Paths and addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// What has to be so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<Assertion>,
    /// Fields that have to be there, whatever they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Bounds of what is measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<String>,
}

/// Names of other steps and of guards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// Steps that are done again.
    pub(crate) of: Vec<String>,
    /// What is compared with.
    pub(crate) with: Vec<String>,
    pub(crate) guards: Vec<String>,
    pub(crate) after: Vec<String>,
    pub(crate) undo: Vec<String>,
}

impl Links {
    /// Returns the names of steps, each with the key that they stand under.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let named =
            [("of", &self.of), ("with", &self.with), ("after", &self.after), ("undo", &self.undo)];
        named.into_iter().flat_map(|(key, names)| names.iter().map(move |name| (key, name)))
    }
}

impl Step {
    /// Returns what it is called where something is said of it.
    pub(crate) fn name(&self) -> &str {
        if self.id.is_empty() { "the step" } else { &self.id }
    }
}

impl Runbook {
    /// Returns the step with an id.
    pub(crate) fn step(&self, id: &str) -> Option<&Step> {
        self.place(id).map(|place| &self.steps[place])
    }

    /// Returns the place of a step with an id, by index.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Returns a step's class; that of a repeated step is the gravest of what it repeats. There is none
    /// where it has to be said and is not.
    pub(crate) fn effective_class(&self, step: &Step) -> Option<Class> {
        if step.kind != Kind::Repeat {
            return step.class;
        }
        let repeated = step.links.of.iter().filter_map(|id| self.step(id)?.class);
        repeated.max().or(step.class).or(Some(Class::Observe))
    }

    /// Returns whether a step changes something, by itself or by what it repeats.
    pub(crate) fn changes(&self, step: &Step) -> bool {
        self.effective_class(step).is_some_and(Class::changes)
    }

    /// Returns whether a step belongs to the environment that the runbook is for.
    pub(crate) fn is_here(&self, step: &Step) -> bool {
        self.is_part_here(Some(step.part))
    }

    /// Returns the guards that count: all but those that stand in a section of another environment and
    /// watch a step there.
    pub(crate) fn guards_here(&self) -> impl Iterator<Item = &Guard> {
        self.guards.iter().filter(|guard| self.is_guard_here(guard))
    }

    /// Returns whether a guard counts.
    pub(crate) fn is_guard_here(&self, guard: &Guard) -> bool {
        let watched = guard.spec.watch.as_ref().and_then(|id| self.step(id));
        self.is_part_here(guard.part) || watched.is_none_or(|step| self.is_here(step))
    }

    fn is_part_here(&self, part: Option<usize>) -> bool {
        let part = part.and_then(|part| self.sections.get(part));
        let other = part.and_then(|part| part.environment.as_ref());
        match (other, &self.front.environment) {
            (Some(other), Some(ours)) => other == ours,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}
