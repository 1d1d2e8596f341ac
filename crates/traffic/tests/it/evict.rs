//! Streams that are closed by a real HAProxy.

use guard::Arm;
use traffic::{Router, Weight};

use crate::support::{
    client::{stream, websocket},
    edge::Edge,
};

#[tokio::test]
async fn streams_of_one_arm_are_closed() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let mut stable = stream(edge.address, "ka").await;
    router.assign(Weight::ALL).await.unwrap();
    let mut canary = Vec::new();
    for number in 0..5 {
        canary.push(stream(edge.address, &format!("k{number}")).await);
    }
    assert_eq!(router.open(Arm::Canary).await.unwrap(), 5);
    assert_eq!(router.evict(Arm::Canary, 0).await.unwrap(), 0);
    assert_eq!(router.evict(Arm::Canary, 2).await.unwrap(), 2);
    assert_eq!(router.open(Arm::Canary).await.unwrap(), 3);
    assert_eq!(router.evict(Arm::Canary, 100).await.unwrap(), 3);
    assert_eq!(router.open(Arm::Canary).await.unwrap(), 0);
    assert_eq!(router.evict(Arm::Canary, 100).await.unwrap(), 0);
    for stream in canary {
        stream.wait_for_end().await;
    }
    assert!(stable.is_open());
    assert_eq!(router.open(Arm::Stable).await.unwrap(), 1);
}

#[tokio::test]
async fn many_streams_are_closed_in_parts() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(Weight::ALL).await.unwrap();
    let mut streams = Vec::new();
    for number in 0..230 {
        streams.push(stream(edge.address, &format!("k{number}")).await);
    }
    // More than fit into one exchange, and not all.
    assert_eq!(router.evict(Arm::Canary, 220).await.unwrap(), 220);
    assert_eq!(router.open(Arm::Canary).await.unwrap(), 10);
}

#[tokio::test]
async fn websockets_are_open_and_closed_as_streams_are() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(Weight::ALL).await.unwrap();
    let websocket = websocket(edge.address, "ka").await;
    assert_eq!((websocket.answer.status, websocket.answer.arm), (101, Some(Arm::Canary)));
    assert_eq!(router.open(Arm::Canary).await.unwrap(), 1);
    assert_eq!(router.evict(Arm::Canary, 10).await.unwrap(), 1);
    websocket.wait_for_end().await;
}
