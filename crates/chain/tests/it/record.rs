//! The recorder at a node, at none, and at another chain's.

use std::{future::pending, time::Duration};

use chain::{
    ChainConfig, FeedEvent, FeedReader, NewFeedFile,
    feed::{RecordError, RecordOptions, Recorded, record},
};
use serde_json::json;

use crate::{
    fake::Fake,
    follow::{config, options},
    peer::{Anvil, Nowhere},
};

/// How long a recorder waits for a node that tells of nothing.
const FIRST_WITHIN: Duration = Duration::from_millis(600);

fn short(blocks_max: u64) -> RecordOptions {
    let first_within = Some(FIRST_WITHIN);
    RecordOptions { feed: options(), blocks_max: Some(blocks_max), first_within }
}

async fn fails(config: ChainConfig) -> String {
    let recorded = record(config, short(1), pending(), Vec::new(), |_| {}).await;
    let error = recorded.map(drop).expect_err("nothing was observed");
    assert!(matches!(error, RecordError::Nothing(_)), "{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_ends_with_the_blocks_that_were_asked_for() {
    let anvil = Anvil::start(0, &["--block-time", "1"]);
    let folder = tempfile::tempdir().expect("it is made");
    let path = folder.path().join("feed.jsonl.gz");
    let file = NewFeedFile::create(&path).expect("nothing is there");
    let mut told = Vec::new();
    let options = RecordOptions { first_within: Some(Duration::from_secs(30)), ..short(3) };
    let config = config(&[(anvil.http_url(), Some(anvil.ws_url()))]);
    let recording = record(config, options, pending(), file, |now| told.push(now.block_count));
    let recorded = tokio::time::timeout(Duration::from_secs(40), recording).await;
    let recorded = recorded.expect("blocks come").expect("it is recorded");
    let Recorded { output, block_count, dropped_count, .. } = recorded;
    output.keep().expect("nothing is there");
    assert_eq!((block_count, dropped_count, told.last()), (3, 0, Some(&3)));
    let reader = FeedReader::open(&path).expect("it is a feed");
    assert_eq!(reader.chains()[0].chain_id, 31_337);
    let lines = reader.map(|line| line.expect("it is whole"));
    let blocks = lines.filter(|line| matches!(line.event, FeedEvent::Block(_)));
    assert_eq!(blocks.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_is_named() {
    let nowhere = Nowhere::new();
    let address = nowhere.address().to_string();
    let error = fails(config(&[(format!("http://{address}/s3cretk3y"), None)])).await;
    assert!(error.contains(&address), "{error}");
    assert!(!error.contains("s3cretk3y"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chain_is_named() {
    let fake = Fake::of_calls(|_, _| Ok(json!("0x1"))).await;
    let config = ChainConfig { chain_id: Some(5), ..config(&[(fake.http_url(), None)]) };
    let error = fails(config).await;
    assert!(error.contains("it is of chain 1, where 5 is meant"), "{error}");
}
