//! Tidegate as chat's servers: one process or two, with the database and the Redis that they share.

use std::{net::SocketAddr, path::Path, time::Instant};

use tempfile::TempDir;

use super::{
    LOOK_EVERY, Opening, START_TIME_MAX, probe,
    redis::{folder_in, start_redis},
    surreal,
    tidegate::{self, Config, EVENTS_PER_SECOND},
};
use crate::{args::Database, error::BenchError, process::Daemon, stop::Stop};

/// What chat's servers are configured for.
#[derive(Clone, Debug)]
pub(crate) struct ChatSetup<'a> {
    pub(crate) database: Database,
    pub(crate) surreal: Option<&'a Path>,
    pub(crate) replicas: u8,
    /// Where messages are kept.
    pub(crate) dir: Option<&'a Path>,
    /// The keys of all users, as the setting has them.
    pub(crate) keys: String,
    /// How many streams there may be at one time.
    pub(crate) streams: u32,
}

/// Processes that serve chat; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct ChatServers {
    /// What runs.
    pub(crate) about: String,
    /// Where each replica listens.
    pub(crate) replicas: Vec<SocketAddr>,
    /// The processes of ours.
    pub(crate) ours: Vec<u32>,
    pub(crate) database: Option<u32>,
    pub(crate) redis: Option<u32>,
    /// In the order in which they end: whoever uses another one before it.
    daemons: Vec<Daemon>,
    folder: TempDir,
}

impl ChatServers {
    /// Starts them, and waits until each serves.
    ///
    /// # Errors
    /// Fails where a program is not there, or does not come up.
    pub(crate) fn start(setup: &ChatSetup<'_>, stop: &Stop) -> Result<Self, BenchError> {
        let mut named = tempfile::Builder::new();
        let folder = match setup.dir {
            Some(dir) => named.prefix("tidegate-bench-").tempdir_in(dir),
            None => named.prefix("tidegate-bench-").tempdir(),
        };
        let folder = folder.map_err(BenchError::machine("a temporary folder can't be made"))?;
        let mut config = Config::quiet(setup.streams.max(10_000), EVENTS_PER_SECOND);
        config.text("tidegate_keys", &setup.keys);
        let mut shared = Vec::new();
        let database = set_database(&mut config, setup, folder.path(), stop)?;
        let database = database.map(|daemon| keep(&mut shared, daemon));
        let mut redis = None;
        if setup.replicas > 1 {
            let (at, daemon) = start_redis(folder.path(), stop)?;
            config.text("chat_realtime_transport", "redis");
            config.text("redis_url", &format!("redis://{at}/"));
            redis = Some(keep(&mut shared, daemon));
        }
        let mut servers = ChatServers {
            about: about(setup),
            replicas: Vec::new(),
            ours: Vec::new(),
            database,
            redis,
            daemons: Vec::new(),
            folder,
        };
        for replica in 0..setup.replicas {
            let own = folder_in(servers.folder.path(), &format!("replica-{replica}"))?;
            let (at, daemon) = tidegate::serve(&own, config.clone())?;
            servers.replicas.push(at);
            servers.ours.push(keep(&mut servers.daemons, daemon));
            // One after the other: the first one migrates, and a second would wait for it all the same.
            servers.wait(stop)?;
        }
        servers.daemons.append(&mut shared);
        Ok(servers)
    }

    /// Waits until the replica that was started last serves.
    fn wait(&mut self, stop: &Stop) -> Result<(), BenchError> {
        let ready = "GET /ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".to_owned();
        let ready = Opening::sse(ready, "");
        let deadline = Instant::now() + START_TIME_MAX;
        let (Some(at), Some(daemon)) = (self.replicas.last(), self.daemons.last_mut()) else {
            return Ok(());
        };
        loop {
            let answer = probe(*at, &ready);
            if answer.as_ref().is_ok_and(|line| line.contains(" 200 ")) {
                return Ok(());
            }
            stop.check()?;
            if daemon.is_gone() || Instant::now() >= deadline {
                let what = format!("is not ready ({answer:?}): {}", daemon.log_end());
                return Err(BenchError::Unreachable { server: "tidegate".to_owned(), what });
            }
            stop.wait(LOOK_EVERY);
        }
    }
}

/// Sets the database, and starts its server where it has one.
fn set_database(
    config: &mut Config,
    setup: &ChatSetup<'_>,
    folder: &Path,
    stop: &Stop,
) -> Result<Option<Daemon>, BenchError> {
    match setup.database {
        Database::Embedded => config.text("data_backend", "embedded"),
        Database::Memory => config.text("data_backend", "memory"),
        Database::Surreal => {
            let (at, daemon) = surreal::start(setup.surreal, &folder.join("surreal"), stop)?;
            config.text("data_backend", "surreal");
            config.text("surreal_endpoint", &format!("ws://{at}"));
            config.text("surreal_user", surreal::USER);
            config.text("surreal_pass", surreal::PASSWORD);
            return Ok(Some(daemon));
        }
    }
    Ok(None)
}

fn keep(daemons: &mut Vec<Daemon>, daemon: Daemon) -> u32 {
    let pid = daemon.pid();
    daemons.push(daemon);
    pid
}

fn about(setup: &ChatSetup<'_>) -> String {
    let database = match setup.database {
        Database::Embedded => "SurrealDB embedded, on SurrealKV",
        Database::Memory => "SurrealDB embedded, in memory",
        Database::Surreal => "a SurrealDB server on SurrealKV",
    };
    let processes = match setup.replicas {
        1 => "one process",
        _ => "two processes with a Redis without persistence",
    };
    format!("{} serve, {processes}, {database}", env!("CARGO_PKG_VERSION"))
}
