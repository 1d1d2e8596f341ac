//! What is told of a transaction.

use alloy_primitives::B256;
use chain::Transaction;
use serde::Serialize;

use crate::{
    call::{Action, Call, Contract},
    decode::{Calls, decode},
    fee::{FeeRank, FeeWindow},
    gas::{intrinsic_gas, zero_bytes},
    number::decimal_or_null,
    registry::ChainRegistry,
};

/// The version of what is told; it changes with whatever makes another text of the same transaction.
pub const FEATURES_VERSION: u32 = 1;

/// What a transaction is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// It moves the chain's coin and nothing else.
    Transfer,
    /// It creates a contract.
    Create,
    /// It exchanges tokens.
    Swap,
    /// It turns the chain's coin into its token, or back.
    Wrap,
    /// It moves a token.
    Token,
    /// It moves a single thing.
    Nft,
    /// It lets somebody else take tokens.
    Approval,
    /// It calls a function that is known, and is none of these.
    Call,
    /// It calls what is not known.
    Unknown,
}

impl Category {
    /// All of them.
    pub const ALL: [Category; 9] = [
        Category::Transfer,
        Category::Create,
        Category::Swap,
        Category::Wrap,
        Category::Token,
        Category::Nft,
        Category::Approval,
        Category::Call,
        Category::Unknown,
    ];

    /// Returns the word that routes use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Transfer => "transfer",
            Category::Create => "create",
            Category::Swap => "swap",
            Category::Wrap => "wrap",
            Category::Token => "token",
            Category::Nft => "nft",
            Category::Approval => "approval",
            Category::Call => "call",
            Category::Unknown => "unknown",
        }
    }
}

/// What is told of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Features {
    /// See [`FEATURES_VERSION`].
    pub version: u32,
    /// Of which one.
    pub hash: B256,
    /// What it is, in a word.
    pub category: Category,
    /// The calls that it is made of.
    pub calls: Vec<Call>,
    /// Whether there are more calls than are told.
    pub calls_are_cut: bool,
    /// How its fee compares; `None` where no block is known yet.
    pub fee: Option<FeeRank>,
    /// The most gas that it may use.
    pub gas_limit: u64,
    /// The gas that it uses before anything runs.
    pub intrinsic_gas: u64,
    /// Bytes that it calls with.
    pub calldata_len: u64,
    /// How many of them are zero.
    pub calldata_zero_bytes: u64,
    /// Accounts that it says it uses.
    pub access_list_accounts: u32,
    /// Slots that it says it uses.
    pub access_list_slots: u32,
    /// Blobs that it carries.
    pub blob_count: u16,
    /// The most that it pays for each unit of blob gas, in wei.
    #[serde(rename = "max_fee_per_blob_gas_wei", serialize_with = "decimal_or_null")]
    pub max_fee_per_blob_gas: Option<u128>,
    /// Accounts that let code stand in for them.
    pub authorizations: u32,
}

impl Features {
    /// Reads what a transaction says.
    pub fn of(transaction: &Transaction, chain: &ChainRegistry, fees: &FeeWindow) -> Features {
        let Calls { calls, is_cut } = decode(transaction, chain);
        let listed = transaction.access_list();
        let slots = listed.iter().map(|item| item.storage_keys.len()).sum();
        Features {
            version: FEATURES_VERSION,
            hash: transaction.hash,
            category: category(&calls),
            calls,
            calls_are_cut: is_cut,
            fee: fees.rank(transaction),
            gas_limit: transaction.gas_limit,
            intrinsic_gas: intrinsic_gas(transaction),
            calldata_len: transaction.input.len() as u64,
            calldata_zero_bytes: zero_bytes(&transaction.input),
            access_list_accounts: count(listed.len()),
            access_list_slots: count(slots),
            blob_count: transaction.blob_count,
            max_fee_per_blob_gas: transaction.max_fee_per_blob_gas,
            authorizations: count(transaction.authorizations().len()),
        }
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The call that says most decides.
fn category(calls: &[Call]) -> Category {
    calls.iter().map(of_call).min_by_key(|category| weight(*category)).unwrap_or(Category::Unknown)
}

fn of_call(call: &Call) -> Category {
    match &call.action {
        Action::Plain if call.contract == Contract::Unknown => Category::Transfer,
        Action::Plain | Action::Batch | Action::Known => Category::Call,
        Action::Transfer { .. } => Category::Token,
        Action::TransferNft { .. } => Category::Nft,
        Action::Approve { .. } | Action::ApproveAll { .. } => Category::Approval,
        Action::Swap(_) => Category::Swap,
        Action::Wrap { .. } | Action::Unwrap { .. } => Category::Wrap,
        Action::Create => Category::Create,
        Action::PerhapsTransfer { .. } | Action::Malformed | Action::Unknown { .. } => {
            Category::Unknown
        }
    }
}

const fn weight(category: Category) -> u8 {
    match category {
        Category::Create | Category::Swap => 0,
        Category::Nft | Category::Token => 1,
        Category::Approval => 2,
        Category::Wrap => 3,
        Category::Transfer => 4,
        Category::Call => 5,
        Category::Unknown => 6,
    }
}
