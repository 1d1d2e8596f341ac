//! The stack: everything a deployment is made of, on one machine and in one folder.
//!
//! Owns: which parts there are, where each listens, in what order they start and end. Each part has a
//! file of its own. Must not know: what the load is, which clients go to which arm.

mod begin;
mod chain;
mod database;
mod fault;
mod layout;
mod peer;
mod redis;
mod replica;
mod rollout;
mod router;
mod settings;
mod supervise;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use guard::Arm;
use tokio::task::JoinSet;

use self::{begin::Begin, chain::ChainNode, database::SurrealDb, redis::Redis, router::Router};
pub use self::{
    chain::Chain,
    database::Database,
    fault::Fault,
    layout::{Layout, Slot},
    replica::{Replica, ReplicaState, Stopped},
    rollout::{Rolled, Rollout},
    router::RouterFiles,
    settings::StackSettings,
};
use crate::{ServerProgram, StackError, http::Http, port::Port, processes::Processes};

/// A stack that runs. Dropping it kills all of its processes.
#[derive(Debug)]
pub struct Stack {
    // What is listed first ends first.
    _supervisors: JoinSet<()>,
    router: Router,
    replicas: Vec<Arc<Replica>>,
    redis: Option<Redis>,
    database: Option<SurrealDb>,
    _chain: Option<ChainNode>,
    settings: StackSettings,
    layout: Layout,
    ended_leftovers: Vec<String>,
    begin: Begin,
    http: Http,
    _bind: Port,
    /// Where the router's socket is, where that is not its own folder.
    _short: Option<tempfile::TempDir>,
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
        settings.check()?;
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
        // A binary that is not there is told before anything is started; one that is built anew in the
        // meantime is not the version that is there.
        let (stable, _) = begin.keep(&settings.stable)?;
        let settings = StackSettings { stable, ..settings };
        let redis = match &settings.redis {
            Some(program) => Some(Redis::start(program, &begin).await?),
            None => None,
        };
        let database = SurrealDb::start(&settings.database, &begin).await?;
        let chain = match &settings.chain {
            Some(chain) => Some(ChainNode::start(chain, &begin).await?),
            None => None,
        };
        let mut common = settings.settings.clone();
        redis.iter().for_each(|redis| redis.settings(&mut common));
        chain.iter().for_each(|chain| chain.settings(&mut common));
        settings.database.settings(database.as_ref(), redis.is_some(), &mut common);

        let (layout, bind, ports, short) = layout::layout(&settings, &begin)?;
        let mut replicas = Vec::new();
        for ((arm, slot), port) in layout.slots().zip(ports) {
            replicas.push(Replica::new(slot.name.clone(), arm, port, begin.clone())?);
        }
        let stable = replicas.iter().filter(|replica| replica.arm() == Arm::Stable);
        for replica in stable {
            replica.deploy(&settings.stable, common.clone()).await?;
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
            _chain: chain,
            settings: StackSettings { settings: common, ..settings },
            layout,
            ended_leftovers: found.ended,
            http: begin.http.clone(),
            begin,
            _bind: bind,
            _short: short,
        };
        for replica in stack.replicas_of(Arm::Stable) {
            stack.router.wait_until_up(replica).await?;
        }
        Ok(stack)
    }

    /// Keeps a binary, so that what is started of it later is what was named, whatever is built in the
    /// meantime.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn keep(&self, program: &ServerProgram) -> Result<ServerProgram, StackError> {
        self.begin.keep(program).map(|(kept, _)| kept)
    }

    /// Returns the version that is there.
    pub fn stable(&self) -> &ServerProgram {
        &self.settings.stable
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

    /// Returns whether Redis answers where replicas find it; nothing where there is none.
    pub(crate) async fn redis_answers(&self) -> Option<bool> {
        match &self.redis {
            Some(redis) => Some(redis.answers().await),
            None => None,
        }
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
