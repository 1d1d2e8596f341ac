//! Tidegate with the Redis backend: a `redis-server` of the measurement's own with one replica or
//! two, and the limit beside them, its append function alone.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use tempfile::TempDir;

use super::{Facts, LOOK_EVERY, START_TIME_MAX, Server, Setup, ports, tidegate};
use crate::{
    error::BenchError,
    process::{Daemon, connections_to, find_program},
    stop::Stop,
};

const ADVICE: &str = "apt-get install redis-server redis-tools";

/// How many processes of ours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replicas {
    One,
    /// Events are published to one, and read from the other.
    Two,
    /// Events are published to one, and read from both.
    Both,
}

/// The Redis that processes of ours share.
#[derive(Clone, Debug)]
pub(crate) struct SharedRedis {
    at: SocketAddr,
    replicas: Vec<u32>,
}

impl SharedRedis {
    /// Returns how many connections to it each process has.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.replicas.iter().map(|&pid| connections_to(pid, self.at.port())).collect()
    }
}

/// The append function of a Redis, as something to be measured by itself.
#[derive(Clone, Debug)]
pub(crate) struct RedisFunction {
    /// Where Redis is.
    pub(crate) redis: SocketAddr,
    /// The program that calls it.
    pub(crate) benchmark: PathBuf,
    /// How many events of a stream are kept.
    pub(crate) events_max: u64,
}

pub(super) fn start(
    setup: &Setup,
    folder: TempDir,
    replicas: Replicas,
    stop: &Stop,
) -> Result<Server, BenchError> {
    let (redis, redis_daemon) = start_redis(folder.path(), stop)?;
    let url = format!("redis://{redis}/");
    let first = folder_in(folder.path(), "first")?;
    let (publish_at, daemon) = tidegate::serve(&first, tidegate::config(setup, Some(&url)))?;
    let other = match replicas {
        Replicas::One => None,
        Replicas::Two | Replicas::Both => {
            let second = folder_in(folder.path(), "second")?;
            Some(tidegate::serve(&second, tidegate::config(setup, Some(&url)))?)
        }
    };
    let subscribe_at = other.as_ref().map_or(publish_at, |(at, _)| *at);
    let version = env!("CARGO_PKG_VERSION");
    let (name, what) = match replicas {
        Replicas::One => ("tidegate-redis", "one process"),
        Replicas::Two => ("tidegate-redis-two", "published to one process, read from another"),
        Replicas::Both => ("tidegate-redis-both", "published to one process, read from two"),
    };
    let about = format!("{version} serve, {what}, a Redis without persistence");
    let dialect = tidegate::dialect(setup.transport, setup.payloads.clone());
    let facts = Facts { name, about, at: (subscribe_at, publish_at) };
    let mut server = facts.running(dialect, daemon, folder);
    server.also_at = (replicas == Replicas::Both).then_some(publish_at);
    server.pids.extend(other.as_ref().map(|(_, daemon)| daemon.pid()));
    server.shared = Some(SharedRedis { at: redis, replicas: server.pids.clone() });
    server.pids.push(redis_daemon.pid());
    Ok(server.keeping(other).keeping(redis_daemon))
}

/// Starts one replica, which loads the function, so that it is the very same.
pub(super) fn start_function(
    setup: &Setup,
    folder: TempDir,
    stop: &Stop,
) -> Result<Server, BenchError> {
    let (redis, redis_daemon) = start_redis(folder.path(), stop)?;
    let first = folder_in(folder.path(), "first")?;
    let config = tidegate::config(setup, Some(&format!("redis://{redis}/")));
    let (at, daemon) = tidegate::serve(&first, config)?;
    let about = "the append function alone, one connection, as many calls in flight".to_owned();
    let dialect = tidegate::dialect(setup.transport, setup.payloads.clone());
    let facts = Facts { name: "redis-function", about, at: (at, at) };
    let mut server = facts.running(dialect, daemon, folder);
    server.pids = vec![redis_daemon.pid()];
    let benchmark = program("redis-benchmark")?;
    let events_max = tidegate::events_max(setup);
    server.function = Some(RedisFunction { redis, benchmark, events_max });
    Ok(server.keeping(redis_daemon))
}

fn program(name: &'static str) -> Result<PathBuf, BenchError> {
    let missing =
        || BenchError::Missing { server: "Redis", missing: name.to_owned(), advice: ADVICE };
    find_program(name).ok_or_else(missing)
}

pub(super) fn folder_in(folder: &Path, name: &str) -> Result<PathBuf, BenchError> {
    let folder = folder.join(name);
    fs::create_dir(&folder).map_err(BenchError::file(&folder))?;
    Ok(folder)
}

pub(super) fn start_redis(folder: &Path, stop: &Stop) -> Result<(SocketAddr, Daemon), BenchError> {
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    let folder = folder_in(folder, "redis")?;
    let mut command = Command::new(program("redis-server")?);
    command.args(["--bind", "127.0.0.1", "--port", &at.port().to_string()]);
    command.args(["--save", "", "--appendonly", "no"]).arg("--dir").arg(&folder);
    let daemon = Daemon::start(command, &folder);
    let mut daemon = daemon.map_err(BenchError::machine("redis-server can't be started"))?;
    let deadline = Instant::now() + START_TIME_MAX;
    while TcpStream::connect(at).is_err() {
        stop.check()?;
        if daemon.is_gone() || Instant::now() >= deadline {
            let what = format!("does not start: {}", daemon.log_end());
            return Err(BenchError::Unreachable { server: "redis-server".to_owned(), what });
        }
        stop.wait(LOOK_EVERY);
    }
    Ok((at, daemon))
}
