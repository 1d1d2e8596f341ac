//! On a cluster, and on a primary that sentinels name.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use broker::{
    Append, Broker, PageLimit,
    conformance::{CASES, new_event, run_all},
    live::{SwitchError, Target},
};
use event::{After, StreamName};
use faults::{RedisCluster, RedisServer, SentinelSet};
use tokio::time::{Instant, sleep};

use crate::support::{
    live::{Begins, FleetHarness, Live},
    outage::{assert_complete, attach},
    redis::{WIDE, options, replica},
    writer::Writer,
};

const ALL: [Begins; 3] = [Begins::InMemory, Begins::InRedis, Begins::ToAndFro];

async fn keeps_every_promise(url: &str) {
    for begins in ALL {
        let (url, cases) = (url.to_owned(), AtomicU64::new(0));
        let report = run_all(Arc::new(FleetHarness { begins, url, cases })).await;
        assert_eq!(report.failed(), [""; 0], "{begins:?}");
        assert_eq!(report.cases.len(), CASES.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_every_promise() {
    let cluster = RedisCluster::start().await;
    keeps_every_promise(&cluster.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_of_sentinels_keeps_every_promise() {
    let set = SentinelSet::start().await;
    keeps_every_promise(&set.url()).await;
}

/// What another process has put there is found on every server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_nobody_touched_here_come_to_memory_too() {
    let (server, cluster) = (RedisServer::start().await, RedisCluster::start().await);
    for url in [server.url(), cluster.url()] {
        let stream = |n: usize| StreamName::thread(&format!("t{n}")).expect("it keeps the grammar");
        let other = replica(&options(&url, WIDE)).await;
        for n in 0..30 {
            other.append(&stream(n), Append::one(new_event())).await.expect("it is taken");
        }
        drop(other);
        let live = Live::start(&url, WIDE, Target::Redis).await;
        live.broker.cutover(Target::Memory).await.expect("it switches");
        assert_eq!(live.memory.logs(), 30);
        for n in 0..30 {
            let page = live.memory.page(&stream(n), &After::Oldest, PageLimit::MAX).await;
            assert_eq!(page.expect("it is read").events.len(), 1, "{n}");
        }
    }
}

/// Another server becomes the primary while Redis owns the streams, and while they move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_amid_a_switch_loses_nothing() {
    let mut set = SentinelSet::start().await;
    let live = Live::start(&set.url(), WIDE, Target::Memory).await;
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    let writer = Writer::start_paced(&live.broker(), 2, Duration::from_millis(2));
    writer.wait_for(20).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    writer.wait_for_more(20).await;
    let old = set.primary().await.expect("there is a primary");
    set.servers[old].kill();
    // Asked for until it is done, with Redis or without.
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = live.broker.undo().await {
        assert!(Instant::now() < deadline && !matches!(error, SwitchError::Differs(_)), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    writer.wait_for_more(20).await;
    set.wait_for_other_than(old).await;
    while let Err(error) = live.broker.cutover(Target::Redis).await {
        assert!(Instant::now() < deadline && !matches!(error, SwitchError::Differs(_)), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    writer.wait_for_more(20).await;
    let acknowledged: Vec<_> = writer.stop().await.iter().map(|receipt| receipt.id).collect();
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut fresh = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
}
