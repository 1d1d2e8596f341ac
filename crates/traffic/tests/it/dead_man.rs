//! What is left of a canary when its run is gone, with a real HAProxy.

use std::time::Duration;

use guard::Arm;
use traffic::{
    DeadManEnd, DeadManError, DeadManNote, DeadManSettings, Router, RouterError, ServerState,
    UnixTime, Weight, dead_man,
};

use crate::support::{
    client::{get, stream},
    edge::Edge,
    owner,
    wait::{PATIENCE, eventually},
};

fn settings() -> DeadManSettings {
    DeadManSettings {
        of: owner("run-1"),
        grace_seconds: 0,
        every: Duration::from_millis(20),
        evict_most: 2,
        act_within: PATIENCE,
        silent_max: Duration::from_millis(100),
        clock: UnixTime::now,
    }
}

#[tokio::test]
async fn a_run_that_is_gone_leaves_nothing_on_the_canary() {
    let edge = Edge::start().await;
    let run = edge.router_for("run-1");
    let now = run.observe().await.unwrap().now;
    let until = now.plus(3);
    run.acquire(until).await.unwrap();
    run.assign(Weight::ALL).await.unwrap();
    let mut streams = Vec::new();
    for number in 0..5 {
        streams.push(stream(edge.address, &format!("k{number}")).await);
    }
    let other = edge.router_for(owner("run-1").dead_man().as_str());
    let mut notes = Vec::new();
    let end = dead_man(&other, &settings(), &mut |note| notes.push(note)).await.unwrap();
    let DeadManEnd::Withdrew { until: ended, acted, gone, new_traffic_ms, residual_ms, evicted } =
        end
    else {
        panic!("{end:?}")
    };
    assert_eq!((ended, evicted), (until, 5));
    assert!(acted > until && gone >= acted && residual_ms >= new_traffic_ms);
    let over = |note: &DeadManNote| {
        matches!(note, DeadManNote::Over { weight_basis_points: 10_000, open: 5, .. })
    };
    assert!(notes.iter().any(over), "{notes:?}");
    assert!(notes.contains(&DeadManNote::Stopped { after_ms: new_traffic_ms }), "{notes:?}");
    for stream in streams {
        stream.wait_for_end().await;
    }
    let seen = run.observe().await.unwrap();
    assert_eq!((seen.weight, seen.owner, seen.canary.open), (Weight::NONE, None, 0));
    assert_eq!(seen.canary.servers[0].state, ServerState::Draining);
    assert_eq!(get(edge.address, "ka", "/").await.arm, Some(Arm::Stable));
    // Whoever wakes up late is told.
    let late = run.renew(gone.plus(60)).await.unwrap_err();
    assert!(matches!(late, RouterError::Lost { .. }), "{late}");
}

/// HAProxy's clock stays behind by as long as it was suspended.
#[tokio::test]
async fn a_router_whose_clock_is_behind_does_not_keep_the_canary() {
    let edge = Edge::start().await;
    let run = edge.router_for("run-1");
    let until = run.observe().await.unwrap().now.plus(600);
    run.acquire(until).await.unwrap();
    run.assign(Weight::ALL).await.unwrap();
    let stream = stream(edge.address, "k1").await;
    let other = edge.router_for(owner("run-1").dead_man().as_str());
    let mut notes = Vec::new();
    let clock = || UnixTime::now().plus(3600);
    let settings = DeadManSettings { clock, ..settings() };
    let end = dead_man(&other, &settings, &mut |note| notes.push(note)).await.unwrap();
    let DeadManEnd::Withdrew { until: ended, acted, evicted, .. } = end else { panic!("{end:?}") };
    assert_eq!((ended, evicted), (until, 1));
    assert!(acted < until, "by the router's clock it lasts");
    let is_told = |note: &DeadManNote| match note {
        DeadManNote::Trouble { text } => text.contains("clock is behind"),
        _ => false,
    };
    assert!(notes.iter().any(is_told), "{notes:?}");
    stream.wait_for_end().await;
    let late = run.renew(until.plus(60)).await.unwrap_err();
    assert!(matches!(late, RouterError::Lost { .. }), "{late}");
}

