//! The nodes of a cluster, each with its connections, and which of them has what.
//!
//! Owns: the map of slots, kept by asking nodes and by what `MOVED` says; a node's connections for
//! as long as it has slots. A node that is lost makes only its own logs unavailable here; what a
//! replica of ours makes of that is decided above (`trunk/phase.rs`).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use redis::Value;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    RedisOptions,
    address::{Address, Host},
    failure::{Failure, Redirect},
    fleet::Node,
    link::{Answered, Asking, Call, Finder, Pause, Server, config},
    names::Names,
    registry::{Level, Registry},
    run::{FleetRun, On},
    scope::Scope,
    slots::SlotMap,
};
use crate::HealthState;

/// Most nodes that are connected to; the slots of further ones are unavailable.
const NODES_MAX: usize = 1000;

/// How soon after a change of the map it is asked for again, at the earliest.
const ASK_PAUSE: Duration = Duration::from_millis(50);

/// A node's connections, with the task that keeps them.
struct Kept {
    node: Arc<Node>,
    _keeper: JoinSet<()>,
}

/// The cluster.
pub(super) struct Cluster {
    address: Arc<Address>,
    options: RedisOptions,
    registry: Arc<Registry>,
    map: watch::Sender<SlotMap>,
    nodes: Mutex<HashMap<Host, Kept>>,
    stale: Arc<Notify>,
    trouble: Mutex<String>,
    /// Connections made by nodes that are gone.
    made_before: AtomicU64,
}

impl Cluster {
    pub(super) fn new(
        address: Arc<Address>,
        options: &RedisOptions,
        registry: &Arc<Registry>,
    ) -> Self {
        Cluster {
            address,
            options: options.clone(),
            registry: Arc::clone(registry),
            map: watch::Sender::default(),
            nodes: Mutex::default(),
            stale: Arc::new(Notify::new()),
            trouble: Mutex::new("no node of the cluster was reached yet".to_owned()),
            made_before: AtomicU64::new(0),
        }
    }

    /// Keeps the map for ever; to be run by the one task that owns it.
    pub(super) async fn keep(&self) {
        let mut pause = Pause::default();
        loop {
            let wait = match self.ask().await {
                Ok(map) => {
                    pause = Pause::default();
                    self.take_in(map);
                    self.options.check_every
                }
                Err(failure) => {
                    tracing::warn!(%failure, "no node of the cluster tells the slots");
                    *self.trouble.lock() = failure.reason;
                    pause.next()
                }
            };
            let _ = timeout(wait, self.stale.notified()).await;
            sleep(ASK_PAUSE).await;
        }
    }

    /// Asks one node after the other for the map, those that are connected first.
    async fn ask(&self) -> Result<SlotMap, Failure> {
        let known: Vec<_> = {
            let nodes = self.nodes.lock();
            nodes.iter().map(|(host, kept)| (host.clone(), Arc::clone(&kept.node))).collect()
        };
        let mut trouble = Failure::refused("the address names no node");
        for (host, node) in known {
            if node.link.trouble().is_none() {
                match node.link.read(&slots_command()).await {
                    Ok(mut answers) => match read_map(answers.pop(), &host) {
                        Ok(map) => return Ok(map),
                        Err(failure) => trouble = failure,
                    },
                    Err(failure) => trouble = failure,
                }
            }
        }
        for host in &self.address.hosts {
            match timeout(self.options.connect_time_max, self.ask_seed(host)).await {
                Ok(Ok(map)) => return Ok(map),
                Ok(Err(failure)) => trouble = failure,
                Err(_) => trouble = Failure::refused("Redis did not answer in time"),
            }
        }
        Err(trouble)
    }

    async fn ask_seed(&self, host: &Host) -> Result<SlotMap, Failure> {
        let client = self.address.server_at(host)?;
        let connected = client.get_multiplexed_async_connection_with_config(&config()).await;
        let mut wire = connected.map_err(|error| Failure::from_redis(&error))?;
        let answers = wire.send_packed_commands(&slots_command(), 0, 1).await;
        read_map(answers.map_err(|error| Failure::from_redis(&error))?.pop(), host)
    }

