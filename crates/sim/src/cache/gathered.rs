//! What one simulation has fetched: it stays at hand while it runs, however full the cache is.

use alloy_primitives::{
    Address, B256, Bytes, U256, keccak256,
    map::{AddressMap, B256Map, HashMap},
};
use chain::BlockRef;

use super::{CacheView, StateCache, Word};
use crate::{AccountState, Code, NO_CODE, StateError, StateKey, StateValue, StateView};

/// What one simulation has fetched of one block's state.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    accounts: AddressMap<AccountState>,
    words: HashMap<StateKey, Word>,
    codes: B256Map<Code>,
}

/// The state that is in the cache, or was fetched.
pub(crate) struct RunView<'a> {
    cached: CacheView<'a>,
    gathered: &'a Gathered,
}

impl Gathered {
    /// Takes what a source answered, into the cache too.
    ///
    /// # Errors
    ///
    /// Fails where it is of another kind than the key, or a code does not have its account's hash.
    pub(crate) fn take(
        &mut self,
        cache: &StateCache,
        at: BlockRef,
        key: StateKey,
        value: StateValue,
    ) -> Result<(), StateError> {
        let word = match (key, value) {
            (
                StateKey::Account(address),
                StateValue::Account { balance, nonce, code_hash, code },
            ) => {
                // Some nodes say so of an account that does not exist.
                let code_hash = if code_hash == B256::ZERO { NO_CODE } else { code_hash };
                if let Some(code) = code {
                    self.take_code(cache, code, code_hash)?;
                }
                let account = AccountState { balance, nonce, code_hash };
                self.accounts.insert(address, account);
                cache.put_account(at, address, account);
                return Ok(());
            }
            (StateKey::Code(address), StateValue::Code(code)) => {
                // Without its account nobody can tell whether it is its code, nor asks for it.
                return match self.view(cache.view(at)).account(address) {
                    Some(account) => self.take_code(cache, code, account.code_hash),
                    None => Ok(()),
                };
            }
            (StateKey::Storage(..), StateValue::Storage(value)) => value,
            (StateKey::BlockHash(_), StateValue::BlockHash(hash)) => hash.into(),
            _ => return Err(StateError::Nonsense),
        };
        self.words.insert(key, word);
        cache.put_word(at, key, word);
        Ok(())
    }

    /// Returns a view of the cache and of this.
    pub(crate) fn view<'a>(&'a self, cached: CacheView<'a>) -> RunView<'a> {
        RunView { cached, gathered: self }
    }

    pub(crate) fn holds(&self, key: StateKey) -> bool {
        match key {
            StateKey::Account(address) => self.accounts.contains_key(&address),
            key => self.words.contains_key(&key),
        }
    }

    fn take_code(
        &mut self,
        cache: &StateCache,
        code: Bytes,
        expected: B256,
    ) -> Result<(), StateError> {
        if keccak256(&code) != expected {
            return Err(StateError::Nonsense);
        }
        if code.is_empty() {
            return Ok(());
        }
        // One that is ready already is not made ready again.
        let code = cache.ready_code(expected).unwrap_or_else(|| Code::new(code));
        self.codes.insert(expected, code.clone());
        cache.put_code(expected, code);
        Ok(())
    }

    fn word(&self, key: StateKey) -> Option<Word> {
        self.words.get(&key).copied()
    }
}

impl StateView for RunView<'_> {
    fn account(&mut self, address: Address) -> Option<AccountState> {
        let cached = self.cached.account(address);
        cached.or_else(|| self.gathered.accounts.get(&address).copied())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Option<U256> {
        let cached = self.cached.storage(address, slot);
        cached.or_else(|| self.gathered.word(StateKey::Storage(address, slot)))
    }

    fn code(&mut self, address: Address, hash: B256) -> Option<Code> {
        let cached = self.cached.code(address, hash);
        cached.or_else(|| self.gathered.codes.get(&hash).cloned())
    }

    fn block_hash(&mut self, number: u64) -> Option<B256> {
        let cached = self.cached.block_hash(number);
        cached.or_else(|| self.gathered.word(StateKey::BlockHash(number)).map(B256::from))
    }

    fn is_due(&mut self) -> bool {
        self.cached.is_due()
    }
}
