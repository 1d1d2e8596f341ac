//! The way back through a real HAProxy.

use std::{net::SocketAddr, time::Duration};

use guard::Arm;
use tokio::{sync::Mutex, time::Instant};
use traffic::{
    Client, Pending, Router, Weight, withdraw,
    withdraw::{Goodbye, Helpers, Probe, Progress, ProgressKind, Step, WithdrawSettings},
};

use crate::support::{
    client::{Stream, get, stream},
    edge::Edge,
    owner, percent,
    wait::PATIENCE,
};

/// Probes as clients of the cohort.
struct Probes {
    to: SocketAddr,
    weight: Weight,
}

impl Probe for Probes {
    fn probe(&self) -> Pending<'_, Result<Vec<Arm>, String>> {
        Box::pin(async move {
            let mut arms = Vec::new();
            for probe in Client::probes("withdraw", self.weight).take(10) {
                let answer = get(self.to, &probe, "/").await;
                arms.push(answer.arm.ok_or("an answer does not say its arm")?);
            }
            Ok(arms)
        })
    }
}

/// What the canary does when it is told to say goodbye.
enum Canary<'a> {
    Sends(&'a Edge),
    Stays,
    RestartsTheRouter(Mutex<&'a mut Edge>),
}

impl Goodbye for Canary<'_> {
    fn goodbye(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            match self {
                Canary::Sends(edge) => edge.canary.send_away(),
                Canary::Stays => {}
                Canary::RestartsTheRouter(edge) => edge.lock().await.restart().await,
            }
            Ok(())
        })
    }
}

fn settings() -> WithdrawSettings {
    WithdrawSettings {
        stop_within: PATIENCE,
        leave_within: PATIENCE,
        evict_within: PATIENCE,
        every: Duration::from_millis(10),
        call_within: PATIENCE,
        evict_most: 2,
        quiet_looks: 3,
    }
}

/// Opens streams of clients of the cohort.
async fn streams(edge: &Edge, weight: Weight) -> Vec<Stream> {
    let mut streams = Vec::new();
    for client in Client::probes("reader", weight).take(5) {
        let stream = stream(edge.address, &client).await;
        assert_eq!(stream.answer.arm, Some(Arm::Canary));
        streams.push(stream);
    }
    streams
}

#[tokio::test]
async fn clients_that_are_told_leave() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let weight = percent(20.0);
    router.assign(weight).await.unwrap();
    let streams = streams(&edge, weight).await;
    let mut told: Vec<Progress> = Vec::new();
    let probe = Probes { to: edge.address, weight };
    let helpers = Helpers { probe: &probe, goodbye: &Canary::Sends(&edge) };
    let mut tell = |progress: &Progress| told.push(progress.clone());
    let reached = withdraw(&router, helpers, &settings(), Instant::now(), &mut tell).await.unwrap();
    assert_eq!((reached.open_at_stop, reached.evicted, reached.came_again), (5, 0, 0));
    assert!(reached.new_traffic.unwrap() <= reached.residual.unwrap());
    for stream in streams {
        stream.wait_for_end().await;
    }
    let stopped = told.iter().position(|progress| progress.what == ProgressKind::Stopped);
    assert!(stopped.is_some());
    assert_eq!(told.last().map(|progress| &progress.what), Some(&ProgressKind::Gone));
    assert_eq!(edge.canary.requests(), 5, "no probe reached it");
}

#[tokio::test]
async fn clients_that_stay_are_closed() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let weight = percent(20.0);
    router.assign(weight).await.unwrap();
    let streams = streams(&edge, weight).await;
    let probe = Probes { to: edge.address, weight };
    let helpers = Helpers { probe: &probe, goodbye: &Canary::Stays };
    let settings = WithdrawSettings { leave_within: Duration::from_millis(50), ..settings() };
    let reached = withdraw(&router, helpers, &settings, Instant::now(), &mut |_| ()).await.unwrap();
    assert_eq!((reached.open_at_stop, reached.evicted), (5, 5));
    assert!(reached.residual.is_some());
    for stream in streams {
        stream.wait_for_end().await;
    }
}

