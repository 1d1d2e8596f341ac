//! Records that belong together, before and after they are on disk.
//!
//! Owns the shapes alone. Must not know what the records mean.

use std::sync::Arc;

use bytes::Bytes;

use crate::frame;
use crate::seq::{Damaged, Seq};

/// Most records in a group.
pub const GROUP_RECORDS_MAX: usize = 1_000_000;
/// Most bytes of a group on disk.
pub const GROUP_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records that are written all or none, and stand next to each other in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The records, at least one.
    pub records: Vec<Bytes>,
    /// When it was observed, in milliseconds since 1970; carried through.
    pub stamp: u64,
}

impl Group {
    /// What it takes on disk, in bytes.
    pub(crate) fn frame_bytes(&self) -> usize {
        frame::bytes_of(&self.records)
    }
}

/// A group that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The number of its first record; the others follow without a hole.
    pub first: Seq,
    /// The records.
    pub records: Arc<[Bytes]>,
    /// When it was observed, in milliseconds since 1970.
    pub stamp: u64,
    /// When the write began that made it last; the same when it is read again.
    pub persisted_unix_ms: u64,
}

impl Committed {
    /// The number of its last record.
    pub fn last(&self) -> Seq {
        self.first.plus((self.records.len() as u64).saturating_sub(1))
    }

    /// Its records with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Bytes)> {
        (0..).zip(self.records.iter()).map(|(at, record)| (self.first.plus(at), record))
    }

    /// The part of it from `from` on.
    pub(crate) fn behind(mut self, from: Seq) -> Self {
        if self.first < from {
            let skip = (from.get() - self.first.get()) as usize;
            self.records = self.records.get(skip..).unwrap_or_default().into();
            self.first = from;
        }
        self
    }

    /// The bytes of its records.
    pub fn bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// What a reader of the log meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A group, whole.
    Group(Committed),
    /// Records that were written once and can't be read any more; told once, in their place.
    Damaged(Damaged),
}

impl Entry {
    /// The number of the record behind it.
    pub fn next(&self) -> Seq {
        match self {
            Self::Group(group) => group.last().plus(1),
            Self::Damaged(damaged) => damaged.to.plus(1),
        }
    }
}
