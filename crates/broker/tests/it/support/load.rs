//! Two replicas of ours under load: each publishes to every stream and reads it all along, whatever
//! becomes of Redis meanwhile.

use std::{sync::Arc, time::Duration};

use broker::{Append, Broker, Item, Receipt, RedisOptions, ReplicaBroker, ReplicaOptions};
use event::{After, EventId, GapReason, StreamName};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{
    clock::FakeClock,
    reader::Attached,
    replica::{cut_off, healthy},
    writer::Writer,
};

/// How long a writer rests after each event: a branch of some seconds is not to be a long one.
const PACE: Duration = Duration::from_millis(3);

pub(crate) struct Load {
    pub(crate) replicas: Vec<Arc<ReplicaBroker>>,
    streams: Vec<Loaded>,
    _folder: TempDir,
}

/// One stream with its readers and writers, a writer and a reader on each replica.
struct Loaded {
    stream: StreamName,
    writers: Vec<Writer>,
    readers: JoinSet<Attached>,
    /// Appended when everything is over, and read through by all.
    last: Append,
}

/// What all readers received.
pub(crate) struct Outcome {
    pub(crate) reasons: Vec<GapReason>,
    pub(crate) acknowledged: usize,
}

impl Load {
    /// Starts the replicas, and publishes to these streams.
    pub(crate) async fn start(
        redis: RedisOptions,
        streams: Vec<StreamName>,
        set: impl Fn(&mut ReplicaOptions),
    ) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let mut replicas = Vec::new();
        for number in 0..2 {
            let mut options = ReplicaOptions::new(redis.clone(), Arc::new(FakeClock::new()));
            options.redis.replica = format!("replica{number}");
            options.spool = Some(folder.path().join(number.to_string()));
            options.heal_grace = Duration::from_secs(20);
            set(&mut options);
            let broker = Arc::new(ReplicaBroker::start(options).expect("it starts"));
            healthy(&broker).await;
            replicas.push(broker);
        }
        let mut loaded = Vec::new();
        for stream in streams {
            loaded.push(Loaded::start(&replicas, stream).await);
        }
        let load = Load { replicas, streams: loaded, _folder: folder };
        load.wait_for_more(20).await;
        load
    }

    /// Waits until each writer had so many more events acknowledged.
    pub(crate) async fn wait_for_more(&self, count: usize) {
        for writer in self.streams.iter().flat_map(|loaded| &loaded.writers) {
            writer.wait_for_more(count).await;
        }
    }

    pub(crate) async fn cut_off(&self) {
        for replica in &self.replicas {
            cut_off(replica).await;
        }
    }

    pub(crate) async fn healthy(&self) {
        for replica in &self.replicas {
            healthy(replica).await;
        }
    }

    /// Ends the load, and checks that everybody received everything once and in order, or was told.
    pub(crate) async fn finish(self) -> Outcome {
        self.healthy().await;
        let mut outcome = Outcome { reasons: Vec::new(), acknowledged: 0 };
        for loaded in self.streams {
            loaded.finish(&self.replicas, &mut outcome).await;
        }
        outcome
    }
}

impl Loaded {
    async fn start(replicas: &[Arc<ReplicaBroker>], stream: StreamName) -> Self {
        let last = Append::one(broker::conformance::new_event());
        let (mut writers, mut readers) = (Vec::new(), JoinSet::new());
        for replica in replicas {
            let broker = Arc::clone(replica) as Arc<dyn Broker>;
            let mut reader = Attached::at(&broker, &stream, &After::Oldest).await;
            let id = last.events[0].id;
            readers.spawn(async move {
                reader.through(id).await;
                reader
            });
            writers.push(Writer::start_on(&broker, &stream, PACE));
        }
        Loaded { stream, writers, readers, last }
    }

    async fn finish(mut self, replicas: &[Arc<ReplicaBroker>], outcome: &mut Outcome) {
        let mut acknowledged = Vec::new();
        for writer in self.writers {
            acknowledged.extend(writer.stop().await);
        }
        let appended = replicas[0].append(&self.stream, self.last).await.expect("it is taken");
        acknowledged.extend_from_slice(appended.receipts());
        let last = appended.receipts()[0].id;
        for replica in replicas {
            // Those who come now find the same.
            let broker = Arc::clone(replica) as Arc<dyn Broker>;
            let stream = self.stream.clone();
            let mut fresh = Attached::at(&broker, &stream, &After::Oldest).await;
            self.readers.spawn(async move {
                fresh.through(last).await;
                fresh
            });
        }
        let readers = self.readers.join_all().await;
        for reader in &readers {
            assert_told(reader, &acknowledged);
            outcome.reasons.extend(reader.reasons());
        }
        outcome.acknowledged += acknowledged.len();
    }
}

/// Checks that nothing came twice, that no number jumps, and that what did not come was told of.
fn assert_told(reader: &Attached, acknowledged: &[Receipt]) {
    let lost = reader.lost(acknowledged);
    assert!(lost == 0 || reader.gaps() > 0, "{lost} events were lost without a word");
    let events = reader.items.windows(2).filter_map(|pair| match pair {
        [Item::Event(one), Item::Event(two)] => Some((one, two)),
        _ => None,
    });
    let ids: Vec<EventId> = acknowledged.iter().map(|receipt| receipt.id).collect();
    for (one, two) in events {
        let (from, to) = (one.position, two.position);
        let known = (ids.contains(&one.id), ids.contains(&two.id));
        assert_eq!(from.seq.next(), to.seq, "the numbers jump: {from} {to} {known:?}");
    }
}
