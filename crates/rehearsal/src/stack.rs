//! The stack: everything a deployment is made of, on one machine and in one folder.
//!
//! Owns: which parts there are, where each listens, in what order they start and end. Each part has a
//! file of its own. Must not know: what the load is, which clients go to which arm.

mod begin;
mod database;
mod fault;
mod peer;
mod redis;
mod replica;
mod rollout;
mod router;
mod supervise;

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use guard::Arm;
use tokio::task::JoinSet;

use self::{begin::Begin, database::SurrealDb, redis::Redis, router::Router};
pub use self::{
    database::Database,
    fault::Fault,
    replica::{Replica, ReplicaState, Stopped},
    rollout::{Rolled, Rollout},
    router::{RouterFiles, router_essence},
};
use crate::{
    ServerProgram, StackError, baseline::masked, http::Http, port::Port, processes::Processes,
};

/// The longest path of a socket that HAProxy takes, with what it adds while it begins.
const SOCKET_BYTES_MAX: usize = 90;

/// What a stack is made of.
#[derive(Clone)]
pub struct StackSettings {
    /// Where its files go; one stack at a time is in a folder.
    pub folder: PathBuf,
    /// The version that is there.
    pub stable: ServerProgram,
    /// How many replicas of it there are.
    pub stable_replicas: usize,
    /// For how many replicas of the new version there is a place in the router.
    pub canary_replicas: usize,
    /// Settings of every replica, beside those that the stack gives each: address, state folder, and
    /// where Redis and the database are. An empty value, as that of `REDIS_URL`, leaves a setting out.
    pub settings: BTreeMap<String, String>,
    /// How long a replica may take to end.
    pub drain: Duration,
    /// How long a process may take to be ready.
    pub start_max: Duration,
    /// `redis-server`, by name or path; none for a stack without Redis.
    pub redis: Option<PathBuf>,
    /// What keeps chat's messages.
    pub database: Database,
    /// `haproxy`, by name or path.
    pub haproxy: PathBuf,
}

/// Where everything is, before anything runs: what the router's configuration is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The router's folder, for its configuration and maps.
    pub folder: PathBuf,
    /// Where clients come to.
    pub bind: SocketAddr,
    /// Where the router's runtime socket is to be.
    pub socket: PathBuf,
    /// Replicas of the version that is there.
    pub stable: Vec<Slot>,
    /// Places for replicas of the new version.
    pub canary: Vec<Slot>,
}

/// A replica's place, whether one runs there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The replica's name, by which the router knows it too.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A stack that runs. Dropping it kills all of its processes.
#[derive(Debug)]
pub struct Stack {
    // What is listed first ends first.
    _supervisors: JoinSet<()>,
    router: Router,
    replicas: Vec<Arc<Replica>>,
    redis: Option<Redis>,
    database: Option<SurrealDb>,
    settings: StackSettings,
    layout: Layout,
    ended_leftovers: Vec<String>,
    http: Http,
    _bind: Port,
}

impl StackSettings {
    /// Returns settings for two replicas of a server, one place for a candidate, Redis, and no
    /// database.
    pub fn new(folder: impl Into<PathBuf>, stable: ServerProgram) -> Self {
        StackSettings {
            folder: folder.into(),
            stable,
            stable_replicas: 2,
            canary_replicas: 1,
            settings: BTreeMap::new(),
            drain: Duration::from_secs(5),
            start_max: Duration::from_secs(60),
            redis: Some(PathBuf::from("redis-server")),
            database: Database::None,
            haproxy: PathBuf::from("haproxy"),
        }
    }
}

impl Stack {
    /// Starts everything but the candidate, and waits until the router has every replica. What a killed
    /// rehearsal left in the folder is ended first.
    ///
    /// `configure` writes the router's files into `Layout::folder`.
    ///
    /// # Errors
    /// Fails where a program is missing, and where a part does not start, with what that wrote last.
    pub async fn start(
        settings: StackSettings,
        configure: impl FnOnce(&Layout) -> Result<RouterFiles, String>,
    ) -> Result<Self, StackError> {
        if settings.stable_replicas == 0 || settings.canary_replicas == 0 {
            let why = "a stack has one stable replica and a place for one candidate at least";
            return Err(StackError::Settings(why.into()));
        }
        let folder = made(&settings.folder)?;
        let settings = StackSettings { folder: folder.clone(), ..settings };
        let (processes, found) = Processes::open(&folder)?;
        let begin = Begin {
            folder,
            was_used: found.was_used,
            http: Http::new(),
            processes: Arc::new(processes),
            drain: settings.drain,
            start_max: settings.start_max,
        };
        let digest = settings.stable.digest()?;
        let redis = match &settings.redis {
            Some(program) => Some(Redis::start(program, &begin).await?),
            None => None,
        };
        let database = SurrealDb::start(&settings.database, &begin).await?;
        let mut common = settings.settings.clone();
        redis.iter().for_each(|redis| redis.settings(&mut common));
        settings.database.settings(database.as_ref(), redis.is_some(), &mut common);

        let (layout, bind, ports) = layout(&settings, &begin)?;
        let mut replicas = Vec::new();
        for ((arm, slot), port) in layout.slots().zip(ports) {
            replicas.push(Replica::new(slot.name.clone(), arm, port, begin.clone())?);
        }
        let stable = replicas.iter().filter(|replica| replica.arm() == Arm::Stable);
        for replica in stable {
            replica.deploy(&settings.stable, digest, common.clone()).await?;
        }
        let router = Router::start(&settings.haproxy, &layout, configure, &begin).await?;
        let replicas: Vec<_> = replicas.into_iter().map(Arc::new).collect();
        let mut supervisors = JoinSet::new();
        for replica in &replicas {
            supervisors.spawn(supervise::watch(Arc::downgrade(replica)));
        }
        let stack = Stack {
            _supervisors: supervisors,
            router,
            replicas,
            redis,
            database,
            settings: StackSettings { settings: common, ..settings },
            layout,
            ended_leftovers: found.ended,
            http: begin.http,
            _bind: bind,
        };
        for replica in stack.replicas_of(Arm::Stable) {
            stack.router.wait_until_up(replica).await?;
        }
        Ok(stack)
    }

