//! The client against answers that are wrong, and against a real node's.

use std::time::Duration;

use alloy_primitives::B256;
use chain::rpc::{Client, RpcError, RpcLimits};
use serde_json::{Value, json};

use crate::{
    fake::{Answer, Fake},
    peer::{Anvil, Nowhere},
};

fn client(url: &str) -> Client {
    let limits = RpcLimits {
        answer_bytes_max: 1 << 20,
        call_time_max: Duration::from_millis(1500),
        ..RpcLimits::default()
    };
    Client::new(url.parse().expect("it is an address"), limits).expect("it is made")
}

async fn fails(answer: impl Fn() -> Answer + Send + Sync + 'static) -> RpcError {
    let fake = Fake::start(move |_| answer()).await;
    let error = client(&fake.http_url()).chain_id().await.expect_err("the answer is wrong");
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("s3cretk3y") && !shown.contains("/v3"), "{shown}");
    }
    error
}

fn kind(error: &RpcError) -> &'static str {
    match error {
        RpcError::Connect => "connect",
        RpcError::Closed => "closed",
        RpcError::Timeout { .. } => "timeout",
        RpcError::Status { .. } => "status",
        RpcError::TooLarge { .. } => "too large",
        RpcError::Malformed { .. } => "malformed",
        RpcError::Node { .. } => "node",
        RpcError::Hash { .. } => "hash",
        RpcError::Other { .. } => "other",
    }
}

#[tokio::test]
async fn each_bad_answer_has_its_error() {
    let body = |text: &'static str| move || Answer::Body(text.to_owned());
    assert_eq!(kind(&fails(body("")).await), "malformed");
    assert_eq!(kind(&fails(body("<html>")).await), "malformed");
    assert_eq!(kind(&fails(body(r#"{"id":0,"result":"0x"#)).await), "malformed");
    assert_eq!(kind(&fails(body(r#"{"id":0,"result":{"a":[]}}"#)).await), "malformed");
    assert_eq!(kind(&fails(|| Answer::Cut(r#"{"id":0,"#.into())).await), "closed");
    assert_eq!(kind(&fails(|| Answer::Endless).await), "too large");
    assert_eq!(kind(&fails(|| Answer::Silence).await), "timeout");
    assert_eq!(kind(&fails(|| Answer::Status(502, "bad".into())).await), "status");
    let echoes =
        r#"{"id":0,"error":{"code":-32005,"message":"s3cretk3y of /v3 is over its limit"}}"#;
    assert_eq!(kind(&fails(move || Answer::Status(429, echoes.into())).await), "node");
    let refused = r#"{"id":0,"error":{"code":-32601,"message":"key s3cretk3y can't"}}"#;
    assert_eq!(kind(&fails(body(refused)).await), "node");
    let nowhere = Nowhere::new();
    let gone = client(&format!("http://{}/s3cretk3y", nowhere.address()));
    let gone = gone.chain_id().await.expect_err("none is there");
    assert_eq!(kind(&gone), "connect");
}

#[tokio::test]
async fn a_batch_that_is_refused_is_asked_in_parts() {
    let one = |call: &Value| json!({"id": call["id"], "result": null});
    let fake = Fake::start(move |request| match &request {
        Value::Array(calls) if calls.len() > 5 => Answer::Status(413, "too many".to_owned()),
        Value::Array(calls) => {
            Answer::Body(Value::Array(calls.iter().rev().map(one).collect()).to_string())
        }
        call => Answer::Body(one(call).to_string()),
    })
    .await;
    let hashes: Vec<B256> = (0..64).map(B256::repeat_byte).collect();
    let found = client(&fake.http_url()).transactions(&hashes).await.expect("it answers in parts");
    assert_eq!(found, vec![None; 64]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_block_is_believed_and_a_changed_one_is_not() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let sent = anvil.pay(5).await;
    anvil.mine(1).await;
    let client_of_real = client(&anvil.http_url());
    let head = client_of_real.head().await.expect("it has one");
    let block = client_of_real.block_by_hash(head.hash).await.expect("it is right");
    let block = block.expect("it is there");
    assert_eq!((block.header.number, block.transactions[0].hash), (1, sent));
    let real = anvil.ask("eth_getBlockByHash", json!([head.hash, true])).await;
    for (pointer, value) in [
        ("/timestamp", json!("0x1")),
        ("/parentHash", json!(B256::ZERO)),
        ("/transactions/0/value", json!("0x6")),
        ("/transactions/0/nonce", json!("0x9")),
        ("/transactions/0/to", Value::Null),
        ("/transactions", json!([])),
    ] {
        let mut changed = real.clone();
        *changed.pointer_mut(pointer).expect("it is there") = value;
        let fake = Fake::of_calls(move |_, _| Ok(changed.clone())).await;
        let answer = client(&fake.http_url()).block_by_hash(head.hash).await;
        let error = answer.expect_err(pointer);
        assert!(error.is_lie(), "{pointer}: {error}");
    }
    let fake = Fake::of_calls(move |_, _| Ok(real.clone())).await;
    let other = client(&fake.http_url()).block_by_hash(B256::ZERO).await;
    assert_eq!(kind(&other.expect_err("it is another block")), "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_type_and_an_unknown_header_are_read() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    anvil.pay(5).await;
    anvil.mine(1).await;
    let mut block = anvil.ask("eth_getBlockByNumber", json!(["0x1", true])).await;
    block["l1BlockNumber"] = json!("0x5");
    block["transactions"][0]["type"] = json!("0x7e");
    block["transactions"][0]["mint"] = json!("0x5");
    let fake = Fake::of_calls(move |_, _| Ok(block.clone())).await;
    let blocks = client(&fake.http_url()).blocks_by_number([1]).await.expect("it is read");
    assert_eq!(blocks[0].transactions[0].tx_type, 0x7e);
}
