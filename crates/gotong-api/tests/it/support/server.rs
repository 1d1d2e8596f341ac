//! The real binary, on a port of the system's choice and in a folder of its own.

use std::{net::SocketAddr, path::Path, process::Command, sync::Arc};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    http::{Answer, Request},
    process::{Log, Process},
    sse::Sse,
    wait::{eventually, until},
};

/// Keys: users of one organisation, one of another, and some that lack something.
const KEYS: &str = "org_a=key-of-alice@alice,org_a=key-of-bob@bob,org_a=key-of-carol@carol,\
     org_a=key-of-nobody,org_a=key-of-reader:subscribe@reader,org_b=key-of-mallory@mallory";

pub(crate) const ALICE: &str = "key-of-alice";
pub(crate) const BOB: &str = "key-of-bob";
pub(crate) const CAROL: &str = "key-of-carol";
/// Names no user.
pub(crate) const NOBODY: &str = "key-of-nobody";
/// May subscribe and no more.
pub(crate) const READER: &str = "key-of-reader";
/// Of another organisation.
pub(crate) const MALLORY: &str = "key-of-mallory";

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    variables: Vec<(String, String)>,
}

impl Plan {
    /// A server with the keys and with a database of this kind.
    pub(crate) fn new(backend: &str) -> Self {
        let plan = Plan::empty();
        plan.set("VIZ_API_BIND", "127.0.0.1:0")
            .set("TIDEGATE_LOG_FORMAT", "json")
            .set("TIDEGATE_DRAIN_SECONDS", "10")
            .set("TIDEGATE_ORG_EVENTS_PER_SECOND", "1000000")
            .set("TIDEGATE_KEYS", KEYS)
            .set("DATA_BACKEND", backend)
    }

    /// A server without any setting.
    pub(crate) fn empty() -> Self {
        Plan { variables: Vec::new() }
    }

    pub(crate) fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts it in a folder of its own.
    pub(crate) fn start(&self) -> Server {
        self.start_in(Arc::new(tempfile::tempdir().expect("there is a temporary folder")))
    }

    /// Starts it in a folder that another one had.
    pub(crate) fn start_in(&self, folder: Arc<TempDir>) -> Server {
        let plan = self.clone().on_a_lasting_port();
        let mut process =
            Process::spawn(env!("CARGO_BIN_EXE_gotong-api"), &plan.variables, folder.path());
        let address = eventually("the server listens", || {
            process.assert_alive();
            process.log().listening()
        });
        until("the server is ready", || process.log().phases().contains(&"ready".to_owned()));
        Server { process, address, folder, plan: self.clone() }
    }

    /// Names a port at which another one can be started after it.
    fn on_a_lasting_port(self) -> Self {
        let any = ("VIZ_API_BIND".to_owned(), "127.0.0.1:0".to_owned());
        if !self.variables.contains(&any) {
            return self;
        }
        self.set(&any.0, format!("127.0.0.1:{}", faults::lasting_port()))
    }

    /// Runs one that is expected to end by itself; returns its exit code and what it wrote.
    pub(crate) fn run(&self) -> (Option<i32>, String) {
        self.run_in(tempfile::tempdir().expect("there is a temporary folder").path())
    }

    /// Runs it in a folder that another one may have.
    pub(crate) fn run_in(&self, folder: &Path) -> (Option<i32>, String) {
        let mut process = Process::spawn(env!("CARGO_BIN_EXE_gotong-api"), &self.variables, folder);
        (process.wait().code(), process.log().text())
    }
}

/// A server that runs; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    folder: Arc<TempDir>,
    plan: Plan,
}

impl Server {
    pub(crate) fn log(&self) -> &Log {
        self.process.log()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("there is a `kill`");
        assert!(sent.success(), "the server was gone before {signal}");
    }

    /// Returns the folder that it runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Ends it in order.
    pub(crate) fn end(mut self) -> (Plan, Arc<TempDir>) {
        self.terminate();
        assert_eq!(self.process.wait().code(), Some(0), "{}", self.log().text());
        (self.plan.clone(), Arc::clone(&self.folder))
    }

    /// Ends it in order, and starts another one in its folder.
    pub(crate) fn restart(self) -> Server {
        let (plan, folder) = self.end();
        plan.start_in(folder)
    }

    /// Ends it by `kill -9`, and starts another one in its folder.
    pub(crate) fn crash_and_restart(mut self) -> Server {
        self.signal("-KILL");
        self.process.wait();
        self.plan.start_in(Arc::clone(&self.folder))
    }

    /// Ends it by `kill -9`, and starts another one in its folder, where clients find it again.
    pub(crate) fn crash_and_come_back(mut self) -> Server {
        self.signal("-KILL");
        self.process.wait();
        let plan = self.plan.clone().set("VIZ_API_BIND", self.address.to_string());
        plan.start_in(Arc::clone(&self.folder))
    }

    /// Makes a request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        request.send_to(self.address)
    }

    pub(crate) fn get(&self, key: &str, path: &str) -> Answer {
        self.send(&Request::new("GET", path).key(key))
    }

    pub(crate) fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("POST", path).key(key).json(&body.to_string()))
    }

    /// Makes a thread and returns its id.
    pub(crate) fn thread(&self, key: &str, privacy: &str) -> String {
        let wanted = json!({"scope_id": "scope", "privacy_level": privacy});
        let answer = self.post(key, "/v1/chat/threads", &wanted);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["thread_id"].as_str().expect("a thread has an id").to_owned()
    }

    /// Makes a user a member of a thread.
    pub(crate) fn join(&self, key: &str, thread: &str) {
        let answer = self.post(key, &format!("/v1/chat/threads/{thread}/join"), &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Tries to send a message under a request's id.
    pub(crate) fn try_say(&self, key: &str, thread: &str, body: &str, request_id: &str) -> Answer {
        let path = format!("/v1/chat/threads/{thread}/messages/send");
        let request = Request::new("POST", &path).key(key).header("idempotency-key", request_id);
        self.send(&request.json(&json!({"body": body}).to_string()))
    }

    /// Sends a message that must be taken, and returns it.
    pub(crate) fn say(&self, key: &str, thread: &str, body: &str) -> Value {
        let path = format!("/v1/chat/threads/{thread}/messages/send");
        let answer = self.post(key, &path, &json!({"body": body}));
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Returns what the messages after a number say.
    pub(crate) fn bodies(&self, key: &str, thread: &str, after: u64) -> Vec<String> {
        let path = format!("/v1/chat/threads/{thread}/messages?limit=200&after={after}");
        let answer = self.get(key, &path);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        let messages = json["messages"].as_array().expect("a list");
        for (message, seq) in messages.iter().zip(after + 1..) {
            assert_eq!(message["seq"], seq, "without a hole");
        }
        let body = |message: &Value| message["body"].as_str().expect("a text").to_owned();
        messages.iter().map(body).collect()
    }

    /// Opens a thread's event stream.
    pub(crate) fn stream(&self, key: &str, thread: &str, headers: &[(&str, &str)]) -> Sse {
        let headers = [&[("x-api-key", key)], headers].concat();
        Sse::open(self.address, &format!("/v1/chat/threads/{thread}/messages/stream"), &headers)
    }

    /// Returns a counter's value, 0 where nothing has counted yet.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.send(&Request::new("GET", "/metrics")).text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.trim().parse().expect("a metric is a number"))
    }
}
