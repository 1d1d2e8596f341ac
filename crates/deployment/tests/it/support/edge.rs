//! HAProxy before the replicas of a stage.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use traffic::{
    Observation, Router, ServerState,
    haproxy::{ConfigSettings, HaproxyRouter, HaproxySettings, Replica, write},
};

use super::{eventually, stage::Stage};

/// HAProxy; it ends when it is dropped.
pub(crate) struct Edge {
    process: Child,
    settings: HaproxySettings,
    _folder: tempfile::TempDir,
}

impl Edge {
    /// Starts HAProxy before a stage, and waits until all its replicas are in.
    pub(crate) async fn before(stage: &mut Stage) -> Edge {
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            if let Some(edge) = Edge::start(stage, address).await {
                stage.service = format!("http://{address}");
                stage.router = Some(edge.router("run-1"));
                edge.until_in().await;
                return edge;
            }
        }
        panic!("haproxy finds no port");
    }

    async fn start(stage: &Stage, address: SocketAddr) -> Option<Edge> {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str, address: SocketAddr| Replica {
            name: name.to_owned(),
            address: address.to_string(),
        };
        let settings = ConfigSettings {
            stable: vec![
                named("s1", stage.stable[0].server.address),
                named("s2", stage.stable[1].server.address),
            ],
            canary: vec![named("c1", stage.canary.server.address)],
            check_every: Duration::from_millis(50),
            connections_max: 500,
            ..ConfigSettings::local(&address.to_string(), folder.path())
        };
        let config = write(&settings).unwrap().config;
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&config).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("haproxy does not start ({error}); `cargo xtask setup` says what is missing")
        });
        let settings = HaproxySettings { lock: None, ..settings.router(Duration::from_secs(10)) };
        let mut edge = Edge { process, settings, _folder: folder };
        let router = edge.router("looks");
        loop {
            if router.observe().await.is_ok() {
                return Some(edge);
            }
            if edge.process.try_wait().unwrap().is_some() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the router, spoken to for a run.
    pub(crate) fn router(&self, run: &str) -> Arc<dyn Router> {
        Arc::new(HaproxyRouter::new(self.settings.clone(), run.parse().unwrap()).unwrap())
    }

    /// Returns what is.
    pub(crate) async fn seen(&self) -> Observation {
        self.router("looks").observe().await.unwrap()
    }

    async fn until_in(&self) {
        eventually("both arms are in", async || {
            let seen = self.seen().await;
            let mut servers = seen.canary.servers.iter().chain(&seen.stable.servers);
            servers.all(|server| server.state == ServerState::Up).then_some(())
        })
        .await;
    }

    /// Ends HAProxy.
    pub(crate) fn kill(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.kill();
    }
}
