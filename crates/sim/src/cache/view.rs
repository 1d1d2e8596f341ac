//! The state behind one block as far as a cache has it.

use std::time::Instant;

use alloy_primitives::{Address, B256, U256};
use chain::BlockRef;

use super::StateCache;
use crate::{AccountState, Code, StateKey, StateView};

/// The state behind one block as far as a cache has it.
#[derive(Debug)]
pub struct CacheView<'c> {
    cache: &'c StateCache,
    at: BlockRef,
    due: Option<Instant>,
}

impl<'c> CacheView<'c> {
    pub(super) fn new(cache: &'c StateCache, at: BlockRef) -> Self {
        CacheView { cache, at, due: None }
    }

    /// Ends a simulation at this time.
    pub fn until(self, due: Instant) -> Self {
        CacheView { due: Some(due), ..self }
    }
}

impl StateView for CacheView<'_> {
    fn account(&mut self, address: Address) -> Option<AccountState> {
        self.cache.account(self.at, address)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Option<U256> {
        self.cache.word(self.at, StateKey::Storage(address, slot))
    }

    fn code(&mut self, _: Address, hash: B256) -> Option<Code> {
        self.cache.code(hash)
    }

    fn block_hash(&mut self, number: u64) -> Option<B256> {
        if number == self.at.number {
            return Some(self.at.hash);
        }
        self.cache.word(self.at, StateKey::BlockHash(number)).map(B256::from)
    }

    fn is_due(&mut self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }
}
