//! The servers that this process is connected to: one, or the nodes of a cluster.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    RedisOptions,
    address::{Address, Kind},
    cluster::Cluster,
    failure::Failure,
    link::{Answered, Asking, Call, Finder, Link, Server},
    names::Names,
    registry::{Level, Registry},
    run::FleetRun,
    scope::Scope,
    sentinel::Sentinels,
    subscription::Subscription,
};
use crate::{BrokerHealth, HealthState};

/// How often a cluster's nodes are looked at, by who waits for them.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The connections to one server.
pub(super) struct Node {
    pub(super) link: Link,
    pub(super) subscription: Subscription,
}

impl Node {
    pub(super) fn new(
        finder: Finder,
        server: Server,
        scope: Scope,
        options: &RedisOptions,
        registry: &Arc<Registry>,
    ) -> Arc<Self> {
        let link = Link::new(finder, server, options);
        let subscription = Subscription::new(scope, options, Arc::clone(registry));
        Arc::new(Node { link, subscription })
    }

    /// Keeps the connections for ever; to be run by the one task that owns them.
    pub(super) async fn keep(&self) {
        tokio::join!(self.link.keep(), self.subscription.keep(&self.link));
    }

    /// Returns how it stands, with what is wrong.
    pub(super) fn standing(&self) -> (HealthState, Option<String>) {
        match self.link.trouble() {
            Some(trouble) => (HealthState::Unhealthy, Some(trouble)),
            None if self.subscription.is_up() => (HealthState::Healthy, None),
            None => (HealthState::Degraded, Some("Redis can't be subscribed to".to_owned())),
        }
    }
}

/// All of them.
pub(super) enum Fleet {
    One(Arc<Node>),
    Cluster(Arc<Cluster>),
}

impl Fleet {
    /// Begins to connect; the tasks that do it go on in `keepers`.
    pub(super) fn start(
        address: Address,
        options: &RedisOptions,
        registry: &Arc<Registry>,
        keepers: &mut JoinSet<()>,
    ) -> Result<Self, Failure> {
        let address = Arc::new(address);
        let finder = match &address.kind {
            Kind::Single => Finder::Fixed(address.single_server()?),
            Kind::Sentinel { service } => {
                let time_max = options.connect_time_max / 2;
                let sentinels = Sentinels::new(Arc::clone(&address), service, time_max);
                Finder::Sentinels(sentinels, address)
            }
            Kind::Cluster => {
                let cluster = Arc::new(Cluster::new(address, options, registry));
                let kept = Arc::clone(&cluster);
                keepers.spawn(async move { kept.keep().await });
                return Ok(Fleet::Cluster(cluster));
            }
        };
        let server = Server { in_cluster: false, replicas: options.replicas_min };
        let node = Node::new(finder, server, Scope::All, options, registry);
        let kept = Arc::clone(&node);
        keepers.spawn(async move { kept.keep().await });
        Ok(Fleet::One(node))
    }

    /// Calls a function of ours, on the server that has the log.
    pub(super) async fn call(
        &self,
        names: &Names,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<Answered, Failure> {
        match self {
            Fleet::One(node) => node.link.call(call, Asking::No, deadline).await,
            Fleet::Cluster(cluster) => cluster.call(names.slot, call, deadline).await,
        }
    }

    /// Returns the server that has a log, once there is a connection to it.
    pub(super) async fn node_of(
        &self,
        names: &Names,
        deadline: Instant,
    ) -> Result<Arc<Node>, Failure> {
        match self {
            Fleet::One(node) => node.link.ready(deadline).await.map(|()| Arc::clone(node)),
            Fleet::Cluster(cluster) => cluster.node_of(names.slot, deadline).await,
        }
    }

    /// Returns the servers that have logs.
    ///
    /// # Errors
    /// Fails where some of them are not connected to.
    pub(super) fn nodes(&self) -> Result<Vec<Arc<Node>>, Failure> {
        match self {
            Fleet::One(node) => Ok(vec![Arc::clone(node)]),
            Fleet::Cluster(cluster) => cluster.all_nodes(),
        }
    }

    /// Waits until as many replicas as are wanted have what this answer says was written.
    pub(super) async fn confirm(
        &self,
        names: &Names,
        answered: &Answered,
        deadline: Instant,
    ) -> Result<(), Failure> {
        match self {
            Fleet::One(node) => node.link.confirm(answered, &names.mark, deadline).await,
            Fleet::Cluster(cluster) => cluster.confirm(names, answered, deadline).await,
        }
    }

    /// Hears a stream's wake-ups from now on.
    pub(super) async fn hear(&self, level: &Level, deadline: Instant) -> Result<(), Failure> {
        match self {
            Fleet::One(node) => node.subscription.hear(level, deadline).await,
            Fleet::Cluster(cluster) => cluster.hear(level, deadline).await,
        }
    }

    /// Returns the run, where there is a connection to the server, or to every node that has slots.
    pub(super) fn run(&self) -> Option<FleetRun> {
        match self {
            Fleet::One(node) => node.link.run().map(FleetRun::of_one),
            Fleet::Cluster(cluster) => cluster.run(),
        }
    }

    /// Waits until there is a connection to a server of another run.
    pub(super) async fn until_other_run(&self, run: &FleetRun) {
        match self {
            Fleet::One(node) => node.link.until_other_run(run.name()).await,
            Fleet::Cluster(cluster) => {
                while cluster.run().is_none_or(|now| run.covers(&now)) {
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// Waits until all logs can be asked for, or some can't.
    pub(super) async fn until_connected(&self, is_connected: bool) {
        match self {
            Fleet::One(node) => node.link.until(is_connected).await,
            Fleet::Cluster(cluster) => {
                while cluster.run().is_some() != is_connected {
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// Returns how many connections for commands were made until now.
    pub(super) fn connections_made(&self) -> u64 {
        match self {
            Fleet::One(node) => node.link.made(),
            Fleet::Cluster(cluster) => cluster.connections_made(),
        }
    }

    pub(super) fn health(&self) -> BrokerHealth {
        let (state, reason) = match self {
            Fleet::One(node) => node.standing(),
            Fleet::Cluster(cluster) => cluster.standing(),
        };
        BrokerHealth { state, reason, selected: "redis" }
    }
}
