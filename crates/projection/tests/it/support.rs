//! Facts to fold.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{BlockRef, ChainKey, Fact, Header, Transaction};
use projection::{Event, Limits, View};

/// A view with what is counted for its events.
pub(crate) struct Story {
    pub(crate) view: View,
    pub(crate) seq: u64,
    numbers: std::collections::BTreeMap<ChainKey, u64>,
}

pub(crate) fn key(text: &str) -> ChainKey {
    text.parse().expect("the tests use keys in the grammar")
}

pub(crate) fn hash(n: u64) -> B256 {
    B256::left_padding_from(&n.to_be_bytes())
}

pub(crate) fn block(n: u64) -> BlockRef {
    BlockRef { number: n, hash: hash(1_000_000 + n) }
}

pub(crate) fn transaction(n: u64) -> Arc<Transaction> {
    Arc::new(Transaction {
        hash: hash(n),
        sender: Address::with_last_byte((n % 7) as u8),
        nonce: n,
        to: Some(Address::with_last_byte(200)),
        value: U256::from(10).pow(U256::from(30)),
        tx_type: 2,
        chain_id: Some(1),
        gas_limit: 21_000,
        gas_price: None,
        max_fee_per_gas: Some(u128::MAX),
        max_priority_fee_per_gas: Some(1),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        lists: None,
        input: Bytes::from_static(&[0xa9, 0x05, 0x9c, 0xbb, 1]),
    })
}

pub(crate) fn header(n: u64) -> Header {
    Header {
        number: n,
        hash: block(n).hash,
        parent_hash: block(n.saturating_sub(1)).hash,
        timestamp: 1_700_000_000 + n,
        base_fee_per_gas: Some(7),
        gas_used: 21_000,
        gas_limit: 30_000_000,
        beneficiary: Address::ZERO,
        state_root: B256::ZERO,
    }
}

impl Story {
    pub(crate) fn new(events_max: usize) -> Self {
        let view = View::new(Limits { events_max });
        Story { view, seq: 0, numbers: Default::default() }
    }

    pub(crate) fn tell(&mut self, chain: &str, fact: Fact) -> Event {
        let chain = key(chain);
        self.seq += 1;
        let number = self.numbers.entry(chain.clone()).or_default();
        *number += 1;
        let event = Event {
            seq: self.seq,
            number: *number,
            chain,
            observed_unix_ms: 1_000 + self.seq,
            persisted_unix_ms: 2_000 + self.seq,
            fact,
        };
        self.view.apply(event.clone());
        event
    }

    /// Leaves out the next records, as when they can't be read any more.
    pub(crate) fn lose(&mut self, chain: &str, records: u64) {
        self.seq += records;
        *self.numbers.entry(key(chain)).or_default() += records;
    }

    pub(crate) fn seen(&mut self, chain: &str, n: u64) -> Event {
        self.tell(chain, Fact::Seen { transaction: transaction(n) })
    }

    pub(crate) fn committed(&mut self, chain: &str, n: u64) -> Event {
        self.tell(chain, Fact::Committed { header: header(n), transaction_count: 1 })
    }

    pub(crate) fn included(&mut self, chain: &str, n: u64, at: u64) -> Event {
        let block = block(at);
        self.tell(chain, Fact::Included { transaction: hash(n), block, index: 0 })
    }
}
