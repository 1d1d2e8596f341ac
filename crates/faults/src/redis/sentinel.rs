//! One primary, one replica and three sentinels that watch over them.

use std::net::SocketAddr;

use redis::{RedisResult, Value};

use super::{
    Patience,
    options::ServerOptions,
    server::{RedisServer, Role},
};

/// The name under which the sentinels know the primary.
pub const SERVICE: &str = "tidegate";

const SENTINELS: usize = 3;
const QUORUM: usize = 2;

/// How long a primary is silent before a sentinel takes it for down.
const DOWN_AFTER_MS: u64 = 500;

/// The set.
pub struct SentinelSet {
    /// The two servers with data; which one is the primary changes.
    pub servers: [RedisServer; 2],
    /// The sentinels.
    pub sentinels: Vec<RedisServer>,
    options: ServerOptions,
}

impl SentinelSet {
    /// Starts the set, and waits until a fail-over would work.
    pub async fn start() -> Self {
        SentinelSet::start_with(ServerOptions::default()).await
    }

    /// Starts the set with servers of these options; where they speak TLS, so do the sentinels.
    pub async fn start_with(options: ServerOptions) -> Self {
        let tls = options.tls.clone();
        let primary = RedisServer::start_with(options.clone()).await;
        let mut of_replica = options.clone();
        let of = ["--replicaof", "127.0.0.1", &primary.address().port().to_string()];
        of_replica.arguments.extend(of.map(str::to_owned));
        let replica = RedisServer::start_with(of_replica).await;
        let text = configuration(primary.address().port(), &options);
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            let role = || Role::Sentinel(text.clone());
            let of_sentinel = ServerOptions { tls: tls.clone(), ..ServerOptions::default() };
            sentinels.push(RedisServer::start_as(of_sentinel, role).await);
        }
        let set = SentinelSet { servers: [primary, replica], sentinels, options };
        set.settled().await;
        set
    }

    /// Returns the address for the backend, naming all sentinels.
    pub fn url(&self) -> String {
        let hosts: Vec<_> =
            self.sentinels.iter().map(|sentinel| sentinel.address().to_string()).collect();
        self.url_of(&hosts)
    }

    /// Returns the address for the backend, naming these hosts as the sentinels.
    pub fn url_of(&self, hosts: &[String]) -> String {
        let credentials = self.options.password.as_ref().map(|password| format!(":{password}@"));
        let credentials = credentials.unwrap_or_default();
        let scheme = if self.options.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}+sentinel://{credentials}{}/{SERVICE}", hosts.join(","))
    }

    /// Returns the index of the server that all sentinels which run call the primary.
    pub async fn primary(&self) -> Option<usize> {
        let mut agreed = None;
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.is_running()) {
            let named = named_by(sentinel).await?;
            let index = self.servers.iter().position(|server| server.address() == named)?;
            if *agreed.get_or_insert(index) != index {
                return None;
            }
        }
        agreed
    }

    /// Waits until another server than that one is the primary, to all sentinels and to itself.
    ///
    /// # Panics
    /// Panics where that does not come.
    pub async fn wait_for_other_than(&self, old: usize) -> usize {
        let (new, patience) = (1 - old, Patience::for_("another primary"));
        while self.primary().await != Some(new)
            || self.servers[new].info("role").await.as_deref() != Some("master")
        {
            patience.pause().await;
        }
        new
    }

    /// Waits until every sentinel knows the others and the replica, and the replica has its data.
    pub async fn settled(&self) {
        let patience = Patience::for_("sentinels that know each other");
        while !self.is_settled().await {
            patience.pause().await;
        }
    }

    async fn is_settled(&self) -> bool {
        for sentinel in &self.sentinels {
            let others = field_of(sentinel, "num-other-sentinels").await;
            let replicas = field_of(sentinel, "num-slaves").await;
            if (others.as_deref(), replicas.as_deref()) != (Some("2"), Some("1")) {
                return false;
            }
        }
        match self.primary().await {
            Some(primary) => self.replicates(primary).await,
            None => false,
        }
    }

    /// Starts a server that was killed, as the other one's replica: the sentinels would come to that
    /// too, after 20 seconds and more.
    pub async fn run_as_replica(&mut self, index: usize) {
        let primary = self.servers[1 - index].address().port().to_string();
        let replica = &mut self.servers[index];
        replica.add_arguments(&["--replicaof", "127.0.0.1", &primary]);
        replica.run().await;
        let patience = Patience::for_("a replica");
        while !self.replicates(1 - index).await {
            patience.pause().await;
        }
    }

    /// Waits until the other server has all that this one had when it was asked.
    pub async fn wait_for_data(&self, primary: usize) {
        let wanted = self.offset(primary).await.expect("a primary has an offset");
        let patience = Patience::for_("a replica with the data");
        while self.offset(1 - primary).await < Some(wanted) {
            patience.pause().await;
        }
    }

    async fn offset(&self, index: usize) -> Option<u64> {
        self.servers[index].info("master_repl_offset").await?.parse().ok()
    }

    async fn replicates(&self, primary: usize) -> bool {
        let replica = &self.servers[1 - primary];
        replica.info("role").await.as_deref() == Some("slave")
            && replica.info("master_link_status").await.as_deref() == Some("up")
            && replica.info("master_port").await
                == Some(self.servers[primary].address().port().to_string())
            && self.servers[primary].has_replica().await
    }

    /// Cuts the replica off from the primary, both running: what is written from now on is lost with
    /// the primary.
    pub async fn stop_replication(&self, primary: usize) {
        // It would come back at once, so it is given a password that its primary refuses.
        let mut wrong = redis::cmd("CONFIG");
        wrong.arg("SET").arg("masterauth").arg("wrong");
        self.servers[1 - primary].command::<()>(&mut wrong).await;
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("replica");
        let _: u64 = self.servers[primary].command(&mut kill).await;
    }
}

fn configuration(primary: u16, options: &ServerOptions) -> String {
    let mut text = format!("sentinel monitor {SERVICE} 127.0.0.1 {primary} {QUORUM}\n");
    let mut set = |line: String| text.push_str(&format!("sentinel {line}\n"));
    set(format!("down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}"));
    set(format!("failover-timeout {SERVICE} 3000"));
    set(format!("parallel-syncs {SERVICE} 1"));
    if let Some(password) = &options.password {
        set(format!("auth-pass {SERVICE} {password}"));
    }
    text
}

async fn named_by(sentinel: &RedisServer) -> Option<SocketAddr> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(SERVICE);
    let answer: RedisResult<(String, u16)> = sentinel.try_command(&mut ask).await;
    let (host, port) = answer.ok()?;
    Some(SocketAddr::new(host.parse().ok()?, port))
}

async fn field_of(sentinel: &RedisServer, field: &str) -> Option<String> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("MASTER").arg(SERVICE);
    let answer: RedisResult<std::collections::HashMap<String, Value>> =
        sentinel.try_command(&mut ask).await;
    let value = answer.ok()?.remove(field)?;
    redis::from_redis_value(value).ok()
}