    /// Takes in who has which slots: new nodes are connected to, those without slots are left.
    fn take_in(&self, map: SlotMap) {
        let hosts = map.nodes();
        let mut nodes = self.nodes.lock();
        nodes.retain(|host, kept| {
            let stays = hosts.contains(host);
            if !stays {
                kept.node.link.give_up();
                self.made_before.fetch_add(kept.node.link.made(), Ordering::AcqRel);
            }
            stays
        });
        // The map first: a new node's subscription looks at it.
        self.map.send_if_modified(|known| {
            let changed = *known != map;
            *known = map;
            changed
        });
        for host in hosts {
            if nodes.len() < NODES_MAX && !nodes.contains_key(&host) {
                match self.connect(&host) {
                    Ok(kept) => drop(nodes.insert(host, kept)),
                    Err(failure) => *self.trouble.lock() = failure.reason,
                }
            }
        }
    }

    fn connect(&self, host: &Host) -> Result<Kept, Failure> {
        let finder = Finder::Fixed(self.address.server_at(host)?);
        let server = Server { in_cluster: true, replicas: self.options.replicas_min };
        let (map, stale) = (self.map.subscribe(), Arc::clone(&self.stale));
        let scope = Scope::Node { host: host.clone(), map, stale };
        let node = Node::new(finder, server, scope, &self.options, &self.registry);
        let (mut keeper, kept) = (JoinSet::new(), Arc::clone(&node));
        let stale = Arc::clone(&self.stale);
        keeper.spawn(async move {
            tokio::join!(kept.keep(), async {
                loop {
                    kept.link.lost().await;
                    stale.notify_one();
                }
            });
        });
        Ok(Kept { node, _keeper: keeper })
    }

