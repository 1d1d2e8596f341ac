//! The transactions of a file that a block may name by hash.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, map::HashMap};

use crate::Transaction;

/// Most of them; a part of the format, for both sides must count alike.
const RECENT_MAX: usize = 200_000;

/// The last transactions that stand in full in a file.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: HashMap<B256, Arc<Transaction>>,
    order: VecDeque<B256>,
}

impl Recent {
    pub(super) fn get(&self, hash: &B256) -> Option<&Arc<Transaction>> {
        self.known.get(hash)
    }

    /// Remembers one that stands in full; one that is known keeps its place.
    pub(super) fn insert(&mut self, transaction: &Arc<Transaction>) {
        if self.known.insert(transaction.hash, Arc::clone(transaction)).is_some() {
            return;
        }
        self.order.push_back(transaction.hash);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
