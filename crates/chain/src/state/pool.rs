//! The transactions that are known, by hash, by sender and nonce, and by how long they wait.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use alloy_primitives::{Address, B256, map::HashMap};

use super::Stage;
use crate::Transaction;

/// A transaction that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) transaction: Arc<Transaction>,
    pub(super) stage: Stage,
    /// When it came to this stage.
    pub(super) since_unix_ms: u64,
    /// Its place among all that came to a stage; given once.
    place: u64,
}

/// What can be had once on a chain: a sender's place in the order of its transactions.
type Slot = (Address, u64);

/// The transactions for one slot: nearly always one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rivals {
    first: B256,
    others: Vec<B256>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pool {
    held: HashMap<B256, Held>,
    slots: HashMap<Slot, Rivals>,
    /// Those that wait, by their place: the oldest first.
    waiting: BTreeMap<u64, B256>,
    /// Those that were replaced, oldest first, with their place then.
    replaced: VecDeque<(u64, B256)>,
    next_place: u64,
}

impl Pool {
    pub(super) fn get(&self, hash: &B256) -> Option<&Held> {
        self.held.get(hash)
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Returns those that wait, oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Held> {
        self.waiting.values().filter_map(|hash| self.held.get(hash))
    }

    /// Returns the others that have this one's sender and nonce.
    pub(super) fn rivals(&self, transaction: &Transaction) -> impl Iterator<Item = &Held> {
        let rivals = self.slots.get(&(transaction.sender, transaction.nonce));
        let hashes = rivals.into_iter().flat_map(|r| std::iter::once(&r.first).chain(&r.others));
        let hash = transaction.hash;
        hashes.filter(move |rival| **rival != hash).filter_map(|rival| self.held.get(rival))
    }

    /// Adds one that waits; one that is known is not added.
    pub(super) fn insert(&mut self, transaction: &Arc<Transaction>, at_unix_ms: u64) -> bool {
        let hash = transaction.hash;
        if self.held.contains_key(&hash) {
            return false;
        }
        let place = self.place();
        let held = Held {
            transaction: Arc::clone(transaction),
            stage: Stage::Pending,
            since_unix_ms: at_unix_ms,
            place,
        };
        self.held.insert(hash, held);
        self.waiting.insert(place, hash);
        self.slots
            .entry((transaction.sender, transaction.nonce))
            .and_modify(|rivals| rivals.others.push(hash))
            .or_insert(Rivals { first: hash, others: Vec::new() });
        true
    }

    /// Moves one that is at one of these stages to another stage, and returns it.
    pub(super) fn shift(
        &mut self,
        hash: &B256,
        from: &[Stage],
        to: Stage,
        at_unix_ms: u64,
    ) -> Option<&Arc<Transaction>> {
        let place = self.next_place;
        let held = self.held.get_mut(hash).filter(|held| from.contains(&held.stage))?;
        if held.stage == Stage::Pending {
            self.waiting.remove(&held.place);
        }
        self.next_place += 1;
        (held.stage, held.since_unix_ms, held.place) = (to, at_unix_ms, place);
        match to {
            Stage::Pending => drop(self.waiting.insert(place, *hash)),
            Stage::Replaced => self.replaced.push_back((place, *hash)),
            Stage::Included | Stage::Final => {}
        }
        Some(&held.transaction)
    }

    /// Forgets one, if it is at one of these stages.
    pub(super) fn remove(&mut self, hash: &B256, from: &[Stage]) -> bool {
        if !self.held.get(hash).is_some_and(|held| from.contains(&held.stage)) {
            return false;
        }
        let Some(held) = self.held.remove(hash) else { return false };
        self.waiting.remove(&held.place);
        self.leave_slot((held.transaction.sender, held.transaction.nonce), hash);
        true
    }

    /// Forgets the oldest of the replaced ones above so many.
    pub(super) fn trim_replaced(&mut self, replaced_max: usize) {
        while self.replaced.len() > replaced_max {
            let Some((place, hash)) = self.replaced.pop_front() else { return };
            if self.held.get(&hash).is_some_and(|held| held.place == place) {
                self.remove(&hash, &[Stage::Replaced]);
            }
        }
    }

    fn leave_slot(&mut self, slot: Slot, hash: &B256) {
        let Some(rivals) = self.slots.get_mut(&slot) else { return };
        if rivals.first != *hash {
            rivals.others.retain(|other| other != hash);
        } else if let Some(next) = rivals.others.pop() {
            rivals.first = next;
        } else {
            self.slots.remove(&slot);
        }
    }

    fn place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place - 1
    }
}
