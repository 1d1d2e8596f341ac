//! The feed against endpoints that fail: it moves on, and says why.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chain::FeedState;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    fake::{Answer, Fake},
    follow::{Following, config, options},
    peer::{Anvil, Nowhere},
};

async fn moves_on_from(fake: Fake, why: &str) {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let mut config = config(&[(fake.http_url(), None), (anvil.http_url(), Some(anvil.ws_url()))]);
    config.chain_id = Some(31_337);
    let mut options = options();
    options.rpc.call_time_max = Duration::from_millis(500);
    options.rpc.answer_bytes_max = 1 << 20;
    let mut following = Following::begin(config, options);
    following.until("another endpoint", |it| it.status.borrow().endpoint_index == 1).await;
    following.until("blocks", |it| it.status.borrow().state == FeedState::Active).await;
    let status = following.status.borrow().clone();
    assert!(status.rotation_count >= 1);
    let error = status.last_error.unwrap_or_default();
    assert!(error.contains(why), "{error}");
    assert!(!error.contains("s3cretk3y") && !error.contains("/v3"), "{error}");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_another_chain_is_set_aside() {
    let fake = Fake::of_calls(|_, _| Ok(json!("0x1"))).await;
    moves_on_from(fake, "it is of chain 1, where 31337 is meant").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_never_answers_is_left() {
    moves_on_from(Fake::start(|_| Answer::Silence).await, "no answer in time").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_without_an_end_is_left() {
    moves_on_from(Fake::start(|_| Answer::Endless).await, "more than").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_talks_nonsense_is_left() {
    moves_on_from(Fake::start(|_| Answer::Body("<p>hi".into())).await, "malformed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_closes_while_it_answers_is_left() {
    moves_on_from(Fake::start(|_| Answer::Cut("{".into())).await, "closed the connection").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_left() {
    let fake = Fake::of_calls(|_, _| Err(-32_000)).await;
    moves_on_from(fake, "the node answered with error -32000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_block_is_not_its_own_is_left() {
    let hash = |byte: &str| format!("0x{}", byte.repeat(32));
    let fake = Fake::of_calls(move |method, params| {
        Ok(match (method, &params[0]) {
            ("eth_chainId", _) => json!("0x7a69"),
            // Else that answer would be wrong as well, and perhaps first.
            ("eth_newPendingTransactionFilter", _) => return Err(-32_601),
            (_, Value::String(_)) => json!({"number": "0x1", "hash": hash("11"),
                "parentHash": hash("22"), "timestamp": "0x1", "gasUsed": "0x0",
                "gasLimit": "0x0", "stateRoot": hash("33"), "nonce": "0x0000000000000000",
                "mixHash": hash("00"), "transactions": []}),
            _ => Value::Null,
        })
    })
    .await;
    moves_on_from(fake, "eth_getBlockByHash").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_endpoint_is_left() {
    let quiet = Anvil::start(0, &["--no-mining"]);
    let mut config = config(&[(quiet.http_url(), None), (quiet.http_url(), None)]);
    config.silent_after = Duration::from_millis(300);
    let mut following = Following::begin(config, options());
    let states = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&states);
    following
        .until("two moves", move |it| {
            let status = it.status.borrow();
            let is_silent =
                status.last_error.as_deref().unwrap_or_default().contains("nothing new");
            seen.fetch_add(usize::from(is_silent), Ordering::Relaxed);
            status.rotation_count >= 2
        })
        .await;
    assert!(states.load(Ordering::Relaxed) > 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_come_without_a_subscription_too() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let nowhere = Nowhere::new();
    let silent = Some(format!("ws://{}/s3cretk3y", nowhere.address()));
    let mut following = Following::begin(config(&[(anvil.http_url(), silent)]), options());
    anvil.mine(4).await;
    following.until_number(4).await;
    following.until("the reason", |it| it.status.borrow().last_error.is_some()).await;
    let error = following.status.borrow().last_error.clone().unwrap_or_default();
    assert!(error.contains("can't be connected") && !error.contains("s3cretk3y"), "{error}");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_behind_the_others_is_left() {
    // Of the same chain: a node's first block has the time at which it is started.
    let [late, early] = [(); 2].map(|()| Anvil::start(0, &["--no-mining", "--timestamp", "1000"]));
    let endpoints = [(late.http_url(), None), (early.http_url(), None)];
    let mut following = Following::begin(config(&endpoints), options());
    following.until("a block", |it| it.state.head().is_some()).await;
    early.mine(9).await;
    following.until("the other one", |it| it.status.borrow().endpoint_index == 1).await;
    following.stop().await;
}

/// Accepts WebSockets and refuses whatever is asked for.
async fn refuse_subscriptions(listener: tokio::net::TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
        while let Some(Ok(message)) = socket.next().await {
            let Ok(call) = serde_json::from_slice::<Value>(&message.into_data()) else { continue };
            let answer = json!({"jsonrpc": "2.0", "id": call["id"],
                "error": {"code": -32_601, "message": "notifications not supported"}});
            let _ = socket.send(Message::text(answer.to_string())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refused_subscription_would_tell_is_polled() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let ws = format!("ws://{}/s3cretk3y", listener.local_addr().expect("it is bound"));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(refuse_subscriptions(listener));
    let mut following = Following::begin(config(&[(anvil.http_url(), Some(ws))]), options());
    following.until("the first block", |it| it.state.head().is_some()).await;
    let mut sent = 0;
    while following.state.pending_count() == 0 {
        sent += 1;
        assert!(sent < 100, "none is ever seen");
        anvil.pay(sent).await;
        let seen = following.until("it is pending", |it| it.state.pending_count() > 0);
        let _ = tokio::time::timeout(Duration::from_millis(200), seen).await;
    }
    anvil.mine(1).await;
    following.until_number(1).await;
    assert_eq!(following.status.borrow().last_error, None);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_on_the_chain_of_a_foreign_socket_is_not_taken() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let foreign = Anvil::start(0, &["--no-mining", "--chain-id", "5"]);
    let endpoints = [(anvil.http_url(), Some(foreign.ws_url()))];
    let mut following = Following::begin(config(&endpoints), options());
    following.until("the first block", |it| it.state.head().is_some()).await;
    // By then it listens to the one socket, or has been told off and asks at the other address.
    let mut sent = 0;
    while following.state.pending_count() == 0 {
        sent += 1;
        assert!(sent < 100, "none is ever seen");
        foreign.pay(1_000 + sent).await;
        anvil.pay(sent).await;
        let seen = following.until("it is pending", |it| it.state.pending_count() > 0);
        let _ = tokio::time::timeout(Duration::from_millis(200), seen).await;
    }
    anvil.mine(1).await;
    following.until_number(1).await;
    assert_eq!(following.state.pending_count(), 0, "all that waited was of this chain");
    let error = following.status.borrow().last_error.clone().unwrap_or_default();
    assert!(error.contains("it is of chain 5, where 31337 is meant"), "{error}");
    following.stop().await;
}
