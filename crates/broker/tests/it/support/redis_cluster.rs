//! The Redis backend on a cluster of three, for the cases: they share one cluster, one at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use broker::{
    BoxFuture, Broker, RedisBroker, RedisOptions,
    conformance::{Ability, Harness, Subject},
    memory::log::WindowLimits,
};
use event::StreamName;
use faults::{NODES, RedisCluster};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::redis::{options, reconnected, replica};

/// How often a case kills the nodes for a restart. A node that starts again takes no writes for two
/// seconds, so that later restarts of one case give the log another owner by moving its slot.
const RESTARTS_OF_NODES: usize = 2;

/// The cluster, and which node has the slot of the cases' stream.
struct Shared {
    cluster: RedisCluster,
    slot: u16,
    node: usize,
}

/// Runs the cases on a cluster; each has a prefix of its own.
pub(crate) struct ClusterHarness {
    shared: Arc<Mutex<Shared>>,
    cases: AtomicU64,
}

impl ClusterHarness {
    pub(crate) async fn start() -> Self {
        let cluster = RedisCluster::start().await;
        let slot = cluster.slot("{conformance}").await;
        let node = cluster.node_at_start(slot);
        let shared = Arc::new(Mutex::new(Shared { cluster, slot, node }));
        ClusterHarness { shared, cases: AtomicU64::new(0) }
    }
}

impl Harness for ClusterHarness {
    fn abilities(&self) -> &[Ability] {
        &[Ability::Clock, Ability::Restart, Ability::Crash, Ability::Switch, Ability::FailOver]
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        Box::pin(async move {
            let shared = Arc::clone(&self.shared).lock_owned().await;
            let ahead = Arc::new(AtomicU64::new(0));
            let case = self.cases.fetch_add(1, Ordering::Relaxed);
            let options = RedisOptions {
                prefix: format!("case{case}"),
                clock_ahead: Some(Arc::clone(&ahead)),
                ..options(&shared.cluster.url(), limits)
            };
            let broker = replica(&options).await;
            Box::new(OnCluster { shared, broker, options, ahead, restarts: 0 }) as Box<dyn Subject>
        })
    }
}

struct OnCluster {
    shared: OwnedMutexGuard<Shared>,
    broker: Arc<RedisBroker>,
    options: RedisOptions,
    ahead: Arc<AtomicU64>,
    restarts: usize,
}

impl OnCluster {
    /// Kills all nodes and starts them with what they had saved; the replica of ours stays.
    async fn crash_now(&mut self) {
        let made = self.broker.connections_made();
        for node in &mut self.shared.cluster.nodes {
            node.kill();
        }
        for node in &mut self.shared.cluster.nodes {
            node.run().await;
        }
        self.shared.cluster.settled().await;
        reconnected(&self.broker, made).await;
    }

    async fn move_slot(&mut self) {
        let Shared { cluster, slot, node } = &mut *self.shared;
        let to = (*node + 1) % NODES;
        cluster.begin_move(*slot, *node, to).await;
        cluster.end_move(*slot, *node, to).await;
        *node = to;
    }

    async fn save_now(&self) {
        for node in &self.shared.cluster.nodes {
            node.save().await;
        }
    }
}

impl Subject for OnCluster {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    fn advance(&mut self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("cases move by days at most");
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    fn save(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.save_now())
    }

    fn restart(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.restarts += 1;
            if self.restarts <= RESTARTS_OF_NODES {
                self.save_now().await;
                self.crash_now().await;
            } else {
                self.move_slot().await;
            }
            self.broker = replica(&self.options).await;
        })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.crash_now())
    }

    fn switch(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let stream = StreamName::thread("conformance").expect("it keeps the grammar");
            self.broker.fork(&stream).await.expect("the log is forked");
        })
    }

    fn fail_over(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.crash_now())
    }
}
