//! What the calls of a bundle have changed so far.

use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, B256Map, U256Map},
};
use revm::{
    bytecode::Bytecode,
    state::{Account, AccountInfo, EvmState},
};

use crate::NO_CODE;

/// Accounts as the calls before left them.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    accounts: AddressMap<Changed>,
    codes: B256Map<Bytecode>,
}

#[derive(Debug, Default)]
struct Changed {
    /// `None` where there is no account any more.
    info: Option<AccountInfo>,
    storage: U256Map<U256>,
    /// Nothing of the storage from before is left.
    is_storage_new: bool,
}

impl Overlay {
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
        self.codes.clear();
    }

    /// Returns an account that was changed.
    pub(super) fn account(&self, address: Address) -> Option<Option<&AccountInfo>> {
        self.accounts.get(&address).map(|changed| changed.info.as_ref())
    }

    /// Returns a slot that was changed.
    pub(super) fn storage(&self, address: Address, slot: U256) -> Option<U256> {
        let changed = self.accounts.get(&address)?;
        let value = changed.storage.get(&slot).copied();
        value.or(changed.is_storage_new.then_some(U256::ZERO))
    }

    /// Returns a code that was created.
    pub(super) fn code(&self, hash: B256) -> Option<&Bytecode> {
        self.codes.get(&hash)
    }

    /// Takes what a call changed.
    pub(super) fn commit(&mut self, state: EvmState) {
        for (address, account) in state {
            if account.is_touched() {
                self.take(address, account);
            }
        }
    }

    fn take(&mut self, address: Address, account: Account) {
        let changed = self.accounts.entry(address).or_default();
        if account.is_selfdestructed() {
            *changed = Changed { is_storage_new: true, ..Changed::default() };
            return;
        }
        if account.is_created() {
            changed.storage.clear();
            changed.is_storage_new = true;
        }
        let slots = account.storage.iter().filter(|(_, slot)| slot.is_changed());
        changed.storage.extend(slots.map(|(at, slot)| (*at, slot.present_value)));
        if let Some(code) = account.info.code.as_ref().filter(|_| account.info.code_hash != NO_CODE)
        {
            self.codes.entry(account.info.code_hash).or_insert_with(|| code.clone());
        }
        changed.info = (!account.is_empty()).then_some(account.info);
    }
}
