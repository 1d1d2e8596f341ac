//! A small feed that never changes, in which everything happens that may: what is served of it is
//! compared byte by byte.

use std::{fs::File, io::BufWriter, path::Path, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{
    Block, BlockRef, ChainKey, FeedEvent, FeedHeader, FeedLine, FeedWriter, Header, Transaction,
};

/// The two chains of the feed; the first one has nearly everything.
pub(super) const CHAINS: [(&str, u64); 2] = [("story", 7), ("other-story", 8)];

/// Blocks on top of one after which a replay takes its transactions for final.
const FINAL_DEPTH: u64 = 64;

/// Where the chain goes on behind blocks that are not there.
const BEHIND_THE_HOLE: u64 = 1_000;

fn hash(kind: u8, n: u64) -> B256 {
    let mut bytes = [kind; 32];
    bytes[24..].copy_from_slice(&n.to_be_bytes());
    B256::from(bytes)
}

/// The hash of the story's transaction `n`.
pub(super) fn hash_of(n: u64) -> B256 {
    hash(0xaa, n)
}

fn transaction(n: u64, sender: u8, nonce: u64, price: u128) -> Transaction {
    Transaction {
        hash: hash_of(n),
        sender: Address::repeat_byte(sender),
        nonce,
        to: Some(Address::repeat_byte(0x70)),
        value: U256::from(n) * U256::from(10_u64.pow(18)),
        tx_type: 2,
        chain_id: Some(CHAINS[0].1),
        gas_limit: 21_000,
        gas_price: None,
        max_fee_per_gas: Some(price),
        max_priority_fee_per_gas: Some(price / 10),
        max_fee_per_blob_gas: None,
        blob_count: 0,
        lists: None,
        input: Bytes::new(),
    }
}

/// One from before EIP-155 that creates a contract: it is good on every chain.
fn contract() -> Transaction {
    Transaction {
        to: None,
        tx_type: 0,
        chain_id: None,
        gas_price: Some(30),
        max_fee_per_gas: None,
        max_priority_fee_per_gas: None,
        input: Bytes::from_static(&[0x60, 0x80, 0x60, 0x40, 0x52, 0x00]),
        ..transaction(4, 0x34, 0, 0)
    }
}

fn with_blobs() -> Transaction {
    Transaction {
        tx_type: 3,
        max_fee_per_blob_gas: Some(u128::MAX),
        blob_count: 6,
        value: U256::MAX,
        ..transaction(5, 0x35, u64::MAX, 40)
    }
}

fn block(n: u64, parent: Option<BlockRef>, transactions: &[&Arc<Transaction>]) -> Arc<Block> {
    let number = parent.map_or(0, |parent| parent.number + 1);
    let header = Header {
        number,
        hash: hash(0xbb, n),
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        timestamp: 1_700_000_000 + 12 * number,
        base_fee_per_gas: (number > 0).then_some(7),
        gas_used: 21_000 * transactions.len() as u64,
        gas_limit: 30_000_000,
        beneficiary: Address::repeat_byte(0xbe),
        state_root: hash(0x55, n),
    };
    Arc::new(Block { header, transactions: transactions.iter().map(|it| Arc::clone(it)).collect() })
}

struct Teller {
    writer: FeedWriter<BufWriter<File>>,
    chain: ChainKey,
    at_ms: u64,
}

impl Teller {
    fn tell(&mut self, event: FeedEvent) {
        self.at_ms += 100;
        let line = FeedLine { chain: self.chain.clone(), at_ms: self.at_ms, event };
        self.writer.write(&line).expect("there is room");
    }

    fn pending(&mut self, transaction: &Arc<Transaction>) {
        self.tell(FeedEvent::Pending(Arc::clone(transaction)));
    }

    fn block(&mut self, block: &Arc<Block>) -> BlockRef {
        self.tell(FeedEvent::Block(Arc::clone(block)));
        block.header.block()
    }
}

/// Writes the feed.
pub(super) fn write(path: &Path) {
    let headers = CHAINS.map(|(key, chain_id)| FeedHeader {
        chain_key: key.parse().expect("a key"),
        chain_id,
        recorded_unix_ms: 1_700_000_000_000,
    });
    let file = BufWriter::new(File::create(path).expect("the folder can be written"));
    let mut writer = FeedWriter::new(file, &headers[0]).expect("there is room");
    writer.chain(&headers[1]).expect("there is room");
    let mut teller = Teller { writer, chain: headers[0].chain_key.clone(), at_ms: 0 };
    first_chain(&mut teller);
    teller.chain = headers[1].chain_key.clone();
    second_chain(&mut teller);
    teller.writer.finish().expect("there is room");
}

fn first_chain(teller: &mut Teller) {
    let genesis = teller.block(&block(0, None, &[]));
    let paid = Arc::new(transaction(1, 0x31, 0, 100));
    let cheap = Arc::new(transaction(2, 0x32, 0, 100));
    let dear = Arc::new(transaction(3, 0x32, 0, 200));
    let (contract, blobs) = (Arc::new(contract()), Arc::new(with_blobs()));
    [&paid, &cheap, &dear, &contract].into_iter().for_each(|it| teller.pending(it));
    let one = teller.block(&block(1, Some(genesis), &[&paid, &dear]));
    // A block in the place of another: one transaction waits again, one is in both at other places,
    // one was never heard of before.
    let unheard = Arc::new(transaction(6, 0x36, 0, 50));
    teller.block(&block(2, Some(one), &[&contract, &unheard]));
    teller.block(&block(3, Some(one), &[&blobs, &unheard]));
    // The head jumps back, and another transaction takes the nonce of one that waits.
    teller.tell(FeedEvent::Rollback(one));
    let other = Arc::new(transaction(7, 0x34, 0, 60));
    let mut head = teller.block(&block(4, Some(one), &[&other, &blobs]));
    for n in 5..4 + FINAL_DEPTH {
        head = teller.block(&block(n, Some(head), &[]));
    }
    teller.pending(&Arc::new(transaction(8, 0x38, 3, 70)));
    // What comes next does not follow what is known.
    let far = BlockRef { number: BEHIND_THE_HOLE - 1, hash: hash(0xcc, 0) };
    teller.block(&block(BEHIND_THE_HOLE, Some(far), &[&Arc::new(transaction(9, 0x39, 0, 80))]));
}

/// The same sender with the same nonce, and the same contract: neither touches the first chain's.
fn second_chain(teller: &mut Teller) {
    let genesis = teller.block(&block(2_000, None, &[]));
    let same_nonce = Transaction { hash: hash_of(10), ..transaction(1, 0x31, 0, 900) };
    let contract = Arc::new(contract());
    teller.pending(&Arc::new(same_nonce));
    teller.pending(&contract);
    teller.block(&block(2_001, Some(genesis), &[&contract]));
}
