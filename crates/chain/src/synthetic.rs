//! A feed that was never observed: for benchmarks and tests, from a seed, as long as is asked for.
//!
//! It has the shape of a busy chain without reorganisations: each transaction is heard of once, and is
//! in the next block. Hashes are random numbers and not those of what they name.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{Block, ChainKey, FeedEvent, FeedHeader, FeedLine, Header, Transaction};

/// The time from one block to the next, in milliseconds.
const BLOCK_EVERY_MS: u64 = 1_000;

/// How many senders take turns.
const SENDERS: u64 = 1_000;

/// What a feed is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// The chain's key.
    pub chain_key: ChainKey,
    /// The chain's id.
    pub chain_id: u64,
    /// How many transactions it has.
    pub transactions: u64,
    /// How many a block has; the last one may have fewer.
    pub transactions_per_block: u32,
    /// Bytes of calldata of each transaction.
    pub calldata_bytes: usize,
    /// What decides everything else.
    pub seed: u64,
}

impl Synthetic {
    /// Returns what a file of it begins with.
    pub fn header(&self) -> FeedHeader {
        FeedHeader {
            chain_key: self.chain_key.clone(),
            chain_id: self.chain_id,
            recorded_unix_ms: 1_700_000_000_000,
        }
    }

    /// Returns its lines, one after the other; they are made as they are asked for.
    pub fn lines(&self) -> impl Iterator<Item = FeedLine> + '_ {
        let genesis = self.block(0, Vec::new());
        let genesis = std::iter::once(self.line(0, FeedEvent::Block(Arc::new(genesis))));
        genesis.chain(Lines { of: self, told: 0, number: 0, waiting: VecDeque::new() })
    }

    fn line(&self, at_ms: u64, event: FeedEvent) -> FeedLine {
        FeedLine { chain: self.chain_key.clone(), at_ms, event }
    }

    fn transaction(&self, n: u64) -> Arc<Transaction> {
        let word = self.number(1, n);
        let mut input = vec![0xa9, 0x05, 0x9c, 0xbb];
        input.resize(self.calldata_bytes.max(4), n as u8);
        input.truncate(self.calldata_bytes);
        Arc::new(Transaction {
            hash: self.hash(2, n),
            sender: Address::from_word(self.hash(3, n % SENDERS)),
            nonce: n / SENDERS,
            to: Some(Address::from_word(self.hash(4, word % 500))),
            value: U256::from(word),
            tx_type: 2,
            chain_id: Some(self.chain_id),
            gas_limit: 21_000 + word % 200_000,
            gas_price: None,
            max_fee_per_gas: Some(u128::from(word % 100_000_000_000)),
            max_priority_fee_per_gas: Some(u128::from(word % 2_000_000_000)),
            max_fee_per_blob_gas: None,
            blob_count: 0,
            lists: None,
            input: Bytes::from(input),
        })
    }

    fn block(&self, number: u64, transactions: Vec<Arc<Transaction>>) -> Block {
        let parent_hash = number.checked_sub(1).map_or(B256::ZERO, |n| self.hash(5, n));
        let header = Header {
            number,
            hash: self.hash(5, number),
            parent_hash,
            timestamp: 1_700_000_000 + number * BLOCK_EVERY_MS / 1_000,
            base_fee_per_gas: Some(1_000_000_000),
            gas_used: 21_000 * transactions.len() as u64,
            gas_limit: 30_000_000,
            beneficiary: Address::ZERO,
            state_root: self.hash(6, number),
        };
        Block { header, transactions }
    }

    fn hash(&self, kind: u64, n: u64) -> B256 {
        let mut bytes = [0; 32];
        for (part, chunk) in (0..).zip(bytes.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&self.number(kind * 8 + part, n).to_be_bytes());
        }
        B256::from(bytes)
    }

    /// Returns a number that the seed, the kind and the place decide (SplitMix64's last steps;
    /// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn number(&self, kind: u64, n: u64) -> u64 {
        let mut z = self.seed ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n.rotate_left(17);
        z = z.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

struct Lines<'a> {
    of: &'a Synthetic,
    told: u64,
    number: u64,
    /// Told and in no block yet.
    waiting: VecDeque<Arc<Transaction>>,
}

impl Iterator for Lines<'_> {
    type Item = FeedLine;

    fn next(&mut self) -> Option<FeedLine> {
        let per_block = u64::from(self.of.transactions_per_block.max(1));
        let waiting = self.waiting.len() as u64;
        let is_over = self.told == self.of.transactions;
        if waiting == per_block || (is_over && waiting > 0) {
            self.number += 1;
            let block = self.of.block(self.number, self.waiting.drain(..).collect());
            let at_ms = self.number * BLOCK_EVERY_MS;
            return Some(self.of.line(at_ms, FeedEvent::Block(Arc::new(block))));
        }
        if is_over {
            return None;
        }
        let transaction = self.of.transaction(self.told);
        self.told += 1;
        self.waiting.push_back(Arc::clone(&transaction));
        let at_ms = self.number * BLOCK_EVERY_MS + BLOCK_EVERY_MS * waiting / per_block;
        Some(self.of.line(at_ms, FeedEvent::Pending(transaction)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FeedEvent, Synthetic};

    #[test]
    fn each_transaction_is_told_once_and_then_in_a_block() {
        let feed = Synthetic {
            chain_key: "made-up".parse().expect("a key"),
            chain_id: 7,
            transactions: 250,
            transactions_per_block: 100,
            calldata_bytes: 68,
            seed: 1,
        };
        let (mut told, mut included, mut blocks) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut at = 0;
        for line in feed.lines() {
            assert!(line.at_ms >= at, "time goes on");
            at = line.at_ms;
            match line.event {
                FeedEvent::Pending(transaction) => {
                    assert_eq!(transaction.input.len(), 68);
                    assert!(told.insert(transaction.hash), "told once");
                }
                FeedEvent::Block(block) => {
                    included.extend(block.transactions.iter().map(|t| t.hash));
                    assert!(included.iter().all(|hash| told.contains(hash)), "told before");
                    blocks.push(block);
                }
                FeedEvent::Rollback(_) => panic!("there is none"),
            }
        }
        assert_eq!((told.len(), included.len(), blocks.len()), (250, 250, 4));
        let links = |w: &[_]| {
            let [a, b]: &[std::sync::Arc<crate::Block>; 2] = w.try_into().expect("two");
            a.header.hash == b.header.parent_hash
        };
        assert!(blocks.windows(2).all(links));
        assert_eq!(feed.lines().count(), 254, "the same each time");
    }
}
