//! The servers that can be measured: how each is started, spoken to and accounted for.
//!
//! A server is a [`Dialect`], which writes requests and is pure, and the processes that answer them.

mod chat;
mod custom;
mod floor;
mod nchan;
mod ports;
mod pushpin;
mod redis;
mod surreal;
mod tidegate;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub(crate) use self::{
    chat::{ChatServers, ChatSetup},
    redis::{RedisFunction, SharedRedis},
};
use crate::{
    args::{ServerName, Transport, WorkName},
    error::BenchError,
    payload::Payloads,
    process::Daemon,
    stamp::Stamp,
    stop::Stop,
};

/// How long a server may take until it answers.
const START_TIME_MAX: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a server is configured for.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) transport: Transport,
    pub(crate) payloads: Payloads,
    /// How many streams there are.
    pub(crate) streams: u32,
    /// How many readers and other connections there may be at one time.
    pub(crate) connections: u32,
    /// How many events of a stream must be kept for readers that are behind or come back.
    pub(crate) events_kept: u64,
    /// How many of them a reader that comes back has missed.
    pub(crate) events_back: u64,
    /// How many events are published with one request, at most.
    pub(crate) list_max: usize,
    /// How many cores the machine has.
    pub(crate) cores: usize,
    /// Limits that are to be met; without them, limits are out of the way of what is measured.
    pub(crate) limits: Option<Limits>,
}

/// Limits of a server's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Events that a stream takes in a second.
    pub(crate) events_per_second: u32,
    /// How long an event is kept.
    pub(crate) window_seconds: u32,
    /// How long a reader may be behind.
    pub(crate) lag_seconds: u32,
}

/// Where a reader begins.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    /// With what comes from now on.
    Live,
    /// With so many events that have passed, after the cursor if the server has cursors.
    Back { events: u64, cursor: Option<String> },
}

/// How a reader's stream is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) request: Vec<u8>,
    /// The status that means yes.
    pub(crate) status: u16,
    /// What is sent once the head of the answer is there.
    pub(crate) then: Option<Vec<u8>>,
    /// What is received, behind the head, once the stream is open; nothing where the head says so.
    pub(crate) ready: Vec<u8>,
}

impl Opening {
    /// Returns the opening of a stream by an ordinary request.
    pub(crate) fn sse(request: String, ready: &str) -> Self {
        let ready = ready.as_bytes().to_vec();
        Opening { request: request.into_bytes(), status: 200, then: None, ready }
    }

    /// Returns the opening of a WebSocket.
    pub(crate) fn ws(request: String, then: Option<Vec<u8>>, ready: &str) -> Self {
        let ready = ready.as_bytes().to_vec();
        Opening { request: request.into_bytes(), status: 101, then, ready }
    }
}

/// Requests that publish events, and how many answers they get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Publishing {
    pub(crate) bytes: Vec<u8>,
    pub(crate) answers: usize,
}

impl Publishing {
    /// Adds a `POST`.
    fn post(&mut self, path: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {length}\r\n\r\n"
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(body);
        self.answers += 1;
    }
}

/// Writes requests as a server wants them. Pure.
pub(crate) trait Dialect: Send + Sync {
    /// Returns how a stream is opened.
    fn open(&self, stream: u32, begin: &Begin) -> Opening;

    /// Returns the requests that publish these events in this order; those of one stream are
    /// neighbours.
    fn publish(&self, events: &[Stamp]) -> Publishing;

    /// Returns the cursor of the last event of a list, as the answer to it tells.
    fn cursor(&self, _answer: &[u8]) -> Option<String> {
        None
    }
}

/// A server that runs; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) name: String,
    /// What runs, and what is special about its configuration.
    pub(crate) about: String,
    pub(crate) subscribe_at: SocketAddr,
    /// Where every other reader of a stream goes, if not there too.
    pub(crate) also_at: Option<SocketAddr>,
    pub(crate) publish_at: SocketAddr,
    pub(crate) dialect: Box<dyn Dialect>,
    /// How many streams it can open at one time.
    pub(crate) at_once_max: u32,
    /// The processes whose work is counted, with all their descendants.
    pub(crate) pids: Vec<u32>,
    /// The Redis whose append function is measured in the server's place.
    pub(crate) function: Option<RedisFunction>,
    /// The Redis that the server's processes share.
    pub(crate) shared: Option<SharedRedis>,
    daemon: Option<Daemon>,
    /// What must live as long as the server.
    kept: Vec<Box<dyn Send + Sync>>,
}

impl Server {
    /// Keeps something for as long as the server.
    fn keeping(mut self, what: impl Send + Sync + 'static) -> Self {
        self.kept.push(Box::new(what));
        self
    }

