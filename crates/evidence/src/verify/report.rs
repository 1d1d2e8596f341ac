//! What a verification found: for each thing who vouches for it, and everything that is wrong. Pure.

use std::fmt;

use serde::Serialize;

use crate::{Hash, Visible};

/// Who vouches for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Somebody whose key is trusted signed it.
    Signed,
    /// It is said to be signed; no keys were given to check that with.
    Claimed,
    /// It was computed here from what is in the folder.
    Derived,
    /// Only whoever wrote the log says so.
    Asserted,
}

/// Whether signatures were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signatures {
    /// With the keys that are trusted.
    #[default]
    Checked,
    /// No keys were given.
    Unchecked,
}

/// One thing in the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where it stands.
    pub place: String,
    /// Who vouches for it.
    pub standing: Standing,
    /// What it is.
    pub what: String,
    /// The keys that signed it, or are said to have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where.
    pub place: String,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", content = "detail", rename_all = "kebab-case")]
pub enum Fault {
    /// A file that does not belong there.
    #[error("it does not belong to the evidence")]
    Stranger,
    /// A file that is not there.
    #[error("it is missing")]
    Missing,
    /// A file that ends amid a line, or is no text.
    #[error("it is cut or is no text")]
    Torn,
    /// A line that is no entry.
    #[error("it is no entry: {0}")]
    Entry(String),
    /// An entry that does not stand in its place.
    #[error("it says that it is entry {0}")]
    Displaced(u64),
    /// An entry behind the end.
    #[error("it stands behind the end of the log")]
    AfterEnd,
    /// A log without an end.
    #[error("the log has no end: what came after it may have been cut off")]
    NoEnd,
    /// A checkpoint that can't be read.
    #[error("it is no checkpoint: {0}")]
    Checkpoint(String),
    /// A signature by nobody who is known, or one that is wrong.
    #[error("the signature of {0} is not one of a trusted key over these bytes")]
    Signature(String),
    /// A key that may not sign this.
    #[error("{key} may not sign as {role}")]
    Role {
        /// The key.
        key: String,
        /// The role.
        role: String,
    },
    /// A key that signed twice.
    #[error("{0} signed it twice")]
    SignedTwice(String),
    /// No signature.
    #[error("nobody signed it")]
    Unsigned,
    /// Records without a log that would vouch for them.
    #[error("none of its {0} records is signed: whoever can write the folder can change them")]
    UnsignedRecords(usize),
    /// A log of another name.
    #[error("it is of the log {0:?}")]
    Origin(String),
    /// A checkpoint over another number of entries.
    #[error("it is over {checkpoint} entries, and there are {entries}")]
    Size {
        /// Of the checkpoint.
        checkpoint: u64,
        /// Of the log.
        entries: u64,
    },
    /// A plan that is not the log's.
    #[error("it is about the plan {0}, and the log is of another one")]
    Plan(Hash),
    /// A plan that is named by something else than its digest, or twice.
    #[error("its `plan` is not one digest, 64 lower-case hexadecimal digits")]
    PlanDigest,
    /// A checkpoint that says of a log with an end that it has none.
    #[error("it says that the log goes on, and the log has an end")]
    Endless,
    /// A root that is not that of the entries.
    #[error("its root is not that of the entries")]
    Root,
    /// A statement that can't be read.
    #[error("it is no statement that is understood: {0}")]
    Statement(String),
    /// A statement that was there before.
    #[error("the same was stated in entry {0}")]
    Repeated(u64),
    /// A statement whose subject is not what it has to be.
    #[error("its subject is not what it speaks of")]
    Subject,
    /// A statement about entries that are not before it.
    #[error("it speaks of entries that are not before it")]
    Future,
    /// An output whose bytes are others.
    #[error("its bytes are not those that were recorded")]
    Digest,
    /// An output that no entry names.
    #[error("no entry names it")]
    Unnamed,
}

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log's name, as its checkpoint says.
    pub origin: Option<String>,
    /// How many entries there are.
    pub entries: u64,
    /// The root that was computed from them.
    pub root: String,
    /// The plan that it is of, where it says so: approvals are for that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Hash>,
    /// Whether the log has an end.
    pub closed: bool,
    /// Whether its checkpoint says that it has none, as that of a server.
    pub goes_on: bool,
    /// Whether signatures were checked.
    pub signatures: Signatures,
    /// Everything that is wrong; nothing, if the evidence is sound.
    pub findings: Vec<Finding>,
    /// Who vouches for what. It counts only where nothing is wrong.
    pub items: Vec<Item>,
}

impl Report {
    /// Returns whether nothing is wrong, as far as it was checked.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns whether it is proved to be sound or not; nothing where it is not contradicted and no
    /// signature was checked, which proves neither.
    pub fn verdict(&self) -> Option<bool> {
        match (self.is_sound(), self.signatures) {
            (false, _) => Some(false),
            (true, Signatures::Checked) => Some(true),
            (true, Signatures::Unchecked) => None,
        }
    }

    /// Returns how many things have this standing.
    pub fn count(&self, standing: Standing) -> usize {
        self.items.iter().filter(|item| item.standing == standing).count()
    }

    pub(super) fn find(&mut self, place: impl Into<String>, fault: Fault) {
        self.findings.push(Finding { place: place.into(), fault });
    }

    pub(super) fn item(
        &mut self,
        place: impl Into<String>,
        standing: Standing,
        what: impl Into<String>,
        signers: Vec<String>,
    ) {
        self.items.push(Item { place: place.into(), standing, what: what.into(), signers });
    }

    /// Puts what is signed or said to be before what is derived, and that before what is only asserted.
    pub(super) fn finish(&mut self) {
        self.items.sort_by_key(|item| item.standing);
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Visible(&self.place), Visible(&self.fault))
    }
}
