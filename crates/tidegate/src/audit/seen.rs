//! The log as the readers together have seen it.
//!
//! The first reader to receive an event puts it here, the others compare theirs with it, byte by
//! byte. So the log is hashed once for all readers, and a reader is right where its numbers are
//! right and each event equals the one here.

use bytes::Bytes;
use event::{Epoch, EventId, Position, RollingHash, Seq};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use super::stamp::{Mark, Stamp};

/// How far ahead of everything seen a number may be; one beyond it is nonsense, not a hole.
const AHEAD_MAX: u64 = 1 << 20;

/// How many bytes of recent events are kept to be compared with; older ones are compared by hash.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// An event that a reader received.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    epoch: Epoch,
    digest: [u8; 32],
    /// The text, until it is old and hashed.
    json: Option<Bytes>,
    /// The log's hash up to here, once everything before is known.
    rolling: Option<RollingHash>,
    /// The event's identity.
    pub(super) id: Option<EventId>,
    /// The stamp, where it is an event of this run.
    pub(super) stamp: Option<Stamp>,
}

#[derive(Debug, Default)]
struct Table {
    entries: Vec<Option<Entry>>,
    /// How many entries from the start are hashed.
    hashed: usize,
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
        if let Some(Some(entry)) = self.table.read().entries.get(index) {
            return entry.is(position, json);
        }
        let mut table = self.table.write();
        if index as u64 > table.entries.len() as u64 + AHEAD_MAX {
            return false;
        }
        if table.entries.len() <= index {
            table.entries.resize(index + 1, None);
        }
        if let Some(entry) = &table.entries[index] {
            return entry.is(position, json);
        }
        table.kept_bytes += json.len();
        table.entries[index] = Some(self.entry(position, json));
        table.hash_on(self.start, self.hash);
        table.trim();
        true
    }

    /// Returns the log's hash up to a place; `None` where an event before it was never seen.
    pub(super) fn hash_at(&self, seq: Seq) -> Option<RollingHash> {
        match self.index(seq) {
            None => (seq == self.start).then_some(self.hash),
            Some(index) => self.table.read().entries.get(index)?.as_ref()?.rolling,
        }
    }

    /// Returns the epoch and the entry of a place.
    pub(super) fn get(&self, seq: Seq) -> Option<(Epoch, Entry)> {
        let table = self.table.read();
        let entry = table.entries.get(self.index(seq)?)?.as_ref()?;
        Some((entry.epoch, entry.clone()))
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.0.checked_sub(self.start.0 + 1)?).ok()
    }

    fn entry(&self, position: Position, json: &[u8]) -> Entry {
        Entry {
            epoch: position.epoch,
            digest: Sha256::digest(json).into(),
            json: Some(Bytes::copy_from_slice(json)),
            rolling: None,
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
    fn is(&self, position: Position, json: &[u8]) -> bool {
        let same = match &self.json {
            Some(mine) => **mine == *json,
            None => self.digest[..] == Sha256::digest(json)[..],
        };
        same && self.epoch == position.epoch
    }
}

impl Table {
    /// Hashes on as far as nothing is missing.
    fn hash_on(&mut self, start: Seq, start_hash: RollingHash) {
        while let Some(Some(_)) = self.entries.get(self.hashed) {
            let before =
                self.hashed.checked_sub(1).and_then(|at| self.entries[at].as_ref()?.rolling);
            let before = before.unwrap_or(start_hash);
            let seq = Seq(start.0 + 1 + self.hashed as u64);
            if let Some(entry) = &mut self.entries[self.hashed]
                && let Some(json) = &entry.json
            {
                entry.rolling = Some(before.and(seq, json));
            }
            self.hashed += 1;
        }
    }

    /// Lets go of the oldest texts that are hashed.
    fn trim(&mut self) {
        while self.kept_bytes > KEPT_BYTES_MAX && self.trimmed < self.hashed {
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
