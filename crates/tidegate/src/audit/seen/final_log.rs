//! The log as it stands at the end, picked from all that readers have seen.

use event::{Epoch, EventId, Position, RollingHash, Seq};
use sha2::{Digest, Sha256};

use super::{Entry, Table};
use crate::audit::stamp::Stamp;

/// An event of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Logged {
    /// The epoch that appended it.
    pub(in crate::audit) epoch: Epoch,
    /// Its identity.
    pub(in crate::audit) id: Option<EventId>,
    /// The stamp, where it is an event of this run.
    pub(in crate::audit) stamp: Option<Stamp>,
}

/// The log after its start, up to the ledger's last place.
#[derive(Debug)]
pub(in crate::audit) struct FinalLog {
    start: Seq,
    end: Seq,
    events: Vec<Option<Logged>>,
    hash: Option<RollingHash>,
}

impl FinalLog {
    /// Picks the events, from the last place backwards: an epoch reaches down to its first event,
    /// and before that lies the one that was seen first most lately, which the other took over from.
    pub(super) fn of(table: &Table, start: Seq, hash: RollingHash, end: Position) -> Self {
        let rank = |entry: &&Entry| table.epochs.iter().position(|epoch| *epoch == entry.epoch);
        let count = end.seq.count_after(start) as usize;
        let mut epoch = end.epoch;
        let mut picked: Vec<Option<&Entry>> = Vec::with_capacity(count.min(table.entries.len()));
        for index in (0..count).rev() {
            let entry = table.at(index, epoch).or_else(|| table.all_at(index).max_by_key(rank));
            epoch = entry.map_or(epoch, |entry| entry.epoch);
            picked.push(entry);
        }
        picked.reverse();
        let mut numbered = (start.next().0..).map(Seq).zip(&picked);
        let hash = numbered.try_fold(hash, |hash, (seq, entry)| {
            Some(hash_after(hash, seq, &entry.as_ref()?.digest))
        });
        let logged =
            |entry: &Entry| Logged { epoch: entry.epoch, id: entry.id, stamp: entry.stamp };
        let events = picked.into_iter().map(|entry| entry.map(logged)).collect();
        FinalLog { start, end: end.seq, events, hash: hash.filter(|_| end.seq >= start) }
    }

    /// Returns the event with this number; `None` where no reader received it.
    pub(in crate::audit) fn get(&self, seq: Seq) -> Option<&Logged> {
        let index = seq.0.checked_sub(self.start.next().0)?;
        self.events.get(usize::try_from(index).ok()?)?.as_ref()
    }

    /// Returns whether the log has another event in this place, or ends before it.
    pub(in crate::audit) fn has_lost(&self, position: Position) -> bool {
        position.seq > self.end
            || self.get(position.seq).is_some_and(|logged| logged.epoch != position.epoch)
    }

    /// Returns the hash of the whole log; `None` where an event of it was never seen.
    pub(in crate::audit) fn hash(&self) -> Option<RollingHash> {
        self.hash
    }
}

/// The step of [`RollingHash::and`], for an event of which only the digest is kept.
fn hash_after(before: RollingHash, seq: Seq, digest: &[u8; 32]) -> RollingHash {
    let mut chain = Sha256::new();
    chain.update(before.0);
    chain.update(seq.0.to_be_bytes());
    chain.update(digest);
    RollingHash(chain.finalize().into())
}
