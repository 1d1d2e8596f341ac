//! A candidate: two replicas with one Redis and one database.

use std::{path::Path, process::Command};

use faults::{RedisServer, SURREAL_PASSWORD, SURREAL_USER, SurrealEngine, SurrealServer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::command::{Ran, Running, finish, start, tidegate};

pub(super) const KEY: &str = "key-of-the-gates";
pub(super) const PREFIX: &str = "gotong:gates";

/// Two replicas and what they share.
pub(super) struct Site {
    pub(super) runtime: Runtime,
    pub(super) database: SurrealServer,
    pub(super) redis: RedisServer,
    pub(super) replicas: Vec<Replica>,
    pub(super) folder: TempDir,
}

/// A server process; killed where its test leaves it.
pub(super) struct Replica {
    _folder: TempDir,
    pub(super) url: String,
    running: Running,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.running.signal("KILL");
    }
}

impl Site {
    pub(super) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let database = runtime.block_on(SurrealServer::start(SurrealEngine::SurrealKv));
        let redis = runtime.block_on(RedisServer::start());
        let folder = tempfile::tempdir().unwrap();
        let mut site = Site { runtime, database, redis, replicas: Vec::new(), folder };
        for _ in 0..2 {
            let replica = site.replica(&[]);
            site.replicas.push(replica);
        }
        site
    }

    /// Returns the settings that replicas and gates share.
    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATA_BACKEND", "surreal".to_owned()),
            ("SURREAL_ENDPOINT", format!("ws://{}", self.database.address())),
            ("SURREAL_USER", SURREAL_USER.to_owned()),
            ("SURREAL_PASS", SURREAL_PASSWORD.to_owned()),
            ("REDIS_URL", self.redis.url()),
            ("CHAT_REALTIME_TRANSPORT", "redis".to_owned()),
            ("CHAT_REALTIME_CHANNEL_PREFIX", PREFIX.to_owned()),
        ]
    }

    /// Starts another replica, with some settings of its own.
    pub(super) fn replica(&self, own: &[(&str, &str)]) -> Replica {
        let folder = tempfile::tempdir().unwrap();
        let mut command = tidegate(&["serve", "--json"]);
        command.current_dir(folder.path()).envs(self.settings()).env("VIZ_API_BIND", "127.0.0.1:0");
        command.env("TIDEGATE_KEYS", format!("org_a={KEY}:publish+subscribe@gates"));
        command.env("TIDEGATE_DRAIN_SECONDS", "2").envs(own.iter().copied());
        let running = start(&mut command);
        let line: Value = serde_json::from_str(&running.wait_for("viz-api listening")).unwrap();
        running.wait_for("\"phase\":\"ready\"");
        let url = format!("http://{}", line["bind_addr"].as_str().unwrap());
        Replica { _folder: folder, url, running }
    }

    pub(super) fn urls(&self) -> Vec<String> {
        self.replicas.iter().map(|replica| replica.url.clone()).collect()
    }

    /// Returns a command with the settings of the gates.
    pub(super) fn with_settings(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).envs(self.settings()).env("TIDEGATE_KEY", KEY);
        command
    }

    /// Returns the gates over these replicas.
    pub(super) fn gates(&self, urls: &[String], words: &[&str]) -> Command {
        let mut command = self.with_settings(tidegate(&["store", "gates", "--json"]));
        for url in urls {
            command.args(["--replica", url]);
        }
        command.args(words);
        command
    }

    /// Asks the database for one statement, by its HTTP route.
    pub(super) fn ask(&self, text: &str) -> Value {
        self.runtime.block_on(async {
            let url = format!("http://{}/sql", self.database.address());
            let request = reqwest::Client::new().post(url).body(text.to_owned());
            let request = request.basic_auth(SURREAL_USER, Some(SURREAL_PASSWORD));
            let request = request.header("surreal-ns", "gotong").header("surreal-db", "chat");
            let answer = request.header("accept", "application/json").send().await.unwrap();
            let mut answer: Value = answer.json().await.unwrap();
            assert_eq!(answer[0]["status"], "OK", "{text}: {answer}");
            answer[0]["result"].take()
        })
    }

    /// Checks that neither rows nor keys of the gates are there.
    pub(super) fn assert_clean(&self) {
        for table in ["thread", "message", "amendment", "membership", "read_cursor"] {
            let rows = self.ask(&format!("SELECT VALUE id FROM {table}"));
            assert_eq!(rows, Value::Array(Vec::new()), "{table}");
        }
        let mut keys = redis::cmd("KEYS");
        keys.arg("*:thread:*");
        let keys: Vec<String> = self.runtime.block_on(self.redis.command(&mut keys));
        assert!(keys.is_empty(), "{keys:?}");
        let databases = self.ask("INFO FOR NS").to_string();
        assert!(databases.contains("chat"), "{databases}");
        assert!(!databases.contains("tidegate_gates"), "{databases}");
    }
}

/// Runs to the end, and checks that no secret was said.
pub(super) fn ran(command: &mut Command) -> Ran {
    let ran = finish(command.spawn().unwrap());
    for secret in [KEY, SURREAL_PASSWORD] {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{secret}: {ran:?}");
    }
    ran
}

/// Returns the verdict of each gate that did not pass.
pub(super) fn not_passed(ran: &Ran) -> Vec<(String, String)> {
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let report = ran.json();
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 9, "every check runs: {report}");
    let verdicts = checks.iter().map(|check| (text(check, "name"), text(check, "verdict")));
    verdicts.filter(|(_, verdict)| verdict != "PASS").collect()
}

/// Checks that one gate failed and the others passed; returns what was seen.
#[track_caller]
pub(super) fn assert_alone(ran: &Ran, gate: &str, verdict: &str) -> String {
    assert_eq!(not_passed(ran), [(gate.to_owned(), verdict.to_owned())], "{ran:#?}");
    assert_eq!(ran.code, if verdict == "FAIL" { 1 } else { 69 }, "{ran:?}");
    let report = ran.json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == gate).unwrap();
    check["seen"].as_str().unwrap().to_owned()
}

/// Returns the lines of a file, as the names of what is in a folder.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
