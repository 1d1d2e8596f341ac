//! One real `surreal` server: a free port, a temporary folder, ended with its test.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{port::lasting_port, process::Process};

/// Who may do everything on the server.
pub const SURREAL_USER: &str = "faults-root";

/// Its password.
pub const SURREAL_PASSWORD: &str = "faults-root-password";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is asked whether it is ready, and how long it may take to answer that.
const POLL: Duration = Duration::from_millis(20);

/// How often another port is tried.
const PORTS_TRIED: u32 = 10;

/// Where a server keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurrealEngine {
    /// Nowhere: they end with the process.
    Memory,
    /// In its folder.
    SurrealKv,
}

/// A server.
pub struct SurrealServer {
    folder: TempDir,
    port: u16,
    engine: SurrealEngine,
    running: Option<Process>,
}

impl SurrealServer {
    /// Starts a server.
    ///
    /// # Panics
    /// Panics where no server would start, saying how to get one.
    pub async fn start(engine: SurrealEngine) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let mut server = SurrealServer { folder, port: 0, engine, running: None };
        for _ in 0..PORTS_TRIED {
            server.port = lasting_port();
            if server.try_run().await {
                return server;
            }
        }
        panic!("no surreal server would start: {}", server.log());
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Starts it again, with what its engine kept.
    ///
    /// # Panics
    /// Panics where it does not start.
    pub async fn run(&mut self) {
        for _ in 0..PORTS_TRIED {
            if self.try_run().await {
                return;
            }
        }
        panic!("the surreal server does not start again: {}", self.log());
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Removes what it kept; to be called while it does not run.
    pub fn forget(&self) {
        assert!(self.running.is_none(), "it runs");
        let _ = fs::remove_dir_all(self.folder.path().join("rows"));
    }

    /// Stops its process without ending it (`SIGSTOP`).
    pub fn pause(&self) {
        self.process().pause();
    }

    /// Lets its process go on (`SIGCONT`).
    pub fn go_on(&self) {
        self.process().go_on();
    }

    /// Returns what it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn process(&self) -> &Process {
        self.running.as_ref().expect("it runs")
    }

    fn command_line(&self) -> Command {
        let mut command = Command::new(program());
        let path = match self.engine {
            SurrealEngine::Memory => OsString::from("memory"),
            SurrealEngine::SurrealKv => {
                let mut path = OsString::from("surrealkv://");
                path.push(self.folder.path().join("rows"));
                path
            }
        };
        command.args(["start", "--no-banner", "--user", SURREAL_USER, "--pass", SURREAL_PASSWORD]);
        command.args(["--bind", &self.address().to_string(), "--log", "warn"]).arg(path);
        // What is set for a server of the user's own is not for this one.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("SURREAL_") {
                command.env_remove(name);
            }
        }
        command
    }

    async fn try_run(&mut self) -> bool {
        let log = fs::File::create(self.folder.path().join("log")).expect("the folder is ours");
        let mut command = self.command_line();
        let started = Process::start_logged(&mut command, &log);
        self.running = Some(started.unwrap_or_else(|error| {
            panic!("{command:?} does not start ({error}): {HOW_TO_GET_IT}")
        }));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.running.as_mut().is_none_or(Process::has_ended) {
                break;
            }
            if self.is_ready() {
                // One that failed to listen has ended by now, and another one answered.
                return self.running.as_mut().is_some_and(|process| !process.has_ended());
            }
            sleep(POLL).await;
        }
        self.kill();
        false
    }

    /// Returns whether it answers on its health route.
    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&self.address(), POLL) else {
            return false;
        };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }
}

const HOW_TO_GET_IT: &str = "SurrealDB 3.0.0 must be on the path as `surreal`, or SURREAL_BIN must \
                             name it; `cargo xtask test --without surreal-server` leaves out what \
                             needs it";

fn program() -> OsString {
    let named = env::var_os("SURREAL_BIN").filter(|name| !name.is_empty());
    named.unwrap_or_else(|| "surreal".into())
}
