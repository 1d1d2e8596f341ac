//! A block, and what names one.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::Transaction;

/// Names one block: the hash alone says which; the number is its height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its height; the first block of a chain is 0.
    pub number: u64,
    /// Its identity.
    pub hash: B256,
}

/// What is known of a block beside its transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its height.
    pub number: u64,
    /// Its identity.
    pub hash: B256,
    /// The block before it.
    pub parent_hash: B256,
    /// When it was made, in seconds since 1970, as its proposer says.
    pub timestamp: u64,
    /// What gas costs at least, in wei; `None` before EIP-1559.
    pub base_fee_per_gas: Option<u128>,
    /// The gas that its transactions used.
    pub gas_used: u64,
    /// The most that they may use.
    pub gas_limit: u64,
    /// Who gets the fees.
    pub beneficiary: Address,
    /// The root of the state behind it.
    pub state_root: B256,
}

impl Header {
    /// Returns what names the block.
    pub fn block(&self) -> BlockRef {
        BlockRef { number: self.number, hash: self.hash }
    }
}

/// A block with all its transactions, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What is known of it beside them.
    pub header: Header,
    /// Its transactions.
    pub transactions: Vec<Arc<Transaction>>,
}
