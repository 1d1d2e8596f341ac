//! A transaction with what became of it.

use std::{fmt, str::FromStr, sync::Arc};

use alloy_primitives::B256;
use chain::{BlockRef, ChainKey, DropReason, Transaction};
use serde::{Serialize, Serializer};

use crate::wire::TransactionJson;

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It waits to be included.
    Pending,
    /// It is in a canonical block.
    Included,
    /// Its block is deep.
    Final,
    /// Another one took its place.
    Replaced,
    /// It is not waited for any more.
    Dropped,
    /// Its block was reverted, and it waits again.
    Reorged,
}

/// The text is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusError;

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status is pending, included, final, replaced, dropped or reorged")
    }
}

impl std::error::Error for StatusError {}

impl Status {
    /// All of them.
    pub const ALL: [Status; 6] = [
        Status::Pending,
        Status::Included,
        Status::Final,
        Status::Replaced,
        Status::Dropped,
        Status::Reorged,
    ];

    /// Returns the word that routes use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Included => "included",
            Status::Final => "final",
            Status::Replaced => "replaced",
            Status::Dropped => "dropped",
            Status::Reorged => "reorged",
        }
    }

    /// Returns whether it waits to be included.
    pub const fn waits(self) -> bool {
        matches!(self, Status::Pending | Status::Reorged)
    }
}

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        Status::ALL.into_iter().find(|status| status.as_str() == text).ok_or(StatusError)
    }
}

/// A transaction with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRow {
    /// On which chain.
    pub chain: ChainKey,
    /// The transaction.
    pub transaction: Arc<Transaction>,
    /// The number of the event that told of it.
    pub seen_seq: u64,
    /// When it was heard of, in milliseconds since 1970.
    pub seen_unix_ms: u64,
    /// What became of it.
    pub status: Status,
    /// The number of the last event about it.
    pub updated_seq: u64,
    /// When that was found out, in milliseconds since 1970.
    pub updated_unix_ms: u64,
    /// The canonical block that it is in, with its place there.
    pub block: Option<(BlockRef, u32)>,
    /// Which transaction took its place.
    pub replaced_by: Option<B256>,
    /// Why it is not waited for any more.
    pub drop_reason: Option<DropReason>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    hash: &'a B256,
    chain_key: &'a ChainKey,
    #[serde(flatten)]
    transaction: TransactionJson<'a>,
    seen_seq_id: u64,
    seen_unix_ms: u64,
    lifecycle_status: &'static str,
    lifecycle_updated_seq_id: u64,
    lifecycle_updated_unix_ms: u64,
    block: Option<&'a BlockRef>,
    block_index: Option<u32>,
    replaced_by: Option<&'a B256>,
    drop_reason: Option<DropReason>,
}

impl Serialize for TransactionRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = RowJson {
            hash: &self.transaction.hash,
            chain_key: &self.chain,
            transaction: TransactionJson::from(&*self.transaction),
            seen_seq_id: self.seen_seq,
            seen_unix_ms: self.seen_unix_ms,
            lifecycle_status: self.status.as_str(),
            lifecycle_updated_seq_id: self.updated_seq,
            lifecycle_updated_unix_ms: self.updated_unix_ms,
            block: self.block.as_ref().map(|(block, _)| block),
            block_index: self.block.map(|(_, index)| index),
            replaced_by: self.replaced_by.as_ref(),
            drop_reason: self.drop_reason,
        };
        json.serialize(serializer)
    }
}
