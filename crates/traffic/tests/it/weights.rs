//! Weights, drained arms and clients that are put somewhere, with a real HAProxy.

use guard::Arm;
use traffic::{Client, Router, ServerState, Weight};

use crate::support::{
    ARMS,
    client::{get, stream},
    edge::Edge,
    long, percent,
    wait::eventually,
};

#[tokio::test]
async fn nothing_goes_to_a_canary_that_nobody_assigned() {
    let edge = Edge::start().await;
    assert_eq!(get(edge.address, "ka", "/").await.arm, Some(Arm::Stable));
    let seen = edge.router_for("run-1").observe().await.unwrap();
    assert_eq!((seen.weight, seen.owner.clone(), seen.is_leased()), (Weight::NONE, None, false));
    assert_eq!((edge.stable.requests(), edge.canary.requests()), (1, 0));
}

#[tokio::test]
async fn a_weight_is_in_effect_at_once() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    for (weight, arm) in [(Weight::ALL, Arm::Canary), (Weight::NONE, Arm::Stable)] {
        let seen = router.assign(weight).await.unwrap();
        assert_eq!((seen.weight, seen.weight_in_effect()), (weight, weight));
        assert_eq!(get(edge.address, "ka", "/").await.arm, Some(arm));
    }
}

#[tokio::test]
async fn what_an_arm_did_is_counted() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(Weight::ALL).await.unwrap();
    for path in ["/", "/", "/fail"] {
        get(edge.address, "ka", path).await;
    }
    let open = stream(edge.address, "kb").await;
    // A request is open until its end, which comes after the head of its answer.
    let seen = eventually("only the stream is open", async || {
        let seen = router.observe().await.unwrap();
        (seen.canary.open == 1).then_some(seen)
    })
    .await;
    assert_eq!((seen.canary.requests, seen.canary.answers_5xx), (4, 1));
    assert_eq!(seen.canary.servers[0].open, 1);
    assert_eq!(seen.canary.servers[0].address, edge.canary.address.to_string());
    assert_eq!((seen.stable.requests, seen.stable.open), (0, 0));
    assert_eq!(router.open(Arm::Canary).await.unwrap(), 1);
    drop(open);
}

#[tokio::test]
async fn a_drained_arm_keeps_its_streams() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(Weight::ALL).await.unwrap();
    let mut open = stream(edge.address, "kb").await;
    assert_eq!(open.answer.arm, Some(Arm::Canary));
    let seen = router.drain(Arm::Canary).await.unwrap();
    assert_eq!(seen.canary.servers[0].state, ServerState::Draining);
    assert_eq!(seen.weight_in_effect(), Weight::NONE);
    assert_eq!(get(edge.address, "kb", "/").await.arm, Some(Arm::Stable));
    assert!(open.is_open());
    router.ready(Arm::Canary).await.unwrap();
    edge.wait_for_canary(ServerState::Up).await;
    assert_eq!(get(edge.address, "kb", "/").await.arm, Some(Arm::Canary));
}

#[tokio::test]
async fn a_canary_that_is_not_ready_has_no_traffic() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(Weight::ALL).await.unwrap();
    edge.canary.set_ready(false);
    let seen = edge.wait_for_canary(ServerState::Down).await;
    assert_eq!((seen.weight, seen.weight_in_effect()), (Weight::ALL, Weight::NONE));
    assert_eq!(get(edge.address, "ka", "/").await.arm, Some(Arm::Stable));
    // An arm that is down is drained and let back in as any other.
    router.drain(Arm::Canary).await.unwrap();
    router.ready(Arm::Canary).await.unwrap();
}

#[tokio::test]
async fn a_client_is_put_on_an_arm() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    for (weight, other) in [(Weight::NONE, Arm::Stable), (Weight::ALL, Arm::Canary)] {
        router.assign(weight).await.unwrap();
        for arm in ARMS {
            router.pin(Client::of("probe"), Some(arm)).await.unwrap();
            assert_eq!(get(edge.address, "probe", "/").await.arm, Some(arm));
            assert_eq!(get(edge.address, "another", "/").await.arm, Some(other));
        }
        router.pin(Client::of("probe"), None).await.unwrap();
        router.pin(Client::of("probe"), None).await.unwrap();
        assert_eq!(get(edge.address, "probe", "/").await.arm, Some(other));
    }
}

#[tokio::test]
async fn a_router_that_starts_anew_has_no_canary() {
    let mut edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let before = router.assign(percent(10.0)).await.unwrap();
    edge.restart().await;
    let after = router.observe().await.unwrap();
    assert_ne!(after.process, before.process);
    assert_eq!((after.weight, after.owner.clone(), after.is_leased()), (Weight::NONE, None, false));
    // What belongs to nobody is not set as if nothing had happened.
    let error = router.assign(percent(10.0)).await.unwrap_err();
    assert!(error.to_string().contains("nobody's"), "{error}");
    let until = long(&router).await;
    router.acquire(until).await.unwrap();
    router.assign(percent(10.0)).await.unwrap();
}
