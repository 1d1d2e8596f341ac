//! The record of a run for people: Markdown under the runbook's own headings, one HTML page with plots,
//! and acceptance reports.
//!
//! Everything in it follows from the plan, the journal, its outputs and what was seen over time; what a
//! run lacks is said to be lacking. Owns the form of these documents. Must not know: files, clocks. Texts
//! of others are shown so that they make no Markdown and no HTML.

mod acceptance;
mod back;
mod facts;
mod html;
mod markdown;
mod page;
mod plot;
mod seen;
mod template;
mod text;

use std::collections::BTreeMap;

use evidence::Hash;
use runbook::Plan;

pub use self::acceptance::Acceptance;
use self::facts::Facts;
use crate::{JournalRead, Refused, Sample};

/// What a record is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'m> {
    /// The runbook's document, as it was when the plan was made.
    pub document: &'m str,
    /// The plan.
    pub plan: &'m Plan,
    /// The journal.
    pub journal: &'m JournalRead,
    /// What steps left behind, by digest; one that is not there is named by its digest alone.
    pub outputs: &'m BTreeMap<Hash, Vec<u8>>,
    /// What was seen over time.
    pub samples: &'m [Sample],
    /// The signed checkpoint of the run's evidence, where it was made.
    pub checkpoint: Option<&'m str>,
}

/// A run of which no record can be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The document is not the one that the plan was made of.
    #[error(
        "the document has the digest {given}, the plan was made of {planned}: give the one that is \
         in the run's folder"
    )]
    Document {
        /// Of the document.
        given: Hash,
        /// Of the plan's.
        planned: Hash,
    },
    /// The journal tells what can't have happened with this plan.
    #[error("line {line} of the journal can't follow the ones before it")]
    Refused {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: Refused,
    },
    /// A time in the journal is none.
    #[error("line {line} of the journal has no time")]
    Time {
        /// The line, from 1.
        line: u64,
    },
    /// Nothing has begun.
    #[error("the journal has no entry")]
    Empty,
    /// No JSON can be made of the plan.
    #[error("no JSON can be made of the plan")]
    Json(#[from] serde_json::Error),
}

/// The record of a run.
#[derive(Debug)]
pub struct Report<'m> {
    material: Material<'m>,
    facts: Facts,
}

impl<'m> Report<'m> {
    /// Takes in what a run left.
    ///
    /// # Errors
    /// Fails where the parts do not belong together.
    pub fn new(material: Material<'m>) -> Result<Self, ReportError> {
        let (given, planned) = (Hash::of(material.document.as_bytes()), material.plan.source);
        if given != planned {
            return Err(ReportError::Document { given, planned });
        }
        Ok(Report { material, facts: Facts::of(&material)? })
    }

    /// Returns the record as Markdown: a summary, then the runbook's document with what happened under
    /// each of its headings.
    pub fn markdown(&self) -> String {
        markdown::document(self)
    }

    /// Returns the record as one page that needs nothing from elsewhere and has no scripts.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// Returns a report for those who accept a release, as Markdown.
    pub fn acceptance(&self, kind: Acceptance) -> String {
        acceptance::document(self, kind)
    }

    /// Returns how the run ended, or how far it is, with why, in one sentence.
    pub fn why(&self) -> &str {
        &self.facts.why
    }
}