    /// Returns where everything is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns where clients come to.
    pub fn address(&self) -> SocketAddr {
        self.layout.bind
    }

    /// Returns every replica, those too that were never started.
    pub fn replicas(&self) -> &[Arc<Replica>] {
        &self.replicas
    }

    /// Returns those of one arm.
    pub fn replicas_of(&self, arm: Arm) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().map(|replica| &**replica).filter(move |it| it.arm() == arm)
    }

    /// Returns one by its name.
    ///
    /// # Errors
    /// Fails where there is none.
    pub fn replica(&self, name: &str) -> Result<&Replica, StackError> {
        let found = self.replicas.iter().find(|replica| replica.name() == name);
        found.map(|replica| &**replica).ok_or_else(|| StackError::NoSuch(format!("replica {name}")))
    }

    /// Returns how often replicas of an arm ended by themselves, or were found dead.
    pub fn restarts(&self, arm: Arm) -> u64 {
        self.replicas_of(arm).map(Replica::restarts).sum()
    }

    /// Returns the names of the processes of an earlier rehearsal that were ended at the start.
    pub fn ended_leftovers(&self) -> &[String] {
        &self.ended_leftovers
    }

    /// Returns the settings that every replica begins with, secrets among them.
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings.settings
    }

    /// Returns where Redis is for replicas, where there is one.
    pub fn redis_url(&self) -> Option<String> {
        self.redis.as_ref().map(Redis::url)
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Ends everything in order: replicas first, which drain, then what they need. Returns how each
    /// replica that ran ended.
    pub async fn end(self) -> Vec<(String, Stopped)> {
        let mut ending = JoinSet::new();
        for replica in &self.replicas {
            let replica = Arc::clone(replica);
            ending.spawn(async move { (replica.name().to_owned(), replica.stop().await) });
        }
        let ended = ending.join_all().await;
        ended.into_iter().filter_map(|(name, stopped)| Some((name, stopped?))).collect()
    }
}

impl fmt::Debug for StackSettings {
    /// Secrets among the settings are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = masked(self.settings.clone());
        let mut shown = f.debug_struct("StackSettings");
        shown.field("folder", &self.folder).field("stable", &self.stable);
        shown.field("settings", &settings).finish_non_exhaustive()
    }
}

impl Layout {
    fn slots(&self) -> impl Iterator<Item = (Arm, &Slot)> {
        let stable = self.stable.iter().map(|slot| (Arm::Stable, slot));
        stable.chain(self.canary.iter().map(|slot| (Arm::Canary, slot)))
    }
}

/// Takes a port for each replica and for the router.
fn layout(
    settings: &StackSettings,
    begin: &Begin,
) -> Result<(Layout, Port, Vec<Port>), StackError> {
    let folder = begin.folder("router")?;
    let socket = folder.join("haproxy.sock");
    if socket.as_os_str().len() > SOCKET_BYTES_MAX {
        return Err(StackError::Settings(format!(
            "the path of the router's socket, {}, is too long for a socket; name a folder with a \
             shorter path",
            socket.display()
        )));
    }
    let bind = Port::take()?;
    let mut ports = Vec::new();
    let mut slots = |arm: &str, count: usize| -> Result<Vec<Slot>, StackError> {
        let slot = |number| {
            ports.push(Port::take()?);
            let address = ports[ports.len() - 1].address();
            Ok(Slot { name: format!("{arm}-{number}"), address })
        };
        (1..=count).map(slot).collect()
    };
    let stable = slots("stable", settings.stable_replicas)?;
    let canary = slots("canary", settings.canary_replicas)?;
    Ok((Layout { folder, bind: bind.address(), socket, stable, canary }, bind, ports))
}

/// Makes a folder and returns its whole path.
fn made(folder: &Path) -> Result<PathBuf, StackError> {
    let made = fs::create_dir_all(folder).and_then(|()| fs::canonicalize(folder));
    made.map_err(StackError::file(folder, "made"))
}

/// What parts beside the replicas say of themselves.
pub(crate) struct Parts {
    pub(crate) router_configuration: evidence::Hash,
    pub(crate) router_version: String,
    pub(crate) redis_version: Option<String>,
    pub(crate) database: &'static str,
    pub(crate) database_version: Option<String>,
}

impl Stack {
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            router_configuration: self.router.digest,
            router_version: self.router.version.clone(),
            redis_version: self.redis.as_ref().map(|redis| redis.version.clone()),
            database: self.settings.database.as_str(),
            database_version: self.database.as_ref().map(|database| database.version.clone()),
        }
    }
}
