//! What a simulation reads: state that is at hand. Does no IO and knows no clock.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::bytecode::Bytecode;

use crate::NO_CODE;

/// An account as a simulation reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Its wei.
    pub balance: U256,
    /// Its count of transactions.
    pub nonce: u64,
    /// The Keccak-256 of its code.
    pub code_hash: B256,
}

impl AccountState {
    /// One that does not exist.
    pub const NONE: AccountState =
        AccountState { balance: U256::ZERO, nonce: 0, code_hash: NO_CODE };

    /// Returns whether it is as one that does not exist (EIP-161).
    pub fn is_empty(&self) -> bool {
        *self == AccountState::NONE
    }
}

/// A contract's code, made ready to run. A copy costs nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(pub(crate) Bytecode);

impl Code {
    /// Makes a code ready; one that is malformed (a delegation of another length) runs as it is.
    pub fn new(code: Bytes) -> Code {
        let ready = Bytecode::new_raw_checked(code.clone());
        Code(ready.unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    /// Returns its Keccak-256.
    pub fn hash(&self) -> B256 {
        self.0.hash_slow()
    }

    /// Returns the code.
    pub fn bytes(&self) -> Bytes {
        self.0.original_bytes()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} bytes)", self.0.len())
    }
}

/// The state behind one block, as far as it is known; `None` says that it is not.
pub trait StateView {
    /// Returns an account; [`AccountState::NONE`] where it is known that there is none.
    fn account(&mut self, address: Address) -> Option<AccountState>;

    /// Returns a slot of an account's storage.
    fn storage(&mut self, address: Address, slot: U256) -> Option<U256>;

    /// Returns the code that has this hash, which is that of the account.
    fn code(&mut self, address: Address, hash: B256) -> Option<Code>;

    /// Returns the hash of a block below.
    fn block_hash(&mut self, number: u64) -> Option<B256>;

    /// Returns whether the simulation shall end, as its time is over. It is asked often.
    fn is_due(&mut self) -> bool {
        false
    }
}
