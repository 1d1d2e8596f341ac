//! Nodes that tell of more pending transactions than there is room for, or do not answer for them:
//! what is left out is counted, and blocks come as if nothing were.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use alloy_primitives::B256;
use chain::FeedState;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    fake::{Answer, Fake},
    follow::{Following, OBSERVATIONS_MAX, config, options},
    peer::Anvil,
    script::{Script, blocks},
};

const SUBSCRIPTION: &str = "0x5eed";

/// How pending transactions are told of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tells {
    Hashes,
    Full,
}

/// A WebSocket that tells of so many transactions at once, when it is let.
struct Flood {
    url: String,
    begin: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

fn hash(n: u64) -> B256 {
    B256::left_padding_from(&(n + 1).to_be_bytes())
}

/// A transaction of a type that nobody knows, so that its hash is the node's word.
fn transaction(n: u64) -> Value {
    json!({"hash": hash(n), "from": format!("{:#042x}", n + 1), "nonce": "0x0", "to": null,
        "value": "0x0", "type": "0x7e", "gas": "0x5208", "gasPrice": "0x1", "input": "0x"})
}

async fn serve(listener: TcpListener, mut begin: watch::Receiver<bool>, tells: Tells, count: u64) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
        // The chain's id, heads, all of a transaction, and its hash: the last two are asked for one
        // after the other.
        let asked = if tells == Tells::Full { 3 } else { 4 };
        for _ in 0..asked {
            let Some(Ok(message)) = socket.next().await else { break };
            let call: Value = serde_json::from_slice(&message.into_data()).expect("it is JSON");
            let is_refused = tells == Tells::Hashes && call["params"][1] == json!(true);
            let answer = match (is_refused, &call["params"][0]) {
                (true, _) => json!({"id": call["id"], "error": {"code": -32_602, "message": "no"}}),
                _ if call["method"] == "eth_chainId" => {
                    json!({"id": call["id"], "result": "0x7a69"})
                }
                (_, what) if what == "newHeads" => json!({"id": call["id"], "result": "0x1"}),
                _ => json!({"id": call["id"], "result": SUBSCRIPTION}),
            };
            let _ = socket.send(Message::text(answer.to_string())).await;
        }
        if begin.wait_for(|is| *is).await.is_err() {
            return;
        }
        for n in 0..count {
            let what = if tells == Tells::Full { transaction(n) } else { json!(hash(n)) };
            let told = json!({"method": "eth_subscription",
                "params": {"subscription": SUBSCRIPTION, "result": what}});
            if socket.feed(Message::text(told.to_string())).await.is_err() {
                break;
            }
        }
        let _ = socket.flush().await;
        while let Some(Ok(_)) = socket.next().await {}
    }
}

impl Flood {
    async fn start(tells: Tells, count: u64) -> Flood {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
        let (begin, begun) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, begun, tells, count));
        Flood { url, begin, _tasks: tasks }
    }
}

async fn script() -> Arc<Script> {
    let anvil = Anvil::start(0, &["--no-mining"]);
    anvil.mine(60).await;
    Script::new(blocks(&anvil, 60).await, Vec::new(), 5)
}

