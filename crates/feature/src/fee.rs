//! How much a transaction pays a block's proposer, compared with those of recent blocks.
//!
//! What is compared is the priority fee for each unit of gas as it is paid (EIP-1559): the least of
//! what is offered and what the most that may be paid leaves above the base fee.

use std::collections::VecDeque;

use alloy_primitives::B256;
use chain::{BlockRef, Transaction};
use serde::Serialize;

use crate::number::{decimal, decimal_or_null};

/// Blocks that are compared with, unless it is said otherwise.
pub const FEE_BLOCKS: usize = 20;

/// The priority fees of recent blocks.
#[derive(Clone, Debug)]
pub struct FeeWindow {
    blocks_max: usize,
    /// Oldest first.
    blocks: VecDeque<BlockFees>,
    /// Those of all blocks, sorted; made anew with each block.
    sorted: Vec<u128>,
}

#[derive(Clone, Debug)]
struct BlockFees {
    hash: B256,
    base_fee: Option<u128>,
    fees: Vec<u128>,
}

/// How a transaction's priority fee stands among those of recent blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeeRank {
    /// What it pays for each unit of gas above the base fee, in wei, if it is included at the base fee
    /// that is compared with; `None` where it pays less than that fee.
    #[serde(rename = "priority_fee_per_gas_wei", serialize_with = "decimal_or_null")]
    pub priority_fee_per_gas: Option<u128>,
    /// The base fee of the last block, in wei; zero before EIP-1559.
    #[serde(rename = "base_fee_per_gas_wei", serialize_with = "decimal")]
    pub base_fee_per_gas: u128,
    /// How many in a thousand of the transactions that it is compared with pay as much or less, rounded
    /// down; `None` where there are none, or it pays less than the base fee.
    pub at_or_below_permille: Option<u16>,
    /// How many transactions it is compared with.
    pub transactions: u32,
    /// Of how many blocks.
    pub blocks: u32,
}

impl Default for FeeWindow {
    fn default() -> Self {
        FeeWindow::new(FEE_BLOCKS)
    }
}

impl FeeWindow {
    /// Returns one that remembers so many blocks; at least one.
    pub fn new(blocks_max: usize) -> Self {
        let blocks_max = blocks_max.max(1);
        FeeWindow { blocks_max, blocks: VecDeque::new(), sorted: Vec::new() }
    }

    /// Takes a block that is the head now, with its transactions.
    pub fn commit<'a>(
        &mut self,
        block: BlockRef,
        base_fee_per_gas: Option<u128>,
        transactions: impl IntoIterator<Item = &'a Transaction>,
    ) {
        let base = base_fee_per_gas.unwrap_or_default();
        let paid = transactions.into_iter().filter_map(|each| priority_fee(each, base));
        let fees = paid.collect();
        self.blocks.push_back(BlockFees { hash: block.hash, base_fee: base_fee_per_gas, fees });
        if self.blocks.len() > self.blocks_max {
            self.blocks.pop_front();
        }
        self.sort();
    }

    /// Takes back the block that was the head; another one is left alone.
    pub fn revert(&mut self, block: BlockRef) {
        if self.blocks.back().is_some_and(|last| last.hash == block.hash) {
            self.blocks.pop_back();
            self.sort();
        }
    }

    /// Forgets everything: what follows does not follow what was there.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.sorted.clear();
    }

    /// Returns how a transaction's fee stands; `None` where no block is known.
    pub fn rank(&self, transaction: &Transaction) -> Option<FeeRank> {
        let base = self.blocks.back()?.base_fee.unwrap_or_default();
        let fee = priority_fee(transaction, base);
        let count = self.sorted.len();
        let at_or_below = fee.filter(|_| count > 0).map(|fee| {
            let below = self.sorted.partition_point(|other| *other <= fee);
            u16::try_from(below * 1_000 / count).expect("a part of a whole is 1000 at most")
        });
        Some(FeeRank {
            priority_fee_per_gas: fee,
            base_fee_per_gas: base,
            at_or_below_permille: at_or_below,
            transactions: u32::try_from(count).unwrap_or(u32::MAX),
            blocks: u32::try_from(self.blocks.len()).unwrap_or(u32::MAX),
        })
    }

    fn sort(&mut self) {
        self.sorted.clear();
        self.sorted.extend(self.blocks.iter().flat_map(|block| &block.fees));
        self.sorted.sort_unstable();
    }
}

/// Returns what a transaction pays above the base fee, in wei for each unit of gas; `None` where it
/// does not pay that, or says nothing.
fn priority_fee(transaction: &Transaction, base_fee: u128) -> Option<u128> {
    let most = transaction.max_fee_per_gas.or(transaction.gas_price)?;
    let above = most.checked_sub(base_fee)?;
    Some(transaction.max_priority_fee_per_gas.map_or(above, |tip| tip.min(above)))
}
