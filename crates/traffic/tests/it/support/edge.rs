//! HAProxy with the configuration that this crate writes.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use traffic::{
    Observation, Router, ServerState,
    haproxy::{ConfigSettings, HaproxyRouter, HaproxySettings, Replica as Named, write},
};

use super::{
    arm::Replica,
    long, owner,
    wait::{Patience, eventually},
};

/// How often other ports are tried.
const PORTS_TRIED: u32 = 10;
/// How long one exchange with its socket may take.
const EXCHANGE: Duration = Duration::from_secs(10);

/// A replica of each arm with HAProxy before them; everything ends when it is dropped.
pub(crate) struct Edge {
    pub(crate) stable: Replica,
    pub(crate) canary: Replica,
    pub(crate) address: SocketAddr,
    process: Child,
    config: PathBuf,
    settings: HaproxySettings,
    folder: TempDir,
}

impl Edge {
    /// Starts it, and waits until both arms are in.
    pub(crate) async fn start() -> Self {
        for _ in 0..PORTS_TRIED {
            if let Some(edge) = Self::try_start().await {
                edge.wait_until_in().await;
                return edge;
            }
        }
        panic!("haproxy finds no port");
    }

    /// Starts it; nothing where its port was taken meanwhile.
    async fn try_start() -> Option<Self> {
        let (stable, canary) = (Replica::start().await, Replica::start().await);
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let named = |name: &str, replica: &Replica| {
            vec![Named { name: name.to_owned(), address: replica.address.to_string() }]
        };
        let settings = ConfigSettings {
            stable: named("s1", &stable),
            canary: named("c1", &canary),
            check_every: Duration::from_millis(50),
            connections_max: 500,
            ..ConfigSettings::local(&address.to_string(), folder.path())
        };
        let config = write(&settings).unwrap().config;
        let process = spawn(&config, &folder);
        let settings = settings.router(EXCHANGE);
        let mut edge = Edge { stable, canary, address, process, config, settings, folder };
        let runs = edge.runs().await;
        assert!(runs || edge.log().contains("cannot bind"), "{}", edge.log());
        runs.then_some(edge)
    }

    /// Ends HAProxy and starts it anew, with the files that there are.
    pub(crate) async fn restart(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let patience = Patience::for_what("haproxy has its port again");
        self.process = spawn(&self.config, &self.folder);
        while !self.runs().await {
            patience.pause().await;
            self.process = spawn(&self.config, &self.folder);
        }
        self.wait_until_in().await;
    }

    /// Ends HAProxy for good.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Returns how it is spoken to.
    pub(crate) fn settings(&self) -> HaproxySettings {
        self.settings.clone()
    }

    /// Returns a router that is spoken to for a run, without a lock.
    pub(crate) fn router_for(&self, name: &str) -> HaproxyRouter {
        let settings = HaproxySettings { lock: None, ..self.settings() };
        HaproxyRouter::new(settings, owner(name)).unwrap()
    }

    /// Returns a router whose run has the canary for long.
    pub(crate) async fn acquired(&self, name: &str) -> HaproxyRouter {
        let router = self.router_for(name);
        let until = long(&router).await;
        router.acquire(until).await.unwrap();
        router
    }

    /// Returns the canary's state once it is so.
    pub(crate) async fn wait_for_canary(&self, state: ServerState) -> Observation {
        let router = self.router_for("looks");
        eventually("the canary's state", async || {
            let seen = router.observe().await.unwrap();
            (seen.canary.servers[0].state == state).then_some(seen)
        })
        .await
    }

    // No closures in these, so that a test can have them awaited on any thread.
    async fn wait_until_in(&self) {
        let router = self.router_for("looks");
        let patience = Patience::for_what("both arms are in");
        loop {
            let seen = router.observe().await.unwrap();
            let mut servers = seen.canary.servers.iter().chain(&seen.stable.servers);
            if servers.all(|server| server.state == ServerState::Up) {
                return;
            }
            patience.pause().await;
        }
    }

    /// Returns whether it answers; not if it ended.
    async fn runs(&mut self) -> bool {
        let router = self.router_for("looks");
        let patience = Patience::for_what("haproxy answers or has ended");
        while router.observe().await.is_err() {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            patience.pause().await;
        }
        true
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(config: &PathBuf, folder: &TempDir) -> Child {
    let log = File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(config).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|error| {
        panic!("haproxy does not start ({error}); `cargo xtask setup` says what is missing")
    })
}
