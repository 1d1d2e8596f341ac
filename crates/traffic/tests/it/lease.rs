//! Whose canary it is and until when, with a real HAProxy.

use guard::Arm;
use traffic::{
    Router, RouterError, UnixTime, Weight,
    haproxy::{HaproxyRouter, HaproxySettings},
};

use crate::support::{client::get, edge::Edge, long, owner, percent, wait::eventually};

/// Waits until the lease is over by the router's clock.
async fn wait_for_expiry(router: &dyn Router) {
    eventually("the lease is over", async || {
        (!router.observe().await.unwrap().is_leased()).then_some(())
    })
    .await;
}

/// Makes the canary a run's for a second or two, with all traffic, and waits until that is over.
async fn expired(edge: &Edge) -> HaproxyRouter {
    let router = edge.router_for("run-1");
    let now = router.observe().await.unwrap().now;
    router.acquire(now.plus(2)).await.unwrap();
    router.assign(Weight::ALL).await.unwrap();
    wait_for_expiry(&router).await;
    router
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends_new_traffic() {
    let edge = Edge::start().await;
    let router = edge.router_for("run-1");
    let now = router.observe().await.unwrap().now;
    router.acquire(now.plus(3)).await.unwrap();
    router.assign(Weight::ALL).await.unwrap();
    assert_eq!(get(edge.address, "ka", "/").await.arm, Some(Arm::Canary));
    // Nobody does anything now but the router.
    eventually("traffic goes back by itself", async || {
        (get(edge.address, "ka", "/").await.arm == Some(Arm::Stable)).then_some(())
    })
    .await;
    // The clock that it reports may be some milliseconds behind the one that its rules read.
    wait_for_expiry(&router).await;
    let seen = router.observe().await.unwrap();
    assert_eq!((seen.weight, seen.weight_in_effect()), (Weight::ALL, Weight::NONE));
}

#[tokio::test]
async fn a_lease_that_is_over_is_acquired_again_without_traffic() {
    let edge = Edge::start().await;
    let router = expired(&edge).await;
    let until = long(&router).await;
    let error = router.renew(until).await.unwrap_err();
    assert!(matches!(error, RouterError::Expired { .. }), "{error}");
    let error = router.assign(percent(10.0)).await.unwrap_err();
    assert!(matches!(error, RouterError::Expired { .. }), "{error}");
    // Out is always possible.
    router.assign(Weight::NONE).await.unwrap();
    let seen = router.acquire(until).await.unwrap();
    assert_eq!((seen.weight, seen.until), (Weight::NONE, until));
    assert_eq!(router.renew(until.plus(1)).await.unwrap().until, until.plus(1));
}

#[tokio::test]
async fn a_second_run_is_refused_while_a_lease_lasts() {
    let edge = Edge::start().await;
    let first = edge.acquired("run-1").await;
    let second = edge.router_for("run-2");
    let until = long(&second).await;
    let error = second.acquire(until).await.unwrap_err();
    assert!(error.to_string().contains("belongs to the run `run-1`"), "{error}");
    for error in [
        second.assign(Weight::NONE).await.map(|_| ()).unwrap_err(),
        second.renew(until).await.map(|_| ()).unwrap_err(),
        second.drain(Arm::Canary).await.map(|_| ()).unwrap_err(),
        second.evict(Arm::Canary, 1).await.map(|_| ()).unwrap_err(),
        second.release().await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, RouterError::Owned { .. }), "{error}");
    }
    let seen = first.release().await.unwrap();
    assert_eq!((seen.owner, seen.until), (None, UnixTime(0)));
    second.acquire(until).await.unwrap();
    // The first is told that it is not its own any more.
    assert!(matches!(first.renew(until).await, Err(RouterError::Owned { .. })));
}

#[tokio::test]
async fn what_another_run_left_has_no_traffic_under_a_new_lease() {
    let edge = Edge::start().await;
    let first = expired(&edge).await;
    let second = edge.router_for("run-2");
    let until = long(&second).await;
    let seen = second.acquire(until).await.unwrap();
    assert_eq!((seen.weight, seen.owner), (Weight::NONE, Some(owner("run-2"))));
    assert_eq!(get(edge.address, "ka", "/").await.arm, Some(Arm::Stable));
    assert!(matches!(first.assign(Weight::NONE).await, Err(RouterError::Owned { .. })));
}

#[tokio::test]
async fn a_lease_in_the_past_is_refused() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let now = router.observe().await.unwrap().now;
    for error in [router.acquire(now).await.unwrap_err(), router.renew(now).await.unwrap_err()] {
        assert!(error.to_string().contains("set the clocks"), "{error}");
    }
}

#[tokio::test]
async fn two_processes_of_one_machine_are_kept_apart() {
    let edge = Edge::start().await;
    let router = |name| HaproxyRouter::new(edge.settings(), owner(name)).unwrap();
    // Even two of one run.
    let (first, second) = (router("run-1"), router("run-1"));
    let until = long(&first).await;
    first.acquire(until).await.unwrap();
    first.acquire(until.plus(1)).await.unwrap();
    let error = second.acquire(until).await.unwrap_err();
    assert!(matches!(error, RouterError::Locked { .. }), "{error}");
    first.release().await.unwrap();
    second.acquire(until).await.unwrap();
    drop(second);
    router("run-1").acquire(until).await.unwrap();
}

#[tokio::test]
async fn a_lock_that_can_not_be_made_is_told() {
    let edge = Edge::start().await;
    let settings = HaproxySettings { lock: Some("/nowhere/lock".into()), ..edge.settings() };
    let router = HaproxyRouter::new(settings, owner("run-1")).unwrap();
    let error = router.acquire(long(&router).await).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/lock"), "{error}");
}
