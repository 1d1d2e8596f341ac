//! The real binary, on a port of the system's choice and in a folder of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
};

use tempfile::TempDir;

use super::{
    http::{Answer, Request},
    process::{Log, Process},
    sse::Sse,
    wait::{eventually, until},
};

/// Keys of two organisations, one for each set of scopes that a test needs.
pub(crate) const KEYS: &str = "org_a=key-a-both-scopes,org_a=key-a-publish-only:publish,\
     org_a=key-a-subscribe-only:subscribe,org_a=key-a-all-scopes:publish+subscribe+admin,\
     org_b=key-b-both-scopes,org_b=key-b-admin-only:admin";

/// The key of `org_a` that publishes and subscribes.
pub(crate) const KEY_A: &str = "key-a-both-scopes";
/// The key of `org_a` with every scope.
pub(crate) const KEY_ADMIN: &str = "key-a-all-scopes";
/// The key of `org_b` that publishes and subscribes.
pub(crate) const KEY_B: &str = "key-b-both-scopes";

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    variables: Vec<(String, String)>,
}

impl Plan {
    /// A server with the keys, whose log is JSON.
    pub(crate) fn with_keys() -> Self {
        Plan::bare().set("TIDEGATE_KEYS", KEYS)
    }

    /// A server without a credential.
    pub(crate) fn bare() -> Self {
        let plan = Plan { variables: Vec::new() };
        plan.set("VIZ_API_BIND", "127.0.0.1:0")
            .set("TIDEGATE_LOG_FORMAT", "json")
            .set("TIDEGATE_DRAIN_SECONDS", "10")
            .set("TIDEGATE_ORG_EVENTS_PER_SECOND", "1000000")
    }

    pub(crate) fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts it in a folder of its own.
    pub(crate) fn start(&self) -> Server {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        self.start_in(Arc::new(folder))
    }

    /// Starts it in a folder that another one had.
    pub(crate) fn start_in(&self, folder: Arc<TempDir>) -> Server {
        let mut process =
            Process::spawn(env!("CARGO_BIN_EXE_viz-api"), &self.variables, folder.path());
        let address = eventually("the server listens", || {
            process.assert_alive();
            process.log().listening()
        });
        until("the server is ready", || process.log().phases().contains(&"ready".to_owned()));
        Server { process, address, folder, plan: self.clone() }
    }

    /// Runs one that is expected to end by itself; returns its exit code and what it wrote.
    pub(crate) fn run_in(&self, folder: &Path) -> (i32, String) {
        let mut process = Process::spawn(env!("CARGO_BIN_EXE_viz-api"), &self.variables, folder);
        let code = process.wait().code().expect("it was not ended by a signal");
        (code, process.log().text())
    }
}

/// A server that runs; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its folder.
    pub(crate) folder: Arc<TempDir>,
    plan: Plan,
}

impl Server {
    pub(crate) fn log(&self) -> &Log {
        self.process.log()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("tidegate-data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Asks it to end.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("there is a `kill`");
        assert!(sent.success(), "the server was gone before {signal}");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Ends it in order and returns its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.wait().code()
    }

    /// Ends it in order, and starts another one in its folder.
    pub(crate) fn restart(mut self) -> Server {
        assert_eq!(self.terminate(), Some(0), "{}", self.log().text());
        self.plan.start_in(Arc::clone(&self.folder))
    }

    /// Starts another one in the folder of one that has ended.
    pub(crate) fn start_again(self) -> Server {
        self.plan.start_in(Arc::clone(&self.folder))
    }

    /// Ends it by `kill -9`, and starts another one in its folder.
    pub(crate) fn crash_and_restart(mut self) -> Server {
        self.signal("-KILL");
        self.wait();
        self.plan.start_in(Arc::clone(&self.folder))
    }

    /// Makes a request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        request.send_to(self.address)
    }

    pub(crate) fn get(&self, path: &str, key: &str) -> Answer {
        self.send(&Request::get(path).key(key))
    }

    /// Publishes a body with a key that may.
    pub(crate) fn publish(&self, key: &str, body: &str) -> Answer {
        self.send(&Request::post("/api/events").key(key).json(body))
    }

    /// Publishes an event that must be stored, and returns its cursor.
    pub(crate) fn publish_ok(&self, key: &str, name: &str, n: u64) -> String {
        let answer = self.publish(key, &format!(r#"{{"event":"{name}","payload":{{"n":{n}}}}}"#));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["cursor"].as_str().expect("a receipt has a cursor").to_owned()
    }

    /// Opens an event stream that must open.
    pub(crate) fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Sse {
        Sse::open(self.address, path, headers)
    }

    /// Opens an event stream with a key.
    pub(crate) fn stream_as(&self, key: &str, path: &str) -> Sse {
        self.stream(path, &[("x-api-key", key)])
    }

    /// Returns a counter's value, 0 where nothing has counted yet.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.send(&Request::get("/metrics")).text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.trim().parse().expect("a metric is a number"))
    }
}