/// Serves blocks at once, and transactions when they may be.
async fn holding(script: &Arc<Script>, free: watch::Receiver<bool>) -> (Fake, Arc<AtomicU64>) {
    let (script, asked) = (Arc::clone(script), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&asked);
    let fake = Fake::start(move |request| {
        let first = if request.is_array() { &request[0] } else { &request };
        if first["method"] != "eth_getTransactionByHash" {
            return Answer::Body(script.answer(&request));
        }
        let one = |call: &Value| json!({"id": call["id"], "result": null});
        let (body, count) = match &request {
            Value::Array(calls) => (calls.iter().map(one).collect(), calls.len()),
            call => (one(call), 1),
        };
        counted.fetch_add(count as u64, SeqCst);
        Answer::Held(free.clone(), body.to_string())
    })
    .await;
    (fake, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_more_hashes_than_may_wait_are_counted_and_blocks_go_on() {
    const ROOM: usize = 500;
    let count = 10 * ROOM as u64;
    let script = script().await;
    let (free, is_free) = watch::channel(false);
    let (fake, asked) = holding(&script, is_free).await;
    let flood = Flood::start(Tells::Hashes, count).await;
    let endpoints = [(fake.http_url(), Some(flood.url.clone()))];
    let options = chain::feed::FeedOptions { pending_queue_max: ROOM, ..options() };
    let batch = options.rpc.batch_calls_max as u64;
    let mut following = Following::begin(config(&endpoints), options);
    following.until_number(5).await;
    flood.begin.send_replace(true);
    // One batch is being fetched; so many wait; the others are left out.
    let least = count - ROOM as u64 - batch;
    following.until("the flood", |it| it.drops.pending_queue_full() >= least).await;
    for number in [6, 7, 30, 59] {
        script.lead(number);
        following.until_number(number).await;
    }
    assert_eq!(following.status.borrow().state, FeedState::Active);
    assert_eq!(following.status.borrow().last_error, None);
    free.send_replace(true);
    let all = || asked.load(SeqCst);
    following.until("the rest", |it| all() + it.drops.pending_queue_full() == count).await;
    assert_eq!(following.drops.pending_not_fetched(), 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_never_answers_for_transactions_is_followed_on() {
    let script = script().await;
    let (_never, is_free) = watch::channel(false);
    let (fake, asked) = holding(&script, is_free).await;
    let flood = Flood::start(Tells::Hashes, 100).await;
    let endpoints = [(fake.http_url(), Some(flood.url.clone()))];
    let mut options = options();
    options.rpc.call_time_max = Duration::from_millis(400);
    let mut following = Following::begin(config(&endpoints), options);
    following.until_number(5).await;
    flood.begin.send_replace(true);
    following.until("all are given up", |it| it.drops.pending_not_fetched() == 100).await;
    script.lead(40);
    following.until_number(40).await;
    let status = following.status.borrow().clone();
    assert_eq!((status.state, status.last_error), (FeedState::Active, None));
    assert_eq!(asked.load(SeqCst), 100, "each was asked for once");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_transactions_than_are_taken_are_counted_and_no_block_is_lost() {
    const COUNT: u64 = 10 * OBSERVATIONS_MAX as u64;
    let script = script().await;
    let fake = script.serve().await;
    let flood = Flood::start(Tells::Full, COUNT).await;
    let mut following =
        Following::begin(config(&[(fake.http_url(), Some(flood.url.clone()))]), options());
    following.until_number(5).await;
    flood.begin.send_replace(true);
    // Nobody takes what is told until all of it was.
    let told = following.status.clone();
    let all_told = async {
        while following.drops.observations_full() < COUNT - OBSERVATIONS_MAX as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), all_told).await.expect("it is told");
    script.lead(59);
    following.until_number(59).await;
    let dropped = following.drops.observations_full();
    following.until("the rest", |it| it.state.pending_count() as u64 + dropped == COUNT).await;
    assert_eq!(following.state.history().len(), 55);
    assert_eq!(told.borrow().last_error, None);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_message_and_a_deep_one_end_the_subscription_and_not_the_feed() {
    for text in [format!("\"{}\"", "x".repeat(2 << 20)), "[".repeat(1 << 18)] {
        let script = script().await;
        let fake = script.serve().await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("ws://{}/s3cretk3y", listener.local_addr().expect("it is bound"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
                    continue;
                };
                let _ = socket.send(Message::text(text.clone())).await;
                while let Some(Ok(_)) = socket.next().await {}
            }
        });
        let mut options = options();
        options.rpc.answer_bytes_max = 1 << 20;
        let mut following = Following::begin(config(&[(fake.http_url(), Some(url))]), options);
        let is_told = |it: &Following| it.status.borrow().last_error.is_some();
        following.until("it is told", is_told).await;
        let error = following.status.borrow().last_error.clone().unwrap_or_default();
        assert!(error.contains("more than") || error.contains("malformed"), "{error}");
        assert!(!error.contains("s3cretk3y"), "{error}");
        script.lead(20);
        following.until_number(20).await;
        following.stop().await;
    }
}
