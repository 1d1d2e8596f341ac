//! A recorded feed with kept state gives what a node's state gave, byte for byte, without the node.

use std::{io::Cursor, sync::Arc, time::Duration};

use alloy_primitives::U256;
use chain::{
    ChainConfig, ChainKey, FeedReader, Replay, Speed, SpeedFactor, TrackerLimits,
    feed::{RecordOptions, Recorded, record},
    rpc::{Client, RpcLimits},
};
use feature::Registry;
use node_runtime::{Rerun, RerunState, StateFileReader, StateFileWriter};
use serde_json::Value;
use sim::{NodeState, StateRecorder, StateSource};

use tokio::sync::watch;

use super::market::{Market, calling};

const ONE: u128 = 1_000_000_000_000_000_000;
const CHAIN_ID: u64 = 31_337;

fn key() -> ChainKey {
    "live".parse().expect("it is one")
}

fn registry(market: &Market) -> Arc<Registry> {
    let own = Registry::parse(market.registry()).expect("it is one");
    Arc::new(Registry::built_in().with(own))
}

/// What the market's node tells while swaps wait and are mined.
async fn recorded(market: &Market) -> Vec<u8> {
    let url = format!("ws://{}", market.node.address);
    let config = ChainConfig::from_url(key(), &url).expect("it is an address");
    let options = RecordOptions {
        blocks_max: Some(4),
        first_within: Some(Duration::from_secs(30)),
        ..RecordOptions::default()
    };
    let (seen, mut told) = watch::channel((0, 0));
    let recording = record(config, options, std::future::pending(), Vec::new(), |now| {
        let _ = seen.send_replace((now.block_count, now.pending_count));
    });
    let trading = async {
        for blocks in 1..=3 {
            told.wait_for(|(seen, _)| *seen >= blocks).await.expect("the recorder runs");
            trade(market, &mut told).await;
            tokio::task::block_in_place(|| market.node.mine(1));
        }
    };
    let both = async { tokio::join!(recording, trading) };
    let (recorded, ()) =
        tokio::time::timeout(Duration::from_secs(120), both).await.expect("blocks come");
    let recorded: Recorded<Vec<u8>> = recorded.expect("it is recorded");
    assert_eq!(recorded.block_count, 4);
    assert!(recorded.pending_count >= 3, "{}", recorded.pending_count);
    recorded.output
}

/// Swaps until one is heard of: those that came before the recorder listened to what waits are not.
async fn trade(market: &Market, told: &mut watch::Receiver<(u64, u64)>) {
    let before = told.borrow().1;
    loop {
        tokio::task::block_in_place(|| swap(market));
        let heard = told.wait_for(|(_, pending)| *pending > before);
        if tokio::time::timeout(Duration::from_secs(2), heard).await.is_ok() {
            return;
        }
    }
}

/// Sells 50 of the first coin by the router; it waits then.
fn swap(market: &Market) {
    let words = [
        U256::from(50 * ONE),
        U256::ZERO,
        U256::from(160),
        market.rich(),
        U256::ONE << 40,
        U256::from(2),
        market.tokens[0],
        market.tokens[1],
    ];
    let call = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)";
    market.send_only(market.router, &calling(call, &words));
}

/// Returns every event, a line each.
async fn rerun(
    feed: &[u8],
    registry: &Arc<Registry>,
    state: Option<Arc<dyn StateSource>>,
    mut behind_each: impl FnMut(),
) -> Vec<u8> {
    let lines = FeedReader::new(feed).expect("it is a feed");
    let speed = SpeedFactor::new(1.0).expect("it is above 0");
    let items = Replay::new(lines, Speed::Times(speed), TrackerLimits::default());
    let state = state.map(|source| (key(), RerunState { chain_id: CHAIN_ID, source }));
    let mut rerun = Rerun::new(Arc::clone(registry), state.into_iter().collect());
    let mut out = Vec::new();
    for item in items {
        for event in rerun.take(item.expect("it is whole")).await {
            serde_json::to_writer(&mut out, &event).expect("it can be written");
            out.push(b'\n');
        }
        behind_each();
    }
    rerun.end().await;
    out
}

fn count(told: &[u8], kind: &str, label: &str) -> usize {
    let lines = told.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events = lines.map(|line| serde_json::from_slice::<Value>(line).expect("it is JSON"));
    events.filter(|event| event["type"] == kind && event.to_string().contains(label)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_state_gives_what_the_node_gave() {
    let mut market = tokio::task::block_in_place(Market::open);
    tokio::task::block_in_place(|| {
        market.pair((0, 1), (1_000 * ONE, 1_000 * ONE));
        market.pair((1, 2), (1_000 * ONE, 1_000 * ONE));
        market.pair((0, 2), (1_000 * ONE, 1_000 * ONE));
        market.pool((0, 1), 5_000 * ONE, 6_000);
    });
    let feed = recorded(&market).await;
    let registry = registry(&market);

    let address = format!("http://{}", market.node.address).parse().expect("it is an address");
    let client = Client::new(address, RpcLimits::default()).expect("it can be made");
    let recorder = Arc::new(StateRecorder::new(Arc::new(NodeState::new(client))));
    let mut file = StateFileWriter::new(Vec::new()).expect("memory takes it");
    let keep = || {
        for answer in recorder.take() {
            file.add(&key(), &answer).expect("memory takes it");
        }
    };
    let source = Arc::clone(&recorder) as Arc<dyn StateSource>;
    let first = rerun(&feed, &registry, Some(source), keep).await;
    for (kind, label, least) in [
        ("feature.computed", "swap", 3),
        ("opportunity.confirmed", "backrun", 3),
        ("opportunity.confirmed", "arbitrage", 1),
        ("sim.computed", "success", 3),
    ] {
        let told = count(&first, kind, label);
        assert!(told >= least, "{kind} {label}: {told}\n{}", String::from_utf8_lossy(&first));
    }

    // The node is gone.
    drop(market);
    let kept = file.finish().expect("memory takes it");
    for _ in 0..2 {
        let mut states = StateFileReader::read(Cursor::new(&kept)).expect("it is whole");
        let state = states.remove(&key()).expect("it was kept");
        let again = rerun(&feed, &registry, Some(Arc::new(state)), || {}).await;
        assert!(again == first, "{}", String::from_utf8_lossy(&again));
    }

    // Without any state nothing is guessed.
    let empty = Arc::new(sim::RecordedState::default());
    let blind = rerun(&feed, &registry, Some(empty), || {}).await;
    let waited = count(&blind, "sim.computed", "");
    assert!(waited >= 3, "{waited}");
    assert_eq!(count(&blind, "sim.computed", "\"incomplete\""), waited);
    assert_eq!(count(&blind, "opportunity.confirmed", ""), 0);
    let facts = rerun(&feed, &registry, None, || {}).await;
    assert_eq!(count(&facts, "feature.computed", ""), count(&first, "feature.computed", ""));
    assert_eq!(count(&facts, "sim.computed", "") + count(&facts, "opportunity.candidate", ""), 0);
}