    /// Calls a function of ours on the node that has the slot, wherever that is by then.
    pub(super) async fn call(
        &self,
        slot: u16,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<Answered, Failure> {
        let (mut asked, mut pause) = (self.meant(call.on, slot), Pause::default());
        loop {
            let (node, asking) = match asked.take() {
                Some(node) => (node, Asking::Yes),
                None => (self.node_of(slot, deadline).await?, Asking::No),
            };
            let failure = match node.link.call(call, asking, deadline).await {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            };
            // The command was refused: nothing was stored, and it may be sent elsewhere.
            match &failure.redirect {
                Some(Redirect::Moved(host)) => self.moved(slot, host),
                Some(Redirect::Ask(host)) => asked = self.node_asked(host),
                Some(Redirect::TryAgain) => {}
                None => return Err(failure),
            }
            let pause = if asked.is_some() { Duration::ZERO } else { pause.next() };
            if timeout_at(deadline, sleep(pause)).await.is_err() {
                return Err(failure);
            }
        }
    }

    /// Returns the node that a call is meant for, where the map has its slot elsewhere: what was read
    /// there was asked for while the slot is on its way.
    fn meant(&self, on: On<'_>, slot: u16) -> Option<Arc<Node>> {
        let On::Server(run) = on else { return None };
        let nodes = self.nodes.lock();
        let is_it = |kept: &Kept| kept.node.link.run().is_some_and(|now| &*now == run);
        let (host, kept) = nodes.iter().find(|(_, kept)| is_it(kept))?;
        let is_elsewhere = self.map.borrow().node_of(slot) != Some(host);
        is_elsewhere.then(|| Arc::clone(&kept.node))
    }

    fn moved(&self, slot: u16, to: &str) {
        let Some(to) = Host::parse(to, 0) else { return self.stale.notify_one() };
        let map = self.map.borrow().moved(slot, &to);
        self.take_in(map);
        self.stale.notify_one();
    }

    /// Returns the node that a slot is on its way to; it may have none yet, and be in no map. `None`
    /// where it can't be connected to.
    fn node_asked(&self, host: &str) -> Option<Arc<Node>> {
        let host = Host::parse(host, 0)?;
        let mut nodes = self.nodes.lock();
        if !nodes.contains_key(&host) && nodes.len() < NODES_MAX {
            let kept = self.connect(&host).ok()?;
            nodes.insert(host.clone(), kept);
        }
        nodes.get(&host).map(|kept| Arc::clone(&kept.node))
    }

    fn node_at(&self, host: &Host) -> Option<Arc<Node>> {
        self.nodes.lock().get(host).map(|kept| Arc::clone(&kept.node))
    }

    /// Waits for a connection to the node that has a slot.
    pub(super) async fn node_of(&self, slot: u16, deadline: Instant) -> Result<Arc<Node>, Failure> {
        let mut map = self.map.subscribe();
        let untold = timeout_at(deadline, map.wait_for(|map| !map.is_empty())).await.is_err();
        if untold {
            return Err(Failure::refused(self.trouble.lock().clone()));
        }
        loop {
            let host = map.borrow_and_update().node_of(slot).cloned();
            let lost = || Failure::refused("no node of the cluster has the log's slot");
            let host = host.ok_or_else(lost)?;
            let node = self.node_at(&host).ok_or_else(lost)?;
            tokio::select! {
                biased;
                ready = node.link.ready(deadline) => return ready.map(|()| node),
                _ = map.changed() => {}
            }
        }
    }

    /// Returns all nodes that have slots.
    ///
    /// # Errors
    /// Fails where one of them is not connected to, or slots have none.
    pub(super) fn all_nodes(&self) -> Result<Vec<Arc<Node>>, Failure> {
        if self.run().is_none() {
            return Err(Failure::refused("not every node of the cluster is connected to"));
        }
        let hosts = self.map.borrow().nodes();
        Ok(hosts.iter().filter_map(|host| self.node_at(host)).collect())
    }

    pub(super) async fn confirm(
        &self,
        names: &Names,
        answered: &Answered,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let unsure = |failure| Failure { maybe: true, ..failure };
        let node = self.node_of(names.slot, deadline).await.map_err(unsure)?;
        node.link.confirm(answered, &names.mark, deadline).await
    }

    /// Hears a stream's wake-ups from now on.
    pub(super) async fn hear(&self, level: &Level, deadline: Instant) -> Result<(), Failure> {
        let mut pause = Pause::default();
        loop {
            let node = self.node_of(level.names.slot, deadline).await?;
            match node.subscription.hear(level, deadline).await {
                Err(failure) if failure.redirect.is_some() => {
                    if let Some(Redirect::Moved(host)) = &failure.redirect {
                        self.moved(level.names.slot, host);
                    }
                    if timeout_at(deadline, sleep(pause.next())).await.is_err() {
                        return Err(failure);
                    }
                }
                other => return other,
            }
        }
    }

    pub(super) fn connections_made(&self) -> u64 {
        let nodes = self.nodes.lock();
        let now: u64 = nodes.values().map(|kept| kept.node.link.made()).sum();
        now + self.made_before.load(Ordering::Acquire)
    }

    /// Returns the run of all nodes, where every slot has one and each is connected to.
    pub(super) fn run(&self) -> Option<FleetRun> {
        // In this order, as everywhere: the map is changed while the nodes are held.
        let nodes = self.nodes.lock();
        let map = self.map.borrow();
        if map.missing() > 0 {
            return None;
        }
        let run = |host: Host| Some((host.clone(), nodes.get(&host)?.node.link.run()?));
        let runs: Option<BTreeMap<_, _>> = map.nodes().into_iter().map(run).collect();
        runs.map(FleetRun::of_nodes)
    }

    /// Returns how the cluster stands: unhealthy without any node, degraded without some.
    pub(super) fn standing(&self) -> (HealthState, Option<String>) {
        let nodes = self.nodes.lock();
        let mut ill: Vec<_> = nodes
            .iter()
            .map(|(host, kept)| (host, kept.node.standing()))
            .filter(|(_, (state, _))| *state != HealthState::Healthy)
            .map(|(host, (state, trouble))| (state == HealthState::Unhealthy, host, trouble))
            .collect();
        // Those that are lost are named first.
        ill.sort_by_key(|(is_lost, host, _)| (!is_lost, *host));
        let missing = self.map.borrow().missing();
        if nodes.is_empty() || ill.iter().filter(|(is_lost, ..)| *is_lost).count() == nodes.len() {
            let first = ill.into_iter().find_map(|(_, _, trouble)| trouble);
            let trouble = first.unwrap_or_else(|| self.trouble.lock().clone());
            return (HealthState::Unhealthy, Some(trouble));
        }
        let reason = match ill.first() {
            Some((_, Host { name, port }, trouble)) => {
                let (trouble, all) = (trouble.clone().unwrap_or_default(), nodes.len());
                let count = ill.len();
                format!("{count} of the cluster's {all} nodes: {name}:{port}: {trouble}")
            }
            None if missing > 0 => format!("no node of the cluster has {missing} of the slots"),
            None => return (HealthState::Healthy, None),
        };
        (HealthState::Degraded, Some(reason))
    }
}

fn slots_command() -> redis::Pipeline {
    let mut commands = redis::pipe();
    commands.cmd("CLUSTER").arg("SLOTS");
    commands
}

fn read_map(answer: Option<Value>, asked: &Host) -> Result<SlotMap, Failure> {
    match answer {
        Some(Value::ServerError(error)) => Err(Failure::from_redis(&error.into())),
        Some(answer) => {
            let map = SlotMap::read(answer, asked);
            map.ok_or_else(|| Failure::refused("Redis answered nonsense about the cluster's slots"))
        }
        None => Err(Failure::refused("Redis answered nothing about the cluster's slots")),
    }
}