    /// Waits until a stream can be opened.
    fn wait(mut self, stop: &Stop) -> Result<Self, BenchError> {
        let deadline = Instant::now() + START_TIME_MAX;
        let opening = self.dialect.open(0, &Begin::Live);
        loop {
            let answer = probe(self.subscribe_at, &opening);
            let can_publish = TcpStream::connect(self.publish_at).is_ok();
            let status = format!(" {} ", opening.status);
            if can_publish && answer.as_ref().is_ok_and(|line| line.contains(&status)) {
                return Ok(self);
            }
            stop.check()?;
            let gone = self.daemon.as_mut().is_some_and(Daemon::is_gone);
            if gone || Instant::now() >= deadline {
                return Err(self.did_not_start(gone, answer));
            }
            stop.wait(LOOK_EVERY);
        }
    }

    fn did_not_start(&self, gone: bool, answer: std::io::Result<String>) -> BenchError {
        let log = self.daemon.as_ref().map(Daemon::log_end).unwrap_or_default();
        let what = match (gone, answer) {
            (true, _) => format!("ended at its start: {log}"),
            (false, Ok(line)) => format!("does not open a stream, it answers {line:?}: {log}"),
            (false, Err(error)) => format!("can't be reached ({error}): {log}"),
        };
        BenchError::Unreachable { server: self.name.clone(), what }
    }
}

/// What a server is called, and where it listens: for readers, and for publishers.
struct Facts<'a> {
    name: &'a str,
    about: String,
    at: (SocketAddr, SocketAddr),
}

impl Facts<'_> {
    fn running(self, dialect: impl Dialect + 'static, daemon: Daemon, folder: TempDir) -> Server {
        let (subscribe_at, publish_at) = self.at;
        Server {
            name: self.name.to_owned(),
            about: self.about,
            subscribe_at,
            also_at: None,
            publish_at,
            dialect: Box::new(dialect),
            at_once_max: u32::MAX,
            pids: vec![daemon.pid()],
            function: None,
            shared: None,
            daemon: Some(daemon),
            kept: vec![Box::new(folder)],
        }
    }
}

/// Asks for a stream and returns the first line of the answer.
fn probe(address: SocketAddr, opening: &Opening) -> std::io::Result<String> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(&opening.request)?;
    let mut head = [0; 256];
    let read = stream.read(&mut head)?;
    let text = String::from_utf8_lossy(&head[..read]);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Starts a server with a configuration of its own, and waits until it answers.
///
/// # Errors
/// Fails where it is not installed or does not come up.
pub(crate) fn start(
    name: ServerName,
    setup: &Setup,
    custom: Option<&Path>,
    stop: &Stop,
) -> Result<Server, BenchError> {
    let folder = tempfile::Builder::new().prefix("tidegate-bench-").tempdir();
    let folder = folder.map_err(BenchError::machine("a temporary folder can't be made"))?;
    let server = match name {
        ServerName::Tidegate => tidegate::start(setup, folder),
        ServerName::TidegateRedis => redis::start(setup, folder, redis::Replicas::One, stop),
        ServerName::TidegateRedisTwo => redis::start(setup, folder, redis::Replicas::Two, stop),
        ServerName::TidegateRedisBoth => redis::start(setup, folder, redis::Replicas::Both, stop),
        ServerName::RedisFunction => redis::start_function(setup, folder, stop),
        ServerName::Nchan => nchan::start(setup, folder),
        ServerName::Pushpin => pushpin::start(setup, folder),
        ServerName::Floor => floor::start(setup, folder, floor::Writes::One),
        ServerName::FloorCoalesce => floor::start(setup, folder, floor::Writes::All),
        ServerName::Custom => custom::start(setup, folder, custom),
    }?;
    server.wait(stop)
}

/// Returns an address that nobody listens on.
///
/// # Errors
/// Fails where the system has none.
pub(crate) fn free_address() -> Result<SocketAddr, BenchError> {
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    Ok(at)
}

/// Returns how Tidegate is spoken to over a transport, with these payloads.
pub(crate) fn tidegate(transport: Transport, payloads: Payloads) -> Box<dyn Dialect> {
    Box::new(tidegate::dialect(transport, payloads))
}

/// Returns why a server does not do this work, if so.
pub(crate) fn not_offered(
    name: ServerName,
    work: WorkName,
    transport: Transport,
) -> Option<&'static str> {
    match (name, work, transport) {
        (ServerName::RedisFunction, WorkName::Publish | WorkName::Fanout, Transport::Sse) => None,
        (ServerName::RedisFunction, ..) => Some("a function of Redis has no readers of ours"),
        (ServerName::Pushpin, WorkName::Replay, _) => Some("it keeps no events"),
        (ServerName::Pushpin, _, Transport::Ws) => {
            Some("its WebSockets are conversations with a backend")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
