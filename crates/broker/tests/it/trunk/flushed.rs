//! `FLUSHALL`: replicas that have Redis all the while notice, and give back what they have. Of those
//! that were cut off meanwhile, what was lost is told as lost, and not as a slow reader's.

use std::{path::Path, sync::Arc, time::Duration};

use broker::{Broker, ReplicaBroker};
use event::{After, GapReason};
use faults::Proxy;
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, publish},
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

/// A replica that can be cut off.
struct Member {
    proxy: Proxy,
    broker: Arc<ReplicaBroker>,
}

impl Member {
    async fn join(stage: &Replica, strict: bool) -> Self {
        let proxy = Proxy::start(stage.server.address()).await;
        let mut options = stage.options.clone();
        options.redis.url = format!("redis://{}/", proxy.address());
        let spool = options.spool.as_deref().map(Path::to_owned).expect("it has one");
        options.spool = Some(spool.with_file_name(proxy.address().to_string()));
        options.strict = strict;
        let broker = Arc::new(ReplicaBroker::start(options).expect("it starts"));
        healthy(&broker).await;
        Member { proxy, broker }
    }

    fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    async fn leave(&self) {
        self.proxy.disable().await;
        cut_off(&self.broker).await;
    }

    async fn come_back(&self) {
        self.proxy.enable().await;
        healthy(&self.broker).await;
    }
}

/// Waits until Redis has a log's window again, without touching it.
async fn given_back(stage: &Replica) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut look = redis::cmd("KEYS");
    look.arg("*:stream");
    while stage.server.command::<Vec<String>>(&mut look).await.is_empty() {
        assert!(Instant::now() < deadline, "nobody noticed");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_redis_all_the_while_gives_back_what_was_flushed() {
    let stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut readers = [attach(&left, &After::Oldest).await, attach(&right, &After::Oldest).await];
    let mut all = publish(&left, 3).await;
    all.extend(publish(&right, 3).await);
    for reader in &mut readers {
        assert_complete(reader, &[], &all).await;
    }
    let before = left.ledger(&golden_stream()).await.expect("it is read");
    stage.server.command::<()>(&mut redis::cmd("FLUSHALL")).await;
    given_back(&stage).await;
    assert_eq!(right.ledger(&golden_stream()).await.expect("it is read"), before);
    all.extend(publish(&right, 2).await);
    for reader in &mut readers {
        assert_complete(reader, &[], &all).await;
    }
}

/// The first that comes back can give back less than the window had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_gives_back_of_the_window_is_a_loss() {
    for strict in [false, true] {
        let stage = Replica::start(WIDE).await;
        let (reading, writing) =
            (Member::join(&stage, strict).await, Member::join(&stage, strict).await);
        let mut reader = attach(&reading.broker(), &After::Oldest).await;
        let mut kept = publish(&stage.broker(), 3).await;
        reader.through(kept[2]).await;
        reading.leave().await;
        // Two that only a replica knows which is gone then, and two that another one has.
        let gone = stage.another().await;
        publish(&(Arc::clone(&gone) as Arc<dyn Broker>), 2).await;
        drop(gone);
        kept.extend(publish(&writing.broker(), 2).await);
        writing.leave().await;
        stage.server.command::<()>(&mut redis::cmd("FLUSHALL")).await;
        writing.come_back().await;
        kept.extend(publish(&writing.broker(), 1).await);
        reading.come_back().await;
        kept.extend(publish(&reading.broker(), 1).await);
        reader.through(kept[6]).await;
        assert_eq!(ids(&reader), kept);
        let told = reader.reasons();
        let is_loss = |reason: &GapReason| *reason == GapReason::DataLoss;
        assert!(!told.is_empty() && told.iter().all(is_loss), "strict: {strict}: {told:?}");
    }
}

/// Others began the log anew, and the replica comes to that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_that_others_met_is_one_for_who_was_cut_off() {
    for (strict, beside) in [(false, 0), (false, 2), (true, 0)] {
        let stage = Replica::start(WIDE).await;
        let member = Member::join(&stage, strict).await;
        let mut reader = attach(&member.broker(), &After::Oldest).await;
        let known = publish(&stage.broker(), 3).await;
        reader.through(known[2]).await;
        member.leave().await;
        publish(&stage.broker(), 2).await;
        publish(&member.broker(), beside).await;
        stage.server.command::<()>(&mut redis::cmd("FLUSHALL")).await;
        publish(&stage.broker(), 3).await;
        member.come_back().await;
        let last = publish(&member.broker(), 1).await[0];
        reader.through(last).await;
        assert_eq!(reader.reasons(), [GapReason::DataLoss], "strict: {strict}, {beside} beside");
    }
}
