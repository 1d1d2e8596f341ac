//! What the machine reads: what calls before left, what is assumed, and then the view.

use alloy_primitives::{
    Address, B256, U256, keccak256,
    map::{B256Map, HashSet},
};
use revm::{
    bytecode::Bytecode,
    context::DBErrorMarker,
    state::{AccountInfo, EvmState},
};

use super::overlay::Overlay;
use crate::{AccountState, BalanceChange, Code, Lack, NO_CODE, Overrides, StateKey, StateView};

/// How many jumps are made between two looks at whether the time is over.
const TICKS_PER_LOOK: u32 = 1024;

/// How often it is looked in a run that goes on although something is missing: what a guess leads to
/// may be endless where the truth is not.
const GUESSED_LOOKS_MAX: u32 = 128;

/// Accounts that are found faster one by one than in their order.
const FEW: usize = 8;

/// The run ends here; why is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulation was stopped")]
pub(super) struct Stop;

impl DBErrorMarker for Stop {}

/// The state of a bundle.
pub(super) struct Database<'v> {
    view: &'v mut dyn StateView,
    overrides: Overrides,
    overlay: Overlay,
    /// Codes that were assumed.
    codes: B256Map<Bytecode>,
    /// Which account a code was asked for by.
    owners: B256Map<Address>,
    /// What accounts had when this call first read them.
    before: Vec<(Address, U256)>,
    missing: Vec<StateKey>,
    asked: HashSet<StateKey>,
    missing_max: usize,
    lack: Option<Lack>,
    /// Nothing more is run in this bundle.
    stopped: bool,
    ticks: u32,
    guessed_looks: u32,
}

impl std::fmt::Debug for Database<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl<'v> Database<'v> {
    pub(super) fn new(view: &'v mut dyn StateView, missing_max: usize) -> Self {
        Database {
            view,
            overrides: Overrides::default(),
            overlay: Overlay::default(),
            codes: B256Map::default(),
            owners: B256Map::default(),
            before: Vec::new(),
            missing: Vec::new(),
            asked: HashSet::default(),
            missing_max,
            lack: None,
            stopped: false,
            ticks: 0,
            guessed_looks: 0,
        }
    }

    /// Begins a bundle on the state as it is.
    pub(super) fn begin(&mut self, overrides: &Overrides) {
        self.overrides.clone_from(overrides);
        self.overlay.clear();
        self.codes.clear();
        for code in overrides.accounts.values().filter_map(|account| account.code.as_ref()) {
            self.codes.insert(keccak256(code), Code::new(code.clone()).0);
        }
        self.missing.clear();
        self.asked.clear();
        self.lack = None;
        self.stopped = false;
        self.guessed_looks = 0;
    }

    pub(super) fn begin_call(&mut self) {
        self.before.clear();
    }

    /// Returns why the bundle is not known from here on.
    pub(super) fn lack(&self) -> Option<Lack> {
        self.lack
    }

    /// Returns whether nothing more is run in this bundle.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns what was missing since it was last taken.
    pub(super) fn take_missing(&mut self) -> Vec<StateKey> {
        std::mem::take(&mut self.missing)
    }

    /// Notes that something is not known, and that the run goes on as if it was.
    pub(super) fn note(&mut self, why: Lack) {
        self.lack.get_or_insert(why);
    }

    /// Returns an account's count of transactions.
    pub(super) fn nonce(&mut self, address: Address) -> Result<u64, Stop> {
        Ok(self.account(address)?.map_or(0, |info| info.nonce))
    }

    /// Looks now and then whether the time is over; `ticks` is what a step may cost, in jumps.
    pub(super) fn tick(&mut self, ticks: u32) -> Result<(), Stop> {
        self.ticks += ticks;
        if self.ticks < TICKS_PER_LOOK {
            return Ok(());
        }
        self.ticks = 0;
        self.guessed_looks += u32::from(self.lack.is_some());
        if self.guessed_looks > GUESSED_LOOKS_MAX {
            self.stopped = true;
        }
        self.look()
    }

