//! State that was read before, within a limit of bytes.
//!
//! Values are kept by block and key: a block's state never changes, so that none is ever wrong. Codes
//! are kept by their hash, across blocks, ready to run. What was not used for longest goes first.

mod gathered;
mod generations;
#[cfg(test)]
mod tests;
mod view;

use std::{
    hash::{Hash, Hasher},
    mem::size_of,
    sync::Mutex,
};

use alloy_primitives::{Address, B256, U256};
use chain::BlockRef;

pub(crate) use self::gathered::Gathered;
use self::generations::{Generations, Kept};
pub use self::view::CacheView;
use crate::{AccountState, Code, StateError, StateKey, StateValue};

/// What a table needs for an entry beside the entry, on average.
const ENTRY_BYTES: usize = 48;

/// State by block, shared by all that simulate.
#[derive(Debug)]
pub struct StateCache {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    accounts: Generations<Place, AccountState>,
    words: Generations<(B256, StateKey), Word>,
    codes: Generations<B256, Code>,
    counts: CacheCounts,
}

/// What stands in a slot, or a block's hash: which one the key says.
type Word = U256;

/// An account in the state behind a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    block: B256,
    address: Address,
}

impl Hash for Place {
    /// Hashes parts of both: they are hashes themselves, and the table's hasher is seeded.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (block, address) = (self.block.0.first_chunk(), self.address.0.last_chunk());
        state.write_u64(block.map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        state.write_u128(address.map_or(0, |bytes| u128::from_le_bytes(*bytes)));
    }
}

/// How a cache was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Questions that it knew the answer to.
    pub hits: u64,
    /// Questions that it did not.
    pub misses: u64,
    /// Values that were dropped for others.
    pub evictions: u64,
    /// Bytes that it holds now, as far as they can be counted.
    pub bytes: usize,
}

impl Kept for AccountState {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + size_of::<Place>() + size_of::<AccountState>()
    }
}

impl Kept for Word {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + size_of::<(B256, StateKey)>() + size_of::<Word>()
    }
}

impl Kept for Code {
    fn bytes(&self) -> usize {
        // The code, padded, a bit for each byte of it, and what holds them.
        ENTRY_BYTES + size_of::<B256>() + self.0.len() / 8 * 9 + 256
    }
}

impl StateCache {
    /// Returns an empty cache that holds at most so many bytes: half of them of
    /// slots, a quarter of accounts, a quarter of codes.
    pub fn new(bytes_max: usize) -> StateCache {
        let inner = Inner {
            accounts: Generations::new(bytes_max / 4),
            words: Generations::new(bytes_max / 2),
            codes: Generations::new(bytes_max / 4),
            counts: CacheCounts::default(),
        };
        StateCache { inner: Mutex::new(inner) }
    }

    /// Returns how it was used.
    pub fn counts(&self) -> CacheCounts {
        let inner = self.lock();
        CacheCounts {
            evictions: inner.accounts.evictions()
                + inner.words.evictions()
                + inner.codes.evictions(),
            bytes: inner.accounts.bytes() + inner.words.bytes() + inner.codes.bytes(),
            ..inner.counts
        }
    }

    /// Takes what a source answered; a value is kept only where it can be true. A code is kept where
    /// its account is known.
    ///
    /// # Errors
    ///
    /// Fails with [`StateError::Nonsense`] where it is of another kind than the key, or a code does
    /// not have the hash that its account has.
    pub fn insert(&self, at: BlockRef, key: StateKey, value: StateValue) -> Result<(), StateError> {
        Gathered::default().take(self, at, key, value)
    }

    /// Returns a view of the state behind a block, as far as it is here.
    pub fn view(&self, at: BlockRef) -> CacheView<'_> {
        CacheView::new(self, at)
    }

    fn word(&self, at: BlockRef, key: StateKey) -> Option<Word> {
        let mut inner = self.lock();
        let found = inner.words.get(&(at.hash, key));
        inner.count(found.is_some());
        found
    }

    /// Returns whether it holds a value, without counting that as a question.
    pub(crate) fn holds(&self, at: BlockRef, key: StateKey) -> bool {
        let mut inner = self.lock();
        match key {
            StateKey::Account(address) => {
                inner.accounts.get(&Place { block: at.hash, address }).is_some()
            }
            key => inner.words.get(&(at.hash, key)).is_some(),
        }
    }

    fn account(&self, at: BlockRef, address: Address) -> Option<AccountState> {
        let mut inner = self.lock();
        let found = inner.accounts.get(&Place { block: at.hash, address });
        inner.count(found.is_some());
        found
    }

    fn code(&self, hash: B256) -> Option<Code> {
        let mut inner = self.lock();
        let found = inner.codes.get(&hash);
        inner.count(found.is_some());
        found
    }

    /// Returns a code without counting that as a question.
    fn ready_code(&self, hash: B256) -> Option<Code> {
        self.lock().codes.get(&hash)
    }

    fn put_account(&self, at: BlockRef, address: Address, account: AccountState) {
        self.lock().accounts.insert(Place { block: at.hash, address }, account);
    }

    fn put_word(&self, at: BlockRef, key: StateKey, word: Word) {
        self.lock().words.insert((at.hash, key), word);
    }

    fn put_code(&self, hash: B256, code: Code) {
        self.lock().codes.insert(hash, code);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // What a holder that panicked left is whole: each value is put in by one step.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn count(&mut self, is_hit: bool) {
        if is_hit {
            self.counts.hits += 1;
        } else {
            self.counts.misses += 1;
        }
    }
}
