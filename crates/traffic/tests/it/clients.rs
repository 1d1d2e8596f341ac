//! What each client did, counted by a real HAProxy.

use guard::{Arm, ClientCounts};
use traffic::{Client, ClientTally, Router, Weight};

use crate::support::{client::get, edge::Edge, wait::eventually};

fn counts(client: &str, requests: u32, errors: u32) -> ClientCounts {
    ClientCounts { client: Client::of(client).number(), requests, errors }
}

#[tokio::test]
async fn clients_are_counted_on_each_arm() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let mut tally = ClientTally::default();
    tally.take(&router.clients().await.unwrap());
    for path in ["/", "/fail", "/fail"] {
        get(edge.address, "ka", path).await;
    }
    router.assign(Weight::ALL).await.unwrap();
    get(edge.address, "ka", "/").await;
    get(edge.address, "kb", "/fail").await;
    let look = tally.take(&router.clients().await.unwrap());
    assert_eq!(look.stable, [counts("ka", 3, 2)]);
    let mut canary = look.canary.clone();
    canary.sort_by_key(|counts| counts.errors);
    assert_eq!(canary, [counts("ka", 1, 0), counts("kb", 1, 1)]);
    assert_eq!(look.as_look().canary.len(), 2);
    // Nothing more happened.
    let look = tally.take(&router.clients().await.unwrap());
    assert_eq!((look.canary, look.stable), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_credential_is_nowhere_to_be_seen() {
    let edge = Edge::start().await;
    let router = edge.router_for("run-1");
    get(edge.address, "tg_secret_key", "/").await;
    let clients = eventually("the client is counted", async || {
        let clients = router.clients().await.unwrap();
        (!clients.stable.is_empty()).then_some(clients)
    })
    .await;
    assert_eq!(clients.stable[0].client, Client::of("tg_secret_key"));
    assert!(!format!("{clients:?}").contains("secret"));
}

#[tokio::test]
async fn what_the_router_answers_for_an_arm_is_its_failure() {
    let mut edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(Weight::ALL).await.unwrap();
    let mut tally = ClientTally::default();
    tally.take(&router.clients().await.unwrap());
    let answer = get(edge.address, "ka", "/drop").await;
    assert_eq!((answer.status, answer.arm), (502, Some(Arm::Canary)));
    let look = tally.take(&router.clients().await.unwrap());
    assert_eq!(look.canary, [counts("ka", 1, 1)]);
    // Nobody listens there any more. Until health checks find that out, the router tries.
    edge.canary.end().await;
    let mut failures = 0;
    eventually("the canary is out", async || {
        let answer = get(edge.address, "ka", "/").await;
        let is_canary = answer.arm == Some(Arm::Canary);
        if is_canary {
            assert_eq!(answer.status, 503);
            failures += 1;
        }
        (!is_canary).then_some(())
    })
    .await;
    let look = tally.take(&router.clients().await.unwrap());
    let expected = [counts("ka", failures, failures)];
    assert_eq!(look.canary, if failures > 0 { &expected[..] } else { &[] });
}
