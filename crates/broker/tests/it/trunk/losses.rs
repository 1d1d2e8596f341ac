//! Replicas that were killed while they were cut off: who is told of what their spool lacks.

use std::{fs, path::Path, sync::Arc, time::Duration};

use broker::{Append, Broker, ReplicaBroker, ReplicaOptions, conformance::new_event};
use event::{After, EventId, GapReason, StreamName};
use faults::Proxy;
use tokio::time::{Instant, sleep};

use crate::support::{
    outage::{attach, ids, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

/// A replica that has Redis all the time, and one behind a proxy.
struct Stage {
    whole: Replica,
    proxy: Proxy,
    options: ReplicaOptions,
}

impl Stage {
    async fn start() -> Self {
        let whole = Replica::start(WIDE).await;
        let proxy = Proxy::start(whole.server.address()).await;
        let mut options = whole.options.clone();
        options.redis.url = format!("redis://{}/", proxy.address());
        options.spool = options.spool.map(|spool| spool.with_file_name("cut-off"));
        // Only when it is told to.
        options.save_every = Duration::from_secs(3600);
        Stage { whole, proxy, options }
    }

    fn spool(&self) -> &Path {
        self.options.spool.as_deref().expect("it has one")
    }

    /// Starts a process; where another one was killed, once its folder is free.
    async fn process(&self) -> Arc<ReplicaBroker> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match ReplicaBroker::start(self.options.clone()) {
                Ok(broker) => return Arc::new(broker),
                Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn cut_off_process(&self) -> Arc<ReplicaBroker> {
        let process = self.process().await;
        healthy(&process).await;
        self.proxy.disable().await;
        cut_off(&process).await;
        process
    }

    fn marks(&self) -> usize {
        let entries = fs::read_dir(self.spool()).expect("it is there");
        let names = entries.map(|entry| entry.expect("it is read").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".open")).count()
    }

    /// Starts the process after the one that was killed, lets it have Redis, and returns what the
    /// reader, who was attached to the trunk all the time, got and was told.
    async fn merged(&self, reader: &mut Attached) -> (Vec<EventId>, Vec<GapReason>) {
        let process = self.process().await;
        self.proxy.enable().await;
        healthy(&process).await;
        assert_eq!(self.marks(), 0, "it is told once");
        let last = publish(&self.whole.broker(), 1).await[0];
        reader.through(last).await;
        (ids(reader).into_iter().filter(|id| *id != last).collect(), reader.reasons())
    }
}

fn as_broker(process: &Arc<ReplicaBroker>) -> Arc<dyn Broker> {
    Arc::clone(process) as Arc<dyn Broker>
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_replicas_spool_lacks_is_told_on_the_trunk() {
    for saved in [0, 2] {
        let stage = Stage::start().await;
        let mut reader = attach(&stage.whole.broker(), &After::Oldest).await;
        let mut kept = publish(&stage.whole.broker(), 2).await;
        let process = stage.cut_off_process().await;
        if saved > 0 {
            kept.extend(publish(&as_broker(&process), saved).await);
            process.save().await.expect("it is saved");
            assert_eq!(stage.marks(), 0, "the file has all");
        }
        publish(&as_broker(&process), 1).await;
        drop(process);
        let (got, told) = stage.merged(&mut reader).await;
        assert_eq!((got, told), (kept, vec![GapReason::DataLoss]), "{saved} saved");
    }
}

/// One that ends in order in between pays what the one before it owed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_to_the_trunks_readers_outlives_further_processes() {
    let stage = Stage::start().await;
    let mut reader = attach(&stage.whole.broker(), &After::Oldest).await;
    let process = stage.cut_off_process().await;
    let kept = publish(&as_broker(&process), 2).await;
    process.save().await.expect("it is saved");
    publish(&as_broker(&process), 1).await;
    drop(process);
    let process = stage.process().await;
    cut_off(&process).await;
    process.drain().await.expect("it is saved");
    drop(process);
    assert_eq!(stage.merged(&mut reader).await, (kept, vec![GapReason::DataLoss]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_whose_spool_has_all_costs_nobody_a_gap() {
    let stage = Stage::start().await;
    let mut reader = attach(&stage.whole.broker(), &After::Oldest).await;
    let mut kept = publish(&stage.whole.broker(), 2).await;
    let process = stage.cut_off_process().await;
    kept.extend(publish(&as_broker(&process), 3).await);
    process.save().await.expect("it is saved");
    drop(process);
    assert_eq!(stage.merged(&mut reader).await, (kept, vec![]));
}

/// Nobody waits until marks are on the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_power_meanwhile_no_spool_is_known_to_have_all() {
    let stage = Stage::start().await;
    let mut reader = attach(&stage.whole.broker(), &After::Oldest).await;
    let process = stage.cut_off_process().await;
    let kept = publish(&as_broker(&process), 3).await;
    process.save().await.expect("it is saved");
    drop(process);
    fs::write(stage.spool().join("boot"), "another start").expect("it is written");
    assert_eq!(stage.merged(&mut reader).await, (kept, vec![GapReason::DataLoss]));
}

/// What is owed of one stream keeps no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_which_nothing_is_gone_is_told_nothing() {
    let stage = Stage::start().await;
    let other = StreamName::thread("other").expect("it keeps the grammar");
    let broker = stage.whole.broker();
    let mut reader = Attached::at(&broker, &other, &After::Oldest).await;
    let process = stage.cut_off_process().await;
    let put = async |broker: &Arc<dyn Broker>| {
        let appended = broker.append(&other, Append::one(new_event())).await;
        appended.expect("it is taken").receipts()[0].id
    };
    put(&as_broker(&process)).await;
    process.save().await.expect("it is saved");
    publish(&as_broker(&process), 1).await;
    drop(process);
    let mut golden = attach(&broker, &After::Oldest).await;
    assert_eq!(stage.merged(&mut golden).await, (vec![], vec![GapReason::DataLoss]));
    reader.through(put(&broker).await).await;
    assert_eq!((ids(&reader).len(), reader.reasons()), (2, vec![]));
}
