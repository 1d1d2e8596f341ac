//! The log as the readers together have seen it.
//!
//! The first reader to receive an event puts it here, the others compare theirs with it, byte by
//! byte. So a reader is right where its numbers are right and each event equals the one here.
//!
//! A place can hold an event of each of several epochs: after a crash of the server the next epoch
//! gives the numbers of what was lost again. Which of them is in the log is known at the end, from
//! the ledger's last place ([`SeenLog::up_to`]).

mod final_log;

use std::collections::HashMap;

use bytes::Bytes;
use event::{Epoch, EventId, Position, RollingHash, Seq};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

pub(super) use self::final_log::FinalLog;
use super::stamp::{Mark, Stamp};

/// How far ahead of everything seen a number may be; one beyond it is nonsense, not a hole.
const AHEAD_MAX: u64 = 1 << 20;

/// How many bytes of recent events are kept to be compared with; older ones are compared by hash.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Most events that share their place with another epoch's; one beyond it counts as altered.
const RIVALS_MAX: usize = 1 << 16;

/// An event that a reader received.
#[derive(Clone, Debug)]
struct Entry {
    epoch: Epoch,
    digest: [u8; 32],
    /// The text, until it is old.
    json: Option<Bytes>,
    /// The event's identity.
    id: Option<EventId>,
    /// The stamp, where it is an event of this run.
    stamp: Option<Stamp>,
}

#[derive(Debug, Default)]
struct Table {
    /// What was seen first in each place.
    entries: Vec<Option<Entry>>,
    /// What was seen there of other epochs.
    rivals: HashMap<usize, Vec<Entry>>,
    rivals_count: usize,
    /// Every epoch, in the order in which they were first seen.
    epochs: Vec<Epoch>,
    /// How many entries from the start have lost their text.
    trimmed: usize,
    kept_bytes: usize,
}

/// The log after its start, as far as any reader has seen it.
#[derive(Debug)]
pub(super) struct SeenLog {
    start: Seq,
    hash: RollingHash,
    mark: Mark,
    table: RwLock<Table>,
}

impl SeenLog {
    /// Returns an empty log that goes on from a ledger's last place and hash.
    pub(super) fn new(start: Seq, hash: RollingHash, mark: Mark) -> Self {
        SeenLog { start, hash, mark, table: RwLock::default() }
    }

    /// Returns the mark of the run's events.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Takes what a reader received; returns whether it is what others received in this place.
    pub(super) fn see(&self, position: Position, json: &[u8]) -> bool {
        let Some(index) = self.index(position.seq) else {
            // From before the start: a repeat, which the reader's own account counts.
            return true;
        };
        if let Some(entry) = self.table.read().at(index, position.epoch) {
            return entry.has(json);
        }
        let mut table = self.table.write();
        match table.at(index, position.epoch) {
            Some(entry) => entry.has(json),
            None => table.add(index, self.entry(position, json)),
        }
    }

    /// Returns the log that ends at this place, the ledger's last.
    pub(super) fn up_to(&self, end: Position) -> FinalLog {
        FinalLog::of(&self.table.read(), self.start, self.hash, end)
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.0.checked_sub(self.start.0 + 1)?).ok()
    }

    fn entry(&self, position: Position, json: &[u8]) -> Entry {
        Entry {
            epoch: position.epoch,
            digest: Sha256::digest(json).into(),
            json: Some(Bytes::copy_from_slice(json)),
            id: id_of(json),
            stamp: self.mark.read(json),
        }
    }
}

/// Reads the envelope's identity, which is its first field.
fn id_of(json: &[u8]) -> Option<EventId> {
    let text = json.strip_prefix(br#"{"id":""#)?;
    let end = memchr::memchr(b'"', text)?;
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

impl Entry {
    fn has(&self, json: &[u8]) -> bool {
        match &self.json {
            Some(mine) => **mine == *json,
            None => self.digest[..] == Sha256::digest(json)[..],
        }
    }
}

impl Table {
    /// Returns all that was seen in a place, of one epoch each.
    fn all_at(&self, index: usize) -> impl Iterator<Item = &Entry> {
        let first = self.entries.get(index).and_then(Option::as_ref);
        first.into_iter().chain(self.rivals.get(&index).into_iter().flatten())
    }

    fn at(&self, index: usize, epoch: Epoch) -> Option<&Entry> {
        self.all_at(index).find(|entry| entry.epoch == epoch)
    }

    /// Adds the first event of its epoch in this place; returns whether it can be one.
    fn add(&mut self, index: usize, mut entry: Entry) -> bool {
        // One event has one epoch.
        if self.all_at(index).any(|rival| rival.digest == entry.digest) {
            return false;
        }
        if index as u64 > self.entries.len() as u64 + AHEAD_MAX || self.rivals_count >= RIVALS_MAX {
            return false;
        }
        if !self.epochs.contains(&entry.epoch) {
            self.epochs.push(entry.epoch);
        }
        if self.entries.len() <= index {
            self.entries.resize(index + 1, None);
        }
        if self.entries[index].is_some() {
            entry.json = None;
            self.rivals.entry(index).or_default().push(entry);
            self.rivals_count += 1;
            return true;
        }
        self.kept_bytes += entry.json.as_ref().map_or(0, Bytes::len);
        self.entries[index] = Some(entry);
        self.trim();
        true
    }

    /// Lets go of the oldest texts.
    fn trim(&mut self) {
        while self.kept_bytes > KEPT_BYTES_MAX && self.trimmed < self.entries.len() {
            if let Some(entry) = &mut self.entries[self.trimmed]
                && let Some(json) = entry.json.take()
            {
                self.kept_bytes -= json.len();
            }
            self.trimmed += 1;
        }
    }
}

#[cfg(test)]
mod tests;
