//! A log that follows another backend's: events with the places that they were given there.

use std::{sync::Arc, time::Duration};

use event::{Event, Ledger, Lineage, MonoMs, Seq, Standing};

use super::{Kept, Log, LogParts, WindowLimits};
use crate::{
    IdempotencyKey, Receipt,
    memory::keys::{Done, Keys},
};

/// What is trimmed in another turn.
const UNLIMITED: WindowLimits = WindowLimits { events_max: usize::MAX, age_max: Duration::MAX };

impl Log {
    /// Returns a log that another backend kept: its window, and its account up to the same head;
    /// `None` where they contradict each other.
    pub(crate) fn copied(lineage: &Lineage, ledger: &Ledger, window: Vec<Kept>) -> Option<Self> {
        let head = ledger.last.seq;
        let (first, count, hash) = (ledger.first, ledger.count, ledger.hash);
        let (lineage, keys) = (up_to(lineage, head), Keys::default());
        Log::from_parts(LogParts { lineage, head, window, keys, first, count, hash })
    }

    /// Says that the events up to a number, which the window would have had, are lost. It is not
    /// saved: after a restart they count as expired.
    pub(crate) fn with_lost_to(self, lost_to: Seq) -> Self {
        Log { lost_to, ..self }
    }

    /// Returns the number up to which events are lost that the window would have had; 0 where none is
    /// known to be.
    pub(crate) fn lost_to(&self) -> Seq {
        self.lost_to
    }

    /// Takes in the events that follow, and the epochs that led to them; returns whether they do.
    pub(crate) fn follow(
        &mut self,
        lineage: &Lineage,
        events: &[Arc<Event>],
        now: MonoMs,
        limits: &WindowLimits,
    ) -> bool {
        let follows = events.iter().zip(self.head.0 + 1..).all(|(e, seq)| e.position.seq.0 == seq);
        if !follows {
            return false;
        }
        for event in events {
            self.head = event.position.seq;
            self.hash = self.hash.and(self.head, &event.json);
            self.count += 1;
            if self.first == Seq::ZERO {
                self.first = self.head;
            }
            self.window.push_back(Kept { at: now, event: Arc::clone(event) });
        }
        self.lineage = up_to(lineage, self.head);
        self.trim(now, limits);
        true
    }

    /// Goes on as a log that grew out of this one, whose account is not known; `false` where what lies
    /// between is not known either, or it did not grow out of this one.
    pub(crate) fn grow_into(&mut self, other: &Log) -> bool {
        let ours = self.lineage.last_at(self.head);
        let next: Vec<Kept> = other.kept_after(self.head).cloned().collect();
        let reaches = self.head.0 + next.len() as u64 == other.head.0;
        if !reaches || other.lineage.standing(ours, other.head) != Standing::Good {
            return false;
        }
        for Kept { at, event } in next {
            self.follow(&other.lineage, &[event], at, &UNLIMITED);
        }
        self.lineage = other.lineage.clone();
        self.join_keys(&other.keys);
        true
    }

    /// Remembers what keys did elsewhere, but for those that are known.
    pub(crate) fn join_keys(&mut self, keys: &Keys) {
        for bucket in keys.buckets() {
            for (key, done) in &bucket.done {
                self.take_key(*key, done, bucket.ended);
            }
        }
    }

    /// Returns the idempotency keys.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Remembers what a key did elsewhere, unless it is known.
    pub(crate) fn take_key(&mut self, key: [u8; 16], done: &Done, at: MonoMs) {
        let key = IdempotencyKey { key, fingerprint: done.fingerprint };
        if !self.keys.knows(&key.key) {
            let receipts: Vec<Receipt> = done.receipts();
            self.keys.insert(key, &receipts, at);
        }
    }
}

/// Returns the epochs that began up to a number; the oldest one in any case.
fn up_to(lineage: &Lineage, head: Seq) -> Lineage {
    let forks = lineage.forks();
    let kept = forks.iter().filter(|fork| fork.after <= head).copied().collect();
    Lineage::from_forks(kept).unwrap_or_else(|_| lineage.clone())
}
