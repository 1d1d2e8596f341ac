//! A server that replicas need: its process, and a proxy on the way to it that can harm what passes.

use std::{
    fmt,
    net::SocketAddr,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use faults::Proxy;
use rustix::process::Signal;
use tokio::{sync::Mutex, time::sleep};

use super::begin::Begin;
use crate::{StackError, log_file::LogFile, port::Port, process::Process, processes::Processes};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a server is started and asked.
pub(super) trait Kind: fmt::Debug + Send + Sync {
    /// Returns what it is called.
    fn name(&self) -> &'static str;

    /// Returns the command that starts it at an address.
    fn command(&self, at: SocketAddr) -> Command;

    /// Returns whether it answers.
    fn is_ready(&self, at: SocketAddr) -> impl Future<Output = bool> + Send;
}

/// A server.
pub(super) struct Peer<K> {
    kind: K,
    port: Port,
    way: Proxy,
    log: LogFile,
    processes: Arc<Processes>,
    start_max: Duration,
    process: Mutex<Option<Process>>,
}

impl<K: Kind> Peer<K> {
    pub(super) async fn start(kind: K, begin: &Begin) -> Result<Self, StackError> {
        let port = Port::take()?;
        let way = Proxy::start(port.address()).await;
        let log = begin.log(kind.name());
        let (processes, start_max) = (Arc::clone(&begin.processes), begin.start_max);
        let process = Mutex::default();
        let peer = Peer { kind, port, way, log, processes, start_max, process };
        peer.run().await?;
        Ok(peer)
    }

    /// Returns where replicas find it.
    pub(super) fn address(&self) -> SocketAddr {
        self.way.address()
    }

    /// Returns the way to it.
    pub(super) fn way(&self) -> &Proxy {
        &self.way
    }

    /// Starts it, where it does not run.
    pub(super) async fn run(&self) -> Result<(), StackError> {
        let mut process = self.process.lock().await;
        if process.as_mut().is_some_and(|process| process.ended().is_none()) {
            return Ok(());
        }
        let (name, at) = (self.kind.name(), self.port.address());
        let mut command = self.kind.command(at);
        let started = Process::start(name, &mut command, &self.log, &self.processes)?;
        // Where this is given up, it ends.
        let started = process.insert(started);
        let deadline = Instant::now() + self.start_max;
        while Instant::now() < deadline {
            if let Some(status) = started.ended() {
                let (status, log) = (status.to_string(), self.log.tail());
                return Err(StackError::Ended { name: name.to_owned(), status, log });
            }
            if self.kind.is_ready(at).await {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        let (why, log) = ("it does not answer".to_owned(), self.log.tail());
        *process = None;
        Err(StackError::NotReady { name: name.to_owned(), within: self.start_max, why, log })
    }

    /// Stops it without ending it.
    pub(super) async fn pause(&self) {
        self.signal(Signal::STOP).await;
    }

    /// Lets it go on.
    pub(super) async fn go_on(&self) {
        self.signal(Signal::CONT).await;
    }

    /// Kills it.
    pub(super) async fn kill(&self) {
        *self.process.lock().await = None;
    }

    async fn signal(&self, signal: Signal) {
        if let Some(process) = &mut *self.process.lock().await {
            process.signal(signal);
        }
    }
}

impl<K: fmt::Debug> fmt::Debug for Peer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.port.address();
        f.debug_struct("Peer").field("kind", &self.kind).field("at", &at).finish_non_exhaustive()
    }
}
