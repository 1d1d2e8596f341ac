//! An audit of two replicas on one Redis, while one of them, or Redis, is restarted.

use std::{path::Path, process::Command};

use faults::{RedisServer, ServerOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::command::{Ran, Running, start, tidegate};

const KEYS: &str = "org_a=key-of-org-a:publish+subscribe+admin";
const KEY: &str = "key-of-org-a";

/// Two servers and their Redis.
struct Site {
    runtime: Runtime,
    redis: RedisServer,
    replicas: [Replica; 2],
}

/// A server process; killed where its test leaves it.
struct Replica {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    address: String,
    running: Option<Running>,
}

impl Replica {
    fn new(redis: &str, strict: bool) -> Self {
        let settings = vec![
            ("REALTIME_BACKEND", "redis".to_owned()),
            ("REDIS_URL", redis.to_owned()),
            ("REALTIME_ENFORCE_REDIS", strict.to_string()),
            ("REALTIME_REPLAY_MAX_EVENTS", "20000".to_owned()),
            ("TIDEGATE_KEYS", KEYS.to_owned()),
            ("TIDEGATE_DRAIN_SECONDS", "5".to_owned()),
        ];
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", faults::lasting_port());
        let mut replica = Replica { folder, settings, address, running: None };
        replica.run();
        replica
    }

    /// Starts it, the second time on the same address.
    fn run(&mut self) {
        let mut command = tidegate(&["serve", "--json"]);
        command.current_dir(self.folder.path()).env("VIZ_API_BIND", &self.address);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let running = start(&mut command);
        let line: Value = serde_json::from_str(&running.wait_for("viz-api listening")).unwrap();
        self.address = line["bind_addr"].as_str().unwrap().to_owned();
        self.running = Some(running);
    }

    /// Ends it in order.
    fn end(&mut self) {
        let running = self.running.take().unwrap();
        running.signal("TERM");
        let ran = running.finish();
        assert_eq!(ran.code, 0, "{}", ran.err);
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.signal("KILL");
        }
    }
}

impl Site {
    fn start(strict: bool) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let options = ServerOptions { append_only: true, ..ServerOptions::default() };
        let redis = runtime.block_on(RedisServer::start_with(options));
        let replicas = [0; 2].map(|_| Replica::new(&redis.url(), strict));
        Site { runtime, redis, replicas }
    }

    fn audit(&self, words: &[&str]) -> Command {
        let words = [&["audit", "--json", "--key", KEY][..], words].concat();
        let mut command = tidegate(&words);
        command.current_dir(Path::new("/"));
        command
    }

    /// Audits both replicas while something happens.
    fn audited(&mut self, harm: impl FnOnce(&mut Site)) -> Ran {
        let [one, two] = self.replicas.each_ref().map(Replica::url);
        let mut command = self.audit(&["--readers", "40", "--rate", "100", "--seconds", "6"]);
        command.args(["--ws-publishers", "50%", "--url", &one, "--url", &two]);
        let audit = start(&mut command);
        audit.wait_for("publishing");
        harm(self);
        audit.finish()
    }
}

/// Checks that nothing was lost, repeated or reordered, and that readers were with both.
fn assert_zeros(site: &Site, ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    for found in ["lost", "repeated", "reordered", "altered", "acknowledged_missing", "doubled"] {
        assert_eq!(report[found], 0, "{found}: {report}");
    }
    assert!(report["acknowledged"].as_u64().unwrap() > 100, "{report}");
    assert!(report["moves"].as_u64().unwrap() > 0, "{report}");
    let replicas = report["replicas"].as_array().unwrap();
    let urls: Vec<_> = replicas.iter().map(|replica| replica["url"].clone()).collect();
    assert_eq!(urls, site.replicas.each_ref().map(|replica| Value::from(replica.url())));
    for replica in replicas {
        assert!(replica["streams"].as_u64().unwrap() > 0, "{report}");
        assert!(replica["requests"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(replica["differs"], Value::Null, "{report}");
        assert_eq!(replica["hash"], report["ledger"]["hash"], "{report}");
    }
    report
}

#[test]
fn a_replica_that_is_restarted_costs_no_reader_an_event() {
    let mut site = Site::start(false);
    let ran = site.audited(|site| {
        site.replicas[1].end();
        site.replicas[1].run();
    });
    let report = assert_zeros(&site, &ran);
    assert!(report["goodbyes"].as_u64().unwrap() > 0, "{report}");
    site.replicas.iter_mut().for_each(Replica::end);
}

#[test]
fn a_redis_that_is_restarted_with_its_data_costs_no_reader_an_event() {
    let mut site = Site::start(true);
    let ran = site.audited(|site| {
        site.redis.kill();
        site.runtime.block_on(site.redis.run());
    });
    assert_zeros(&site, &ran);
    site.replicas.iter_mut().for_each(Replica::end);
}

/// Two servers that are not of one log are found out by their ledgers.
#[test]
fn replicas_of_two_logs_are_found() {
    let site = Site::start(false);
    let alone = Site::start(false);
    let urls = format!("{},{}", site.replicas[0].url(), alone.replicas[0].url());
    let words = ["--readers", "4", "--rate", "50", "--seconds", "1", "--settle-seconds", "2"];
    let ran = start(site.audit(&words).args(["--url", &urls])).finish();
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    let problems = report["problems"].to_string();
    assert!(problems.contains(&format!("the ledger of {}", alone.replicas[0].url())), "{report}");
}