#[tokio::test]
async fn a_client_that_is_put_on_the_canary_is_kept_out_too() {
    let edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let weight = percent(20.0);
    let pinned = Client::probes("withdraw", weight).next().unwrap();
    router.pin(Client::of(&pinned), Some(Arm::Canary)).await.unwrap();
    assert_eq!(get(edge.address, &pinned, "/").await.arm, Some(Arm::Canary));
    let probe = Probes { to: edge.address, weight };
    let helpers = Helpers { probe: &probe, goodbye: &Canary::Stays };
    withdraw(&router, helpers, &settings(), Instant::now(), &mut |_| ()).await.unwrap();
    assert_eq!(get(edge.address, &pinned, "/").await.arm, Some(Arm::Stable));
}

#[tokio::test]
async fn a_router_that_starts_anew_amid_it_is_told_of() {
    let mut edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    let weight = percent(20.0);
    router.assign(weight).await.unwrap();
    let streams = streams(&edge, weight).await;
    let probe = Probes { to: edge.address, weight };
    let goodbye = Canary::RestartsTheRouter(Mutex::new(&mut edge));
    let helpers = Helpers { probe: &probe, goodbye: &goodbye };
    let mut told: Vec<Progress> = Vec::new();
    let mut tell = |progress: &Progress| told.push(progress.clone());
    let reached = withdraw(&router, helpers, &settings(), Instant::now(), &mut tell).await.unwrap();
    assert!(reached.residual.is_some());
    let is_told = told.iter().any(|progress| {
        matches!(&progress.what, ProgressKind::Trouble { text, .. } if text.contains("anew"))
    });
    assert!(is_told, "{told:?}");
    for stream in streams {
        stream.wait_for_end().await;
    }
}

#[tokio::test]
async fn a_canary_that_is_nobodys_any_more_is_proven_to_be_out() {
    let mut edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    router.assign(percent(20.0)).await.unwrap();
    edge.restart().await;
    let probe = Probes { to: edge.address, weight: percent(20.0) };
    let helpers = Helpers { probe: &probe, goodbye: &Canary::Stays };
    withdraw(&router, helpers, &settings(), Instant::now(), &mut |_| ()).await.unwrap();
    let seen = router.observe().await.unwrap();
    assert_eq!((seen.weight, seen.owner), (Weight::NONE, Some(owner("run-1"))));
}

#[tokio::test]
async fn a_router_that_is_gone_is_told_with_what_to_do() {
    let mut edge = Edge::start().await;
    let router = edge.acquired("run-1").await;
    edge.kill();
    let probe = Probes { to: edge.address, weight: percent(20.0) };
    let helpers = Helpers { probe: &probe, goodbye: &Canary::Stays };
    let short = Duration::from_millis(50);
    let settings = WithdrawSettings {
        stop_within: short,
        leave_within: short,
        evict_within: short,
        ..settings()
    };
    let error =
        withdraw(&router, helpers, &settings, Instant::now(), &mut |_| ()).await.unwrap_err();
    let steps: Vec<_> = error.failures.iter().map(|failure| failure.step).collect();
    assert_eq!(steps, [Step::Stop, Step::Evict]);
    assert!(error.to_string().contains("can't be reached"), "{error}");
    assert!(error.to_string().contains("stop the canary's replicas"), "{error}");
}

#[tokio::test]
async fn a_canary_of_another_run_is_left_alone() {
    let edge = Edge::start().await;
    edge.acquired("run-2").await;
    let router = edge.router_for("run-1");
    let probe = Probes { to: edge.address, weight: percent(20.0) };
    let helpers = Helpers { probe: &probe, goodbye: &Canary::Sends(&edge) };
    let error =
        withdraw(&router, helpers, &settings(), Instant::now(), &mut |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("belongs to the run `run-2`"), "{error}");
    assert_eq!(error.failures.len(), 1);
}