    /// Returns how a call changed balances, by address.
    pub(super) fn balance_changes(&mut self, state: &EvmState) -> Vec<BalanceChange> {
        let mut changes = Vec::with_capacity(state.len().min(FEW));
        if self.before.len() > FEW {
            self.before.sort_unstable_by_key(|(address, _)| *address);
        }
        for (address, account) in state.iter().filter(|(_, account)| account.is_touched()) {
            let before = self.balance_before(address);
            let is_gone = account.is_selfdestructed();
            let after = if is_gone { U256::ZERO } else { account.info.balance };
            if before != after {
                changes.push(BalanceChange { address: *address, before, after });
            }
        }
        changes.sort_unstable_by_key(|change| change.address);
        changes
    }

    fn balance_before(&self, address: &Address) -> U256 {
        let at = if self.before.len() > FEW {
            self.before.binary_search_by_key(address, |(address, _)| *address).ok()
        } else {
            self.before.iter().position(|(read, _)| read == address)
        };
        at.map_or(U256::ZERO, |at| self.before[at].1)
    }

    /// Keeps what a call changed for those behind it.
    pub(super) fn commit(&mut self, state: EvmState) {
        self.overlay.commit(state);
    }

    fn look(&mut self) -> Result<(), Stop> {
        if self.view.is_due() {
            return Err(self.stop(Lack::Deadline));
        }
        if self.stopped { Err(Stop) } else { Ok(()) }
    }

    fn stop(&mut self, why: Lack) -> Stop {
        self.lack.get_or_insert(why);
        self.stopped = true;
        Stop
    }

    /// Notes that something is missing.
    fn lacks(&mut self, key: StateKey) -> Result<(), Stop> {
        if self.asked.len() >= self.missing_max {
            return Err(self.stop(Lack::KeyLimit));
        }
        self.note(Lack::NotGiven);
        if self.asked.insert(key) {
            self.missing.push(key);
        }
        self.look()
    }

    fn account(&mut self, address: Address) -> Result<Option<AccountInfo>, Stop> {
        if let Some(info) = self.overlay.account(address) {
            return Ok(info.cloned());
        }
        let assumed = self.overrides.accounts.get(&address);
        let is_all_assumed = assumed
            .is_some_and(|it| it.balance.is_some() && it.nonce.is_some() && it.code.is_some());
        let found =
            if is_all_assumed { Some(AccountState::NONE) } else { self.view.account(address) };
        let Some(mut account) = found else {
            self.lacks(StateKey::Account(address))?;
            return Ok(None);
        };
        if let Some(assumed) = assumed {
            account.balance = assumed.balance.unwrap_or(account.balance);
            account.nonce = assumed.nonce.unwrap_or(account.nonce);
            account.code_hash = assumed.code.as_ref().map_or(account.code_hash, keccak256);
        }
        Ok((!account.is_empty()).then(|| self.info(address, account)))
    }

    fn info(&mut self, address: Address, account: AccountState) -> AccountInfo {
        let AccountState { balance, nonce, code_hash } = account;
        let mut info = AccountInfo { balance, nonce, ..AccountInfo::default() };
        if code_hash != NO_CODE {
            self.owners.insert(code_hash, address);
            (info.code_hash, info.code) = (code_hash, None);
        }
        info
    }
}

impl revm::Database for Database<'_> {
    type Error = Stop;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Stop> {
        let account = self.account(address)?;
        let balance = account.as_ref().map_or(U256::ZERO, |info| info.balance);
        self.before.push((address, balance));
        Ok(account)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Stop> {
        if let Some(code) = self.codes.get(&hash).or_else(|| self.overlay.code(hash)) {
            return Ok(code.clone());
        }
        // The machine asks for codes of accounts that it has read before.
        let Some(address) = self.owners.get(&hash).copied() else {
            return Err(self.stop(Lack::Internal));
        };
        match self.view.code(address, hash) {
            Some(code) => Ok(code.0),
            None => self.lacks(StateKey::Code(address)).map(|()| Bytecode::default()),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Stop> {
        if let Some(value) = self.overlay.storage(address, slot) {
            return Ok(value);
        }
        let assumed = self.overrides.accounts.get(&address);
        if let Some(value) = assumed.and_then(|account| account.storage.get(&slot)) {
            return Ok(*value);
        }
        match self.view.storage(address, slot) {
            Some(value) => Ok(value),
            None => self.lacks(StateKey::Storage(address, slot)).map(|()| U256::ZERO),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Stop> {
        match self.view.block_hash(number) {
            Some(hash) => Ok(hash),
            None => self.lacks(StateKey::BlockHash(number)).map(|()| B256::ZERO),
        }
    }
}
