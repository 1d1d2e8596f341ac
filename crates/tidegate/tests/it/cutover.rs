//! `tidegate cutover` on a real server and a real Redis.

use std::{path::Path, process::Command};

use faults::RedisServer;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::command::{Ran, Running, run, start, tidegate};

/// A server, and the Redis that it knows.
struct Site {
    runtime: Runtime,
    redis: RedisServer,
    folder: tempfile::TempDir,
    address: String,
    server: Option<Running>,
}

impl Site {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let redis = runtime.block_on(RedisServer::start());
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".to_owned();
        let mut site = Site { runtime, redis, folder, address, server: None };
        let server = start(&mut site.command(&["serve", "--json"]));
        let line: Value = serde_json::from_str(&server.wait_for("viz-api listening")).unwrap();
        site.address = line["bind_addr"].as_str().unwrap().to_owned();
        site.server = Some(server);
        site
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = here(self.folder.path(), words, &self.address);
        command.env("REDIS_URL", self.redis.url());
        command
    }

    /// Bounds the memory of Redis, in bytes; 0 for no bound.
    fn bound_redis(&self, bytes: &str) {
        let mut set = redis::cmd("CONFIG");
        let set = set.arg("SET").arg("maxmemory").arg(bytes);
        self.runtime.block_on(self.redis.command::<()>(set));
    }

    fn run(&self, words: &[&str]) -> Ran {
        run(&mut self.command(words))
    }

    fn cutover(&self, words: &[&str]) -> Ran {
        self.run(&[&["cutover"], words].concat())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.signal("KILL");
        }
    }
}

fn here(folder: &Path, words: &[&str], address: &str) -> Command {
    let mut command = tidegate(words);
    command.current_dir(folder).env("VIZ_API_BIND", address);
    command.env("REALTIME_REPLAY_MAX_EVENTS", "20000");
    command
}

#[test]
fn a_switch_soaks_until_it_is_undone() {
    let site = Site::start();
    let ran = site.cutover(&["--soak", "1h"]);
    assert_eq!(ran.code, 64, "a soak of what? {ran:?}");
    let ran = site.cutover(&["--to", "redis", "--soak", "8d"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.err.contains("between 1s and 7d"), "{ran:?}");
    let ran = site.cutover(&["--to", "redis", "--soak", "1h"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("finalised by itself"), "{ran:?}");
    let ran = site.cutover(&["--to", "redis", "--soak", "2h", "--json"]);
    let status: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(status["soak"]["lasts_s"], 7200, "{ran:?}");
    assert_eq!(site.cutover(&["--undo"]).code, 0);
    let ran = site.cutover(&["--status"]);
    assert!(!ran.out.contains("finalised"), "{ran:?}");
}

#[test]
fn there_and_back_beside_its_server_without_arguments() {
    let site = Site::start();
    assert_eq!(site.run(&["publish", "a.b"]).code, 0);
    let ran = site.cutover(&["--to", "redis"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("redis owns every stream: "), "{ran:?}");
    assert!(ran.out.contains("set REALTIME_BACKEND before the next restart"), "{ran:?}");
    assert!(ran.err.lines().any(|line| line.contains("switched to redis")), "{ran:?}");
    let ran = site.cutover(&["--to", "redis"]);
    assert_eq!((ran.code, ran.out.starts_with("nothing to do: ")), (0, true), "{ran:?}");
    let ran = site.cutover(&["--status"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("not finalised") && ran.out.contains("by key local of org_default"),
        "{ran:?}"
    );
    let ran = site.cutover(&["--undo", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((&ran.json()["owner"], &ran.json()["state"]), (&"memory".into(), &"idle".into()));
    assert_eq!(site.cutover(&["--to", "redis"]).code, 0);
    let ran = site.cutover(&["--finalise"]);
    assert_eq!((ran.code, ran.out.starts_with("finalised: ")), (0, true), "{ran:?}");
    let status = site.cutover(&["--status", "--json"]).json();
    assert_eq!((&status["owner"], &status["settings"]), (&"redis".into(), &"memory".into()));
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let mut site = Site::start();
    assert_eq!(site.cutover(&[]).code, 64);
    assert_eq!(site.cutover(&["--to", "disk"]).code, 64);
    assert_eq!(site.cutover(&["--undo", "--finalise"]).code, 64);
    let ran = site.cutover(&["--undo", "--to", "redis"]);
    assert_eq!(ran.code, 1, "the last switch was not to Redis: {ran:?}");
    let ran = site.cutover(&["--status", "--key", "no-such-key-at-all"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(site.cutover(&["--status", "--url", "http://127.0.0.1:9"]).code, 69);
    site.redis.kill();
    let ran = site.cutover(&["--to", "redis"]);
    assert_eq!(ran.code, 69, "{ran:?}");
    assert!(ran.err.contains("Redis can't be reached"), "{ran:?}");
    let ran = site.cutover(&["--status"]);
    assert!(ran.out.contains("it stopped: Redis can't be reached"), "{ran:?}");
    site.runtime.block_on(site.redis.run());
    site.bound_redis("1");
    let ran = site.cutover(&["--to", "redis"]);
    assert!([1, 69].contains(&ran.code), "{ran:?}");
    assert_eq!(site.cutover(&["--undo"]).code, 0);
    site.bound_redis("0");
    assert_eq!(site.cutover(&["--to", "redis"]).code, 0);
}

#[test]
fn help_has_an_example() {
    let ran = run(&mut tidegate(&["cutover", "--help"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("Example: tidegate cutover --to redis"), "{ran:?}");
}

#[test]
fn an_interrupt_leaves_the_switch_running() {
    let site = Site::start();
    assert_eq!(site.run(&["publish", "a.b"]).code, 0);
    site.redis.pause();
    let running = start(&mut site.command(&["cutover", "--to", "redis"]));
    running.wait_for("to redis");
    running.signal("INT");
    running.wait_for("the switch goes on");
    assert_eq!(running.finish().code, 1);
    let status = site.cutover(&["--status", "--json"]).json();
    assert_eq!((&status["to"], &status["is_running"]), (&"redis".into(), &true.into()), "{status}");
    site.redis.go_on();
    let again = site.cutover(&["--to", "redis"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[test]
fn an_audit_across_a_switch_and_its_undo_finds_nothing() {
    let site = Site::start();
    let words = ["audit", "--json", "--readers", "40", "--rate", "100", "--seconds", "6"];
    let words = [&words[..], &["--ws-publishers", "50%"]].concat();
    let audit = start(&mut site.command(&words));
    audit.wait_for("publishing");
    for words in [&["--to", "redis"][..], &["--undo"], &["--to", "redis"], &["--finalise"]] {
        let ran = site.cutover(words);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = audit.finish();
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    for found in ["lost", "repeated", "reordered", "altered", "acknowledged_missing", "doubled"] {
        assert_eq!(report[found], 0, "{found}: {report}");
    }
    assert_eq!(report["ledger"]["ok"], true, "{report}");
    assert_eq!(report["goodbyes"], 0, "no reader was sent away: {report}");
    assert_eq!(report["gaps"], serde_json::json!({}), "{report}");
}
