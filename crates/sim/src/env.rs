//! What a transaction is told of the block that it stands in.

use alloy_primitives::{Address, B256};
use chain::Header;
use serde::{Deserialize, Serialize};

/// The block that a bundle stands in, which is not the one whose state it runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockEnv {
    /// Its height.
    pub number: u64,
    /// When it is made, in seconds since 1970.
    pub timestamp: u64,
    /// Most gas of its transactions.
    pub gas_limit: u64,
    /// What gas costs at least, in wei; 0 before EIP-1559.
    pub base_fee_per_gas: u64,
    /// Who gets the fees.
    pub beneficiary: Address,
    /// The chain's random number. That of a block to come can't be known: it is an assumption.
    pub prevrandao: B256,
    /// What the price of blobs follows from (EIP-4844). Where it is not known, whatever needs that
    /// price is incomplete.
    pub excess_blob_gas: Option<u64>,
}

impl BlockEnv {
    /// Returns the block that a header describes, with what a header here does not hold.
    pub fn of(header: &Header, prevrandao: B256, excess_blob_gas: Option<u64>) -> BlockEnv {
        BlockEnv {
            number: header.number,
            timestamp: header.timestamp,
            gas_limit: header.gas_limit,
            base_fee_per_gas: narrow(header.base_fee_per_gas.unwrap_or_default()),
            beneficiary: header.beneficiary,
            prevrandao,
            excess_blob_gas,
        }
    }

    /// Returns the block that is to come behind another, as far as that is known: its base fee is
    /// sure; it is assumed to be `seconds` later, by the same proposer, with the same limit and the
    /// random number zero. What blobs cost in it is not known.
    pub fn next(header: &Header, seconds: u64) -> BlockEnv {
        BlockEnv {
            number: header.number.saturating_add(1),
            timestamp: header.timestamp.saturating_add(seconds),
            base_fee_per_gas: narrow(next_base_fee(header)),
            ..BlockEnv::of(header, B256::ZERO, None)
        }
    }
}

/// No chain had a fee of 2^64 wei.
fn narrow(wei: u128) -> u64 {
    u64::try_from(wei).unwrap_or(u64::MAX)
}

/// Returns the base fee behind a block, by EIP-1559.
fn next_base_fee(header: &Header) -> u128 {
    let Some(fee) = header.base_fee_per_gas else { return 0 };
    let target = (header.gas_limit / 2).max(1);
    let distance = u128::from(header.gas_used.abs_diff(target));
    let change = fee.saturating_mul(distance) / u128::from(target) / 8;
    match header.gas_used.cmp(&target) {
        std::cmp::Ordering::Equal => fee,
        std::cmp::Ordering::Greater => fee.saturating_add(change.max(1)),
        std::cmp::Ordering::Less => fee.saturating_sub(change),
    }
}
