//! A cluster of three primaries, each with a third of the slots.

use std::collections::HashMap;

use redis::RedisResult;

use super::{
    Patience,
    options::ServerOptions,
    server::{RedisServer, Role},
};
use crate::port::lasting_port;

/// How many primaries a cluster has.
pub const NODES: usize = 3;

/// How many slots a cluster has.
pub const SLOTS: u16 = 16384;

/// The cluster.
pub struct RedisCluster {
    /// The primaries, and after them the replicas.
    pub nodes: Vec<RedisServer>,
    options: ServerOptions,
}

impl RedisCluster {
    /// Starts the cluster, and waits until every node says that it is whole.
    pub async fn start() -> Self {
        RedisCluster::start_with(ServerOptions::default()).await
    }

    /// Starts the cluster with nodes of these options.
    pub async fn start_with(options: ServerOptions) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let role = || Role::Node { bus: lasting_port() };
            nodes.push(RedisServer::start_as(options.clone(), role).await);
        }
        let cluster = RedisCluster { nodes, options };
        cluster.join().await;
        cluster.settled().await;
        cluster
    }

    async fn join(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let (first, last) = slots_at_start(index);
            let mut add = redis::cmd("CLUSTER");
            add.arg("ADDSLOTSRANGE").arg(first).arg(last);
            node.command::<()>(&mut add).await;
            let mut epoch = redis::cmd("CLUSTER");
            epoch.arg("SET-CONFIG-EPOCH").arg(index + 1);
            node.command::<()>(&mut epoch).await;
        }
        for node in &self.nodes[1..] {
            self.meet(node).await;
        }
    }

    async fn meet(&self, node: &RedisServer) {
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET").arg("127.0.0.1").arg(node.address().port()).arg(node.bus());
        self.nodes[0].command::<()>(&mut meet).await;
    }

    /// Adds a node without slots, and returns its index.
    pub async fn add_node(&mut self) -> usize {
        let role = || Role::Node { bus: lasting_port() };
        let node = RedisServer::start_as(self.options.clone(), role).await;
        self.meet(&node).await;
        self.nodes.push(node);
        self.settled().await;
        self.nodes.len() - 1
    }

    /// Adds a replica of a primary, and waits until it has its data.
    pub async fn add_replica(&mut self, of: usize) {
        let added = self.add_node().await;
        let (id, replica) = (self.id(of).await, &self.nodes[added]);
        let mut replicate = redis::cmd("CLUSTER");
        replica.command::<()>(replicate.arg("REPLICATE").arg(id)).await;
        let patience = Patience::for_("a replica with its data");
        while replica.info("master_link_status").await.as_deref() != Some("up")
            || !self.nodes[of].has_replica().await
        {
            patience.pause().await;
        }
    }

    /// Waits until this node is a primary.
    pub async fn wait_for_primary(&self, index: usize) {
        let patience = Patience::for_("a replica that takes over");
        while self.nodes[index].info("role").await.as_deref() != Some("master") {
            patience.pause().await;
        }
    }

    /// Waits until every node knows all others and all slots.
    pub async fn settled(&self) {
        let patience = Patience::for_("a whole cluster");
        for node in &self.nodes {
            while !is_whole(node, self.nodes.len()).await {
                patience.pause().await;
            }
        }
    }

    /// Waits until every other node takes this one for failed.
    pub async fn wait_for_loss_of(&self, index: usize) {
        let patience = Patience::for_("a loss that is known");
        for (number, node) in self.nodes.iter().enumerate() {
            while number != index
                && node.is_running()
                && cluster_info(node).await.get("cluster_slots_fail").is_none_or(|n| n == "0")
            {
                patience.pause().await;
            }
        }
    }

    /// Returns the address for the backend, naming all nodes.
    pub fn url(&self) -> String {
        self.url_as("")
    }

    /// Returns the address for the backend with these credentials, as `USER:PASSWORD@`.
    pub fn url_as(&self, credentials: &str) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        let scheme = if self.options.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}+cluster://{credentials}{}/", hosts.join(","))
    }

    /// Returns the slot of a key.
    pub async fn slot(&self, key: &str) -> u16 {
        let mut slot = redis::cmd("CLUSTER");
        let node = self.nodes.iter().find(|node| node.is_running()).expect("a node runs");
        node.command(slot.arg("KEYSLOT").arg(key)).await
    }

    /// Returns the index of the node that had this slot when the cluster started.
    pub fn node_at_start(&self, slot: u16) -> usize {
        let has = |&index: &usize| {
            let (first, last) = slots_at_start(index);
            (first..=last).contains(&slot)
        };
        (0..NODES).find(has).expect("every slot has a node")
    }

    /// Begins to move a slot: from now on one node answers `ASK` for what it has not any more.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (from_id, to_id) = (self.id(from).await, self.id(to).await);
        let set = |state: &str, id: &str| {
            let mut set = redis::cmd("CLUSTER");
            set.arg("SETSLOT").arg(slot).arg(state).arg(id);
            set
        };
        self.nodes[to].command::<()>(&mut set("IMPORTING", &from_id)).await;
        self.nodes[from].command::<()>(&mut set("MIGRATING", &to_id)).await;
    }

    /// Moves what is in a slot that is on its way.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let port = self.nodes[to].address().port();
        loop {
            let mut list = redis::cmd("CLUSTER");
            list.arg("GETKEYSINSLOT").arg(slot).arg(100);
            let keys: Vec<String> = self.nodes[from].command(&mut list).await;
            if keys.is_empty() {
                return;
            }
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(port).arg("").arg(0).arg(5000).arg("KEYS").arg(keys);
            self.nodes[from].command::<()>(&mut migrate).await;
        }
    }

    /// Moves what is in a slot, and ends the move.
    pub async fn end_move(&self, slot: u16, from: usize, to: usize) {
        self.move_keys(slot, from, to).await;
        let id = self.id(to).await;
        for node in [to, from].into_iter().chain((0..NODES).filter(|n| ![to, from].contains(n))) {
            let mut set = redis::cmd("CLUSTER");
            set.arg("SETSLOT").arg(slot).arg("NODE").arg(&id);
            self.nodes[node].command::<()>(&mut set).await;
        }
    }

    /// Waits until a node has answered with this error.
    pub async fn wait_for_error(&self, index: usize, code: &str) {
        let (patience, field) = (Patience::for_("an error"), format!("errorstat_{code}"));
        while self.nodes[index].info(&field).await.is_none() {
            patience.pause().await;
        }
    }

    async fn id(&self, index: usize) -> String {
        self.nodes[index].command(redis::cmd("CLUSTER").arg("MYID")).await
    }
}

fn slots_at_start(index: usize) -> (u16, u16) {
    let bound = |index: usize| (usize::from(SLOTS) * index / NODES) as u16;
    (bound(index), bound(index + 1) - 1)
}

async fn is_whole(node: &RedisServer, nodes: usize) -> bool {
    let info = cluster_info(node).await;
    let says = |field: &str, value: &str| info.get(field).is_some_and(|known| known == value);
    says("cluster_state", "ok")
        && says("cluster_known_nodes", &nodes.to_string())
        && says("cluster_slots_ok", &SLOTS.to_string())
}

async fn cluster_info(node: &RedisServer) -> HashMap<String, String> {
    let info: RedisResult<String> = node.try_command(redis::cmd("CLUSTER").arg("INFO")).await;
    let info = info.unwrap_or_default();
    let fields = info.lines().filter_map(|line| line.trim().split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
