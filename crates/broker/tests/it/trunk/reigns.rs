//! A primary that is one again in the same process, with what another one had meanwhile.

use std::{sync::Arc, time::Duration};

use broker::{Append, Broker, ReplicaBroker, conformance::new_event};
use event::{After, GapReason, StreamName};
use faults::{RedisServer, SERVICE, SentinelSet};
use tokio::time::{Instant, sleep};

use crate::support::{
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, healthy},
};

async fn head_is(server: &RedisServer, expected: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut get = redis::cmd("HGET");
        let head: Option<u64> =
            server.command(get.arg("dashclaw:thread:elsewhere:meta").arg("head")).await;
        if head == Some(expected) {
            return;
        }
        assert!(Instant::now() < deadline, "{head:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn follow(server: &RedisServer, port: Option<u16>) {
    let mut of = redis::cmd("REPLICAOF");
    match port {
        Some(port) => of.arg("127.0.0.1").arg(port),
        None => of.arg("NO").arg("ONE"),
    };
    server.command::<()>(&mut of).await;
}

/// The connections stay, and nobody of ours is there while the other one reigns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_followed_its_copy_begins_another_reign() {
    let stage = Replica::start(WIDE).await;
    let stream = StreamName::thread("elsewhere").unwrap();
    let another = stage.another().await;
    let put = async |broker: &ReplicaBroker| {
        let appended = broker.append(&stream, Append::one(new_event())).await;
        appended.expect("it is taken").receipts()[0]
    };
    let run = stage.server.info("run_id").await;
    put(&another).await;
    // A copy that then lags.
    let b = RedisServer::start().await;
    follow(&b, Some(stage.server.address().port())).await;
    head_is(&b, 1).await;
    follow(&b, None).await;
    let mut lost = Vec::new();
    for _ in 0..2 {
        lost.push(put(&another).await);
    }
    drop(another);
    // Failed over to the copy, and back, without a restart of either.
    follow(&stage.server, Some(b.address().port())).await;
    head_is(&stage.server, 1).await;
    let made = stage.broker.connections_made();
    follow(&stage.server, None).await;
    assert_eq!(stage.server.info("run_id").await, run);
    connected_again(&stage.broker, made).await;
    let broker = stage.broker();
    let mut new = Vec::new();
    for _ in 0..3 {
        new.push(put(&stage.broker).await);
    }
    let mut back = Attached::at(&broker, &stream, &After::At(lost[1].position)).await;
    back.through(new[2].id).await;
    assert!(lost[1].position != new[1].position, "one place, two events");
    assert_eq!(back.reasons(), [GapReason::DataLoss]);
}

/// What is lost by the first fail-over is not known to the replica that goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_that_go_back_to_the_first_primary_begin_another_reign() {
    let set = SentinelSet::start().await;
    let stage = Replica::start(WIDE).await;
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let mut options = stage.options.clone();
        options.redis.url = set.url();
        options.cut_off_after = Duration::from_millis(500);
        options.spool = Some(folder.path().join(name));
        Arc::new(ReplicaBroker::start(options).expect("it starts"))
    };
    let (here, another) = (make("here"), make("another"));
    healthy(&here).await;
    healthy(&another).await;
    let stream = StreamName::thread("elsewhere").unwrap();
    let put = async |broker: &ReplicaBroker| {
        let appended = broker.append(&stream, Append::one(new_event())).await;
        appended.expect("it is taken").receipts()[0]
    };
    put(&another).await;
    let old = set.primary().await.expect("there is one");
    let run = set.servers[old].info("run_id").await;
    set.wait_for_data(old).await;
    head_is(&set.servers[1 - old], 1).await;
    set.stop_replication(old).await;
    let lost = [put(&another).await, put(&another).await];
    drop(another);
    let made = here.connections_made();
    set.servers[old].pause();
    let new = set.wait_for_other_than(old).await;
    set.servers[old].go_on();
    connected_again(&here, made).await;
    let mut right = redis::cmd("CONFIG");
    right.arg("SET").arg("masterauth").arg("");
    set.servers[new].command::<()>(&mut right).await;
    head_is(&set.servers[old], 1).await;
    // Back, in order.
    let made = here.connections_made();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut ask = redis::cmd("SENTINEL");
        let told: redis::RedisResult<()> =
            set.sentinels[0].try_command(ask.arg("FAILOVER").arg(SERVICE)).await;
        if told.is_ok() {
            break;
        }
        assert!(Instant::now() < deadline, "{told:?}");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(set.wait_for_other_than(new).await, old);
    connected_again(&here, made).await;
    assert_eq!(set.servers[old].info("run_id").await, run, "the same process");
    let new = [put(&here).await, put(&here).await, put(&here).await];
    let broker = Arc::clone(&here) as Arc<dyn Broker>;
    let mut back = Attached::at(&broker, &stream, &After::At(lost[1].position)).await;
    back.through(new[2].id).await;
    assert_eq!(back.reasons(), [GapReason::DataLoss]);
}
