//! How fast the pure part is on one core: `cargo run --release -p chain --example pure_speed`.
//!
//! Prints the median of five runs for each; compare ratios of one run, machines differ.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{hint::black_box, sync::Arc, time::Instant};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use chain::{
    Block, BlockRef, ChainState, Fact, FeedEvent, FeedHeader, FeedLine, FeedReader, FeedWriter,
    Header, Input, Record, StateLimits, Transaction, Update, decode, encode,
};

const COUNT: u64 = 200_000;
const PER_BLOCK: usize = 200;

fn main() {
    let transactions: Vec<_> = (0..COUNT).map(transaction).collect();
    let mut state = ChainState::new(StateLimits::default());
    let mut facts = Vec::new();
    measure("decide and fold, pending then included, a transaction", COUNT, || {
        state = ChainState::new(StateLimits::default());
        facts = run(&mut state, &transactions);
    });
    measure("fold again, a fact", facts.len() as u64, || {
        let mut again = ChainState::new(StateLimits::default());
        facts.iter().for_each(|fact| again.apply(0, fact));
        assert!(again == state);
    });
    let is_seen = |fact: &&Fact| matches!(fact, Fact::Seen { .. });
    let (seen, others): (Vec<_>, Vec<_>) = facts.iter().partition(is_seen);
    codec("Seen", &seen);
    codec("Included and its like", &others);
    recording(&transactions);
}

fn run(state: &mut ChainState, transactions: &[Arc<Transaction>]) -> Vec<Fact> {
    let (mut facts, mut parent) = (Vec::new(), None);
    for chunk in transactions.chunks(PER_BLOCK) {
        for transaction in chunk {
            facts.extend(state.advance(Input::Pending(Arc::clone(transaction)), 0).concat());
        }
        let block = block(parent, chunk);
        parent = Some(block.header.block());
        let update = Update::Commit { new: vec![block] };
        facts.extend(state.advance(Input::Update(update), 0).into_iter().flatten());
    }
    facts
}

fn codec(name: &str, facts: &[&Fact]) {
    let chain: chain::ChainKey = "eth-mainnet".parse().expect("it is in the grammar");
    let record = |fact: &&Fact| Record {
        chain: chain.clone(),
        number: 1,
        observed_unix_ms: 1_700_000_000_000,
        fact: Fact::clone(fact),
    };
    let records: Vec<Record> = facts.iter().map(record).collect();
    let mut bytes: Vec<Vec<u8>> = Vec::new();
    let count = records.len() as u64;
    measure(&format!("encode {name}, a record"), count, || {
        bytes = records.iter().map(encode).collect();
    });
    measure(&format!("decode {name}, a record"), count, || {
        bytes.iter().for_each(|bytes| drop(black_box(decode(bytes))));
    });
}

fn recording(transactions: &[Arc<Transaction>]) {
    let chain: chain::ChainKey = "demo".parse().expect("it is in the grammar");
    let header = FeedHeader { chain_key: chain.clone(), chain_id: 1, recorded_unix_ms: 0 };
    let line = |event| FeedLine { chain: chain.clone(), at_ms: 0, event };
    let mut lines = Vec::new();
    let mut parent = None;
    for chunk in transactions.chunks(PER_BLOCK) {
        lines.extend(chunk.iter().map(|t| line(FeedEvent::Pending(Arc::clone(t)))));
        let block = block(parent, chunk);
        parent = Some(block.header.block());
        lines.push(line(FeedEvent::Block(block)));
    }
    let mut bytes = Vec::new();
    measure("write a feed, a transaction", COUNT, || {
        let written = FeedWriter::new(Vec::new(), &header).and_then(|mut writer| {
            lines.iter().try_for_each(|line| writer.write(line))?;
            writer.finish()
        });
        bytes = written.expect("memory can be written");
    });
    measure("read a feed, a transaction", COUNT, || {
        let reader = FeedReader::new(&bytes[..]).expect("it was just written");
        assert!(reader.filter(Result::is_ok).count() == lines.len());
    });
}

fn measure(name: &str, count: u64, mut run: impl FnMut()) {
    let mut nanoseconds: Vec<u64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX) / count
        })
        .collect();
    nanoseconds.sort_unstable();
    let median = nanoseconds[2].max(1);
    println!("{name}: {median} ns, {} a second", 1_000_000_000 / median);
}

fn transaction(n: u64) -> Arc<Transaction> {
    Arc::new(Transaction {
        hash: keccak256(n.to_be_bytes()),
        sender: Address::left_padding_from(&(n % 1_000).to_be_bytes()),
        nonce: n / 1_000,
        to: Some(Address::repeat_byte(7)),
        value: U256::from(n),
        tx_type: 2,
        chain_id: Some(1),
        gas_limit: 65_000,
        gas_price: None,
        max_fee_per_gas: Some(2_000_000_000),
        max_priority_fee_per_gas: Some(1_000_000_000),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        lists: None,
        input: Bytes::from(vec![0xa9; 68]),
    })
}

fn block(parent: Option<BlockRef>, transactions: &[Arc<Transaction>]) -> Arc<Block> {
    let number = parent.map_or(0, |parent| parent.number + 1);
    let header = Header {
        number,
        hash: keccak256([b"block".as_slice(), &number.to_be_bytes()].concat()),
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        timestamp: number,
        base_fee_per_gas: Some(1_000_000_000),
        gas_used: 1,
        gas_limit: 30_000_000,
        beneficiary: Address::ZERO,
        state_root: B256::ZERO,
    };
    Arc::new(Block { header, transactions: transactions.to_vec() })
}
