//! Which clients a real HAProxy sends to the canary.

use guard::Arm;
use traffic::{Client, Router, Weight};

use crate::support::{
    client::{ask, get},
    edge::Edge,
    percent,
};

const CLIENTS: usize = 1_000;

/// Returns credentials of all kinds of characters, with the seed that they come from in each.
fn credentials() -> Vec<String> {
    (0..CLIENTS).map(|number| format!("tg_{number:x}.Ab-{}~/+=", number * 7_919)).collect()
}

async fn who_is_on_the_canary(edge: &Edge, credentials: &[String]) -> Vec<bool> {
    let mut on_canary = Vec::with_capacity(credentials.len());
    for credential in credentials {
        let answer = get(edge.address, credential, "/").await;
        assert_eq!(answer.status, 200);
        on_canary.push(answer.arm.unwrap() == Arm::Canary);
    }
    on_canary
}

fn computed(credentials: &[String], weight: Weight) -> Vec<bool> {
    credentials.iter().map(|credential| Client::of(credential).bucket().is_in(weight)).collect()
}

#[tokio::test]
async fn a_router_decides_as_is_computed_here() {
    let mut edge = Edge::start().await;
    let credentials = credentials();
    let router = edge.acquired("run-1").await;
    let mut smaller = vec![false; CLIENTS];
    for share in [10.0, 20.0] {
        let weight = percent(share);
        router.assign(weight).await.unwrap();
        let seen = who_is_on_the_canary(&edge, &credentials).await;
        assert_eq!(seen, computed(&credentials, weight), "at {weight}");
        assert!(smaller.iter().zip(&seen).all(|(was, is)| !was || *is), "it contains the smaller");
        smaller = seen;
    }
    // Another process of the router has the same clients there.
    edge.restart().await;
    let router = edge.acquired("run-1").await;
    router.assign(percent(20.0)).await.unwrap();
    assert_eq!(who_is_on_the_canary(&edge, &credentials).await, smaller);
}

#[tokio::test]
async fn a_client_is_who_its_credential_says() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let weight = percent(30.0);
    router.assign(weight).await.unwrap();
    let arm = |credential: &str| match Client::of(credential).bucket().is_in(weight) {
        true => Some(Arm::Canary),
        false => Some(Arm::Stable),
    };
    for number in 0..50 {
        let token = format!("Bearer eyJ{number}");
        let header = format!("authorization: {token}");
        assert_eq!(ask(edge.address, "/", &header).await.arm, arm(&token), "{token}");
        let ticket = format!("t{number}");
        let path = format!("/?ticket={ticket}");
        assert_eq!(ask(edge.address, &path, "accept: */*").await.arm, arm(&ticket), "{ticket}");
        // A key counts more than the others.
        let both = format!("{header}\r\nx-api-key: key-{number}");
        assert_eq!(ask(edge.address, &path, &both).await.arm, arm(&format!("key-{number}")));
    }
    assert_eq!(ask(edge.address, "/", "x-api-key:").await.arm, arm("127.0.0.1"));
}
