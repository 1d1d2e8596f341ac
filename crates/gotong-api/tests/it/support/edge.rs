//! HAProxy with the very file that a deployment has; only its environment is a test's own.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
};

use faults::Process;
use tempfile::TempDir;

use super::{http::Request, wait::until};

/// How often other ports are tried.
const PORTS_TRIED: u32 = 10;

/// Returns a file or a folder of the workspace.
pub(crate) fn in_workspace(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate lies in the workspace").join(path)
}

/// What it is started with.
#[derive(Clone, Debug)]
pub(crate) struct EdgePlan {
    variables: Vec<(String, String)>,
}

impl EdgePlan {
    /// Before these two replicas.
    pub(crate) fn before(replicas: [SocketAddr; 2]) -> Self {
        EdgePlan { variables: Vec::new() }
            .set("REPLICA_1", replicas[0].to_string())
            .set("REPLICA_2", replicas[1].to_string())
            .set("EDGE_CHECK_EVERY", "50ms")
            .set("EDGE_MAXCONN", "500")
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it and waits until both replicas are in.
    pub(crate) fn start(&self) -> Edge {
        let edge = self.start_unready();
        for replica in ["replica-1", "replica-2"] {
            until("a replica is in", || edge.state_of(replica) == "UP");
        }
        edge
    }

    /// Starts it, whatever the replicas do.
    pub(crate) fn start_unready(&self) -> Edge {
        for _ in 0..PORTS_TRIED {
            if let Some(edge) = self.try_start() {
                return edge;
            }
        }
        panic!("haproxy does not start");
    }

    fn try_start(&self) -> Option<Edge> {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let (address, figures) = (free_address(), free_address());
        let log = File::create(folder.path().join("log")).expect("the folder can be written");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(in_workspace("deploy/haproxy.cfg"));
        command.env("EDGE_BIND", address.to_string());
        command.env("EDGE_METRICS_BIND", figures.to_string());
        command.env("EDGE_SOCKET", folder.path().join("socket"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let process = Process::start_logged(&mut command, &log).unwrap_or_else(|error| {
            panic!("haproxy does not start ({error}); `cargo xtask setup` says what is missing")
        });
        let mut edge = Edge { process, address, figures, folder };
        let mut runs = false;
        until("haproxy listens or has ended", || {
            runs = edge.ask("show info").is_some();
            runs || edge.process.has_ended()
        });
        assert!(runs || edge.log().contains("cannot bind"), "{}", edge.log());
        runs.then_some(edge)
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound")
}

/// An HAProxy that runs; it is killed when it is dropped.
pub(crate) struct Edge {
    process: Process,
    /// Where clients come to.
    pub(crate) address: SocketAddr,
    /// Where its own figures are.
    pub(crate) figures: SocketAddr,
    folder: TempDir,
}

impl Edge {
    /// Asks its runtime socket; nothing where nobody listens there.
    fn ask(&self, line: &str) -> Option<String> {
        let mut socket = UnixStream::connect(self.folder.path().join("socket")).ok()?;
        socket.write_all(format!("{line}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Carries out a command of its runtime socket.
    pub(crate) fn command(&self, line: &str) -> String {
        self.ask(line).expect("haproxy runs").trim().to_owned()
    }

    /// Returns a figure of a replica by its name in `show stat`.
    pub(crate) fn figure(&self, replica: &str, name: &str) -> String {
        let table = self.command("show stat");
        let mut lines = table.trim_start_matches("# ").lines();
        let names: Vec<_> = lines.next().expect("it has names").split(',').collect();
        let place = names.iter().position(|known| *known == name).expect("there is that figure");
        let row = lines.map(|line| line.split(',').collect::<Vec<_>>());
        let mut row = row.filter(|row| row[..2] == ["tidegate", replica]);
        row.next().expect("there is that replica")[place].to_owned()
    }

    /// Returns how it sees a replica: `UP`, `DOWN`, `DRAIN` …
    pub(crate) fn state_of(&self, replica: &str) -> String {
        self.figure(replica, "status").split(' ').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn send(&self, request: &Request) -> super::http::Answer {
        request.send_to(self.address)
    }
}