#[tokio::test]
async fn a_lease_is_ended_only_by_its_end() {
    let edge = Edge::start().await;
    let (run, other) = (edge.router_for("run-1"), edge.router_for("run-2"));
    let until = run.observe().await.unwrap().now.plus(600);
    run.acquire(until).await.unwrap();
    let error = other.expire(&owner("run-1"), until.plus(1)).await.unwrap_err();
    assert!(matches!(error, RouterError::Owned { .. }), "it was renewed: {error}");
    let error = other.expire(&owner("run-3"), until).await.unwrap_err();
    assert!(matches!(error, RouterError::Owned { .. }), "{error}");
    other.expire(&owner("run-1"), until).await.unwrap();
    assert!(!run.observe().await.unwrap().is_leased());
    run.release().await.unwrap();
    let error = other.expire(&owner("run-1"), until).await.unwrap_err();
    assert!(matches!(error, RouterError::Lost { now_of: None, .. }), "{error}");
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_left_alone() {
    let edge = Edge::start().await;
    let run = edge.acquired("run-1").await;
    let other = edge.router_for("dead-man.run-1");
    let settings = settings();
    let notes = std::sync::Mutex::new(Vec::new());
    let mut told = |note| notes.lock().unwrap().push(note);
    let watch = dead_man(&other, &settings, &mut told);
    tokio::pin!(watch);
    let while_leased = tokio::time::timeout(Duration::from_millis(200), &mut watch).await;
    assert!(while_leased.is_err());
    run.release().await.unwrap();
    assert_eq!(watch.await.unwrap(), DeadManEnd::Released);
    let notes = notes.lock().unwrap();
    assert!(matches!(notes[..], [DeadManNote::Watching { .. }]), "{notes:?}");
}

#[tokio::test]
async fn a_canary_of_another_run_is_left_alone() {
    let edge = Edge::start().await;
    edge.acquired("run-2").await;
    let other = edge.router_for("dead-man.run-1");
    let end = dead_man(&other, &settings(), &mut |_| {}).await.unwrap();
    assert_eq!(end, DeadManEnd::TakenBy { owner: owner("run-2") });
}

#[tokio::test]
async fn one_that_was_interrupted_goes_on() {
    let edge = Edge::start().await;
    let run = edge.acquired("run-1").await;
    run.assign(Weight::ALL).await.unwrap();
    let open = stream(edge.address, "ka").await;
    run.release().await.unwrap();
    // It had acquired the canary, and no more.
    let other = edge.acquired("dead-man.run-1").await;
    let end = dead_man(&other, &settings(), &mut |_| {}).await.unwrap();
    assert!(matches!(end, DeadManEnd::Withdrew { evicted: 1, .. }), "{end:?}");
    open.wait_for_end().await;
    eventually("nothing is open", async || {
        (run.open(Arm::Canary).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_that_watch_one_run_both_end() {
    let edge = Edge::start().await;
    let run = edge.router_for("run-1");
    let now = run.observe().await.unwrap().now;
    run.acquire(now.plus(2)).await.unwrap();
    run.assign(Weight::ALL).await.unwrap();
    let open = stream(edge.address, "ka").await;
    let (one, other) = (edge.router_for("dead-man.run-1"), edge.router_for("dead-man.run-1"));
    let settings = settings();
    let (mut told, mut told_other) = (|_| {}, |_| {});
    let ends = tokio::join!(
        dead_man(&one, &settings, &mut told),
        dead_man(&other, &settings, &mut told_other)
    );
    let ends = [ends.0.unwrap(), ends.1.unwrap()];
    assert!(ends.iter().any(|end| matches!(end, DeadManEnd::Withdrew { .. })), "{ends:?}");
    open.wait_for_end().await;
}

#[tokio::test]
async fn a_router_that_is_away_is_told() {
    let mut edge = Edge::start().await;
    edge.acquired("run-1").await;
    let other = edge.router_for("dead-man.run-1");
    edge.kill();
    let error = dead_man(&other, &settings(), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, DeadManError::Silent { .. }), "{error}");
    let same = dead_man(&edge.router_for("run-1"), &settings(), &mut |_| {}).await.unwrap_err();
    assert!(matches!(same, DeadManError::SameOwner(_)), "{same}");
}
