//! A state folder whose disk is full: readers and publishers are served, and the log says so.

use std::{fs, path::Path, process::Command};

use crate::support::{
    http::Request,
    server::{KEY_A, Plan, Server},
    wait::until,
};

/// A small disk in memory, unmounted when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "this test mounts a tmpfs: run it as root, or in `unshare --user --map-root-user --mount`"
        );
        Disk(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_and_costs_nobody_an_event() {
    let disk = Disk::mount();
    let plan = Plan::with_keys().set("REALTIME_STATE_DIR", disk.path().display().to_string());
    let mut server = plan.start();
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0u8; 1 << 20]).expect_err("the disk is smaller than that");
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.connected();
    let first = server.publish_ok(KEY_A, "a", 0);
    until("it is said", || server.log().has("windows can't be saved; they are served from memory"));
    (1..50).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    assert_eq!(stream.numbers(50), (0..50).collect::<Vec<_>>());
    assert_eq!(server.send(&Request::get("/api/health")).status, 200);
    fs::remove_file(&filler).expect("it is there");
    until("it works again", || server.log().has("windows can be saved again"));
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let mut server = plan.start();
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={first}"));
    assert_eq!(stream.connected()["resume"], "resumed", "nothing was lost after all");
    fs::write(&filler, vec![0u8; 1 << 20]).expect_err("the disk is smaller than that");
    server.publish_ok(KEY_A, "a", 50);
    assert_eq!(server.terminate(), Some(1), "an end that could not save says so");
    assert!(server.log().has("windows could not be saved at the end"));
    assert!(!disk.path().join("clean").exists(), "what was not saved is not called so");
    // With room again the next process starts, and knows that something may be missing.
    fs::remove_file(&filler).expect("it is there");
    let mut server = plan.start();
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={first}"));
    stream.connected();
    stream.numbers(49);
    assert_eq!(stream.next().expect("a gap").json()["reason"], "data_loss");
    drop(stream);
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
}

/// Sets how long a file of a process may be, in bytes.
fn limit_files(pid: u32, limit: &str) {
    let mut command = Command::new("prlimit");
    command.args([format!("--fsize={limit}:"), format!("--pid={pid}")]);
    let done = command.status().expect("prlimit is there: it comes with util-linux");
    assert!(done.success());
}

#[test]
fn a_file_that_may_not_be_longer_is_said_and_ends_nothing() {
    let plan =
        Plan::with_keys().set("VIZ_API_INGEST_MODE", "replay").set("VIZ_API_REPLAY_SPEED", "0.2");
    let mut server = plan.start();
    let latest = |server: &Server| {
        let snapshot = server.get("/dashboard/snapshot", KEY_A).json();
        snapshot["latest_seq_id"].as_u64().expect("a number")
    };
    let reasons = |server: &Server| {
        let ready = server.send(&Request::get("/ready")).json();
        ready["checks"]["ingest"]["reasons"].to_string()
    };
    until("something is in the log", || latest(&server) > 0);
    limit_files(server.pid(), "1");
    until("it is said", || reasons(&server).contains("the log can't be written"));
    let before = latest(&server);
    limit_files(server.pid(), "unlimited");
    until("it works again", || reasons(&server) == "[]" && latest(&server) > before);
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
}
