//! Chains to observe: made from numbers, the same each time.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use chain::{Block, BlockRef, Header, Transaction};

/// A hash that follows from a name and a number.
pub(crate) fn hash(name: &str, n: u64) -> B256 {
    keccak256([name.as_bytes(), &n.to_be_bytes()].concat())
}

/// A transfer of a token that pays `price` wei for gas.
pub(crate) fn transaction(n: u64, sender: u64, nonce: u64, price: u128) -> Arc<Transaction> {
    let receiver = Address::from_slice(&hash("receiver", n)[..20]);
    let mut input = vec![0xa9, 0x05, 0x9c, 0xbb];
    input.extend([0; 12]);
    input.extend(receiver);
    input.extend(U256::from(n).to_be_bytes::<32>());
    Arc::new(Transaction {
        hash: hash("transaction", n),
        sender: Address::from_slice(&hash("sender", sender)[..20]),
        nonce,
        to: Some(Address::from_slice(&hash("token", n % 3)[..20])),
        value: U256::ZERO,
        tx_type: 2,
        chain_id: Some(31_337),
        gas_limit: 65_000,
        gas_price: None,
        max_fee_per_gas: Some(price),
        max_priority_fee_per_gas: Some(price / 10),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        lists: None,
        input: Bytes::from(input),
    })
}

/// The block `n` behind another one, or the first of a chain.
pub(crate) fn block(
    n: u64,
    parent: Option<BlockRef>,
    transactions: Vec<Arc<Transaction>>,
) -> Arc<Block> {
    let number = parent.map_or(0, |parent| parent.number + 1);
    let header = Header {
        number,
        hash: hash("block", n),
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        timestamp: 1_700_000_000 + number,
        base_fee_per_gas: Some(1_000_000_000),
        gas_used: 65_000 * transactions.len() as u64,
        gas_limit: 30_000_000,
        beneficiary: Address::with_last_byte(1),
        state_root: hash("state", n),
    };
    Arc::new(Block { header, transactions })
}

/// A small source of numbers (xorshift64*), for what needs no proof search.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end.max(1)
    }
}
