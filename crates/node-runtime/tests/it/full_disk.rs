//! A state folder whose disk is full: events are served all the same, and it says so at the end.

use std::{fs, path::Path, process::Command};

use broker::{Append, NewEvent, PageLimit};
use event::{After, EventId, OrgId, StreamName, UnixMs};
use node_runtime::{Phase, RuntimeBuilder};

use crate::support::{KEY, parsed};

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

    fn fill(&self) {
        let filler = vec![0u8; 1 << 20];
        fs::write(self.path().join("filler"), filler).expect_err("the disk is smaller than that");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

fn event(n: u64) -> NewEvent {
    let id = EventId::random(UnixMs(1_700_000_000_000 + n), &mut rand::rng());
    NewEvent { id, name: "a".parse().expect("a name"), json: format!("{{\"n\":{n}}}").into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_served_from_memory_and_the_end_is_not_clean() {
    let disk = Disk::mount();
    let folder = disk.path().display().to_string();
    let settings =
        || parsed(&[KEY, ("VIZ_API_BIND", "127.0.0.1:0"), ("REALTIME_STATE_DIR", &folder)]);
    let start = async || RuntimeBuilder::new(settings()).start().await.expect("there is room yet");
    let running = start().await;
    running.ready().await;
    disk.fill();
    let org: OrgId = "org_a".parse().expect("an id");
    let stream = StreamName::Org(org);
    let broker = running.state().broker.clone();
    for n in 0..50 {
        broker.append(&stream, Append::one(event(n))).await.expect("memory takes it");
    }
    let page = broker.page(&stream, &After::Oldest, PageLimit::MAX).await.expect("memory has it");
    assert_eq!(page.events.len(), 50);
    assert_eq!(running.state().realtime_health().await.status.as_str(), "healthy");
    let state = running.state().clone();
    let report = running.stop().await;
    assert!(!report.saved && !report.is_clean() && report.tasks_ended, "{report:?}");
    assert_eq!(state.phase(), Phase::Stopped);
    assert!(!disk.path().join("clean").exists(), "what was not saved is not called so");
    // With room again the next process starts, and knows that something may be missing.
    fs::remove_file(disk.path().join("filler")).expect("it is there");
    assert!(start().await.stop().await.is_clean());
}
