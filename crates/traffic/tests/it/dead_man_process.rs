//! A run that is killed in mid-canary, with real processes and a real HAProxy.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use guard::Arm;
use traffic::{
    DeadManAccount, DeadManEnd, DeadManOrder, DeadManSaid, Observation, Router as _, Weight,
};

use crate::support::{
    client::{get, stream},
    edge::Edge,
    owner,
    wait::eventually,
};

/// A lease that is short, in seconds.
const LEASE: u64 = 2;

/// The example, which `cargo test -p traffic` builds.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let example = target.join("examples/mid_canary");
    let how = "build it with `cargo build -p traffic --example mid_canary`";
    assert!(example.is_file(), "{} is missing: {how}", example.display());
    example
}

/// A process of the example, killed when it is dropped.
struct Running {
    child: Child,
    /// Its dead man's process.
    dead_man: u32,
}

impl Running {
    /// Starts one, and waits until it says that it runs.
    fn start(what: &str, folder: &Path) -> Self {
        let mut command = Command::new(example());
        command.arg(what).arg(folder).arg(LEASE.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let dead_man = line.trim().strip_prefix("running ").and_then(|pid| pid.parse().ok());
        let dead_man = dead_man.unwrap_or_else(|| panic!("it said {line:?}"));
        Running { child, dead_man }
    }

    /// Kills it as the system does that has no memory left.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
        kill(self.dead_man);
    }
}

/// Kills a dead man that a test began, where it is still one.
fn kill(pid: u32) {
    if is_dead_man(pid) {
        let _ended = Command::new("kill").args(["-9", &pid.to_string()]).status();
    }
}

fn is_dead_man(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains("stand-by")
}

/// Writes the order into a folder as a run does.
fn ordered(edge: &Edge, folder: &Path) {
    let mut order = DeadManOrder::new(owner("run-1"), &edge.settings());
    (order.every_ms, order.silent_max_s, order.evict_most) = (20, 1, 2);
    order.write(folder).unwrap();
}

fn account(folder: &Path) -> DeadManAccount {
    DeadManAccount::read(folder).unwrap()
}

/// Returns how the dead man ended, once it has.
async fn ended(folder: &Path) -> DeadManEnd {
    eventually("the dead man ends", async || {
        account(folder).lines.into_iter().find_map(|line| match line.said {
            DeadManSaid::End(end) => Some(end),
            _ => None,
        })
    })
    .await
}

async fn seen(edge: &Edge) -> Observation {
    edge.router_for("looks").observe().await.unwrap()
}

#[tokio::test]
async fn a_run_that_is_killed_in_mid_canary_leaves_nothing_behind() {
    let (edge, folder) = (Edge::start().await, tempfile::tempdir().unwrap());
    ordered(&edge, folder.path());
    let mut run = Running::start("run", folder.path());
    let mut streams = Vec::new();
    for number in 0..5 {
        streams.push(stream(edge.address, &format!("k{number}")).await);
    }
    let before = seen(&edge).await;
    assert_eq!((before.weight, before.canary.open), (Weight::ALL, 5));
    run.kill();
    // Its session and its group are others, so that nothing that ends the run ends it.
    assert!(is_dead_man(run.dead_man));
    let end = ended(folder.path()).await;
    let DeadManEnd::Withdrew { until, acted, gone, residual_ms, new_traffic_ms, evicted } = end
    else {
        panic!("{end:?}")
    };
    assert_eq!(evicted, 5);
    assert!(acted > until && gone >= acted && residual_ms >= new_traffic_ms, "{end:?}");
    for stream in streams {
        stream.wait_for_end().await;
    }
    let after = seen(&edge).await;
    assert_eq!((after.weight, after.owner, after.canary.open), (Weight::NONE, None, 0));
    assert_eq!(get(edge.address, "ka", "/").await.arm, Some(Arm::Stable));
    assert_eq!(account(folder.path()).deeds().count(), 1);
    eventually("the dead man's process is gone", async || {
        (!is_dead_man(run.dead_man)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_of_the_runs_group_leaves_the_dead_man() {
    let (edge, folder) = (Edge::start().await, tempfile::tempdir().unwrap());
    ordered(&edge, folder.path());
    let run = Running::start("run", folder.path());
    let session = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let rest = stat.rsplit_once(')').unwrap().1.to_owned();
        let numbers: Vec<u32> =
            rest.split_ascii_whitespace().skip(2).take(2).map(|it| it.parse().unwrap()).collect();
        (numbers[0], numbers[1])
    };
    assert_eq!(session(run.dead_man), (run.dead_man, run.dead_man));
    assert_ne!(session(run.child.id()), session(run.dead_man));
}

#[tokio::test]
async fn a_dead_man_that_is_killed_as_well_leaves_new_traffic_stopped() {
    let (edge, folder) = (Edge::start().await, tempfile::tempdir().unwrap());
    ordered(&edge, folder.path());
    let mut run = Running::start("run", folder.path());
    let mut open = stream(edge.address, "ka").await;
    kill(run.dead_man);
    run.kill();
    // The router's own lease: nobody is there any more.
    eventually("new traffic is stable's", async || {
        (get(edge.address, "kb", "/").await.arm == Some(Arm::Stable)).then_some(())
    })
    .await;
    assert_eq!(seen(&edge).await.weight, Weight::ALL);
    assert!(open.is_open());
    // A person starts another one by hand.
    let stood = Command::new(example()).arg("stand-by").arg(folder.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&stood.stdout).contains("Withdrew"), "{stood:?}");
    open.wait_for_end().await;
}

#[tokio::test]
async fn a_second_dead_man_of_a_run_ends_at_once() {
    let (edge, folder) = (Edge::start().await, tempfile::tempdir().unwrap());
    ordered(&edge, folder.path());
    let run = Running::start("run", folder.path());
    let stood = Command::new(example()).arg("stand-by").arg(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&stood.stdout), "watching\nAnother\n");
    assert!(is_dead_man(run.dead_man));
}

#[tokio::test]
async fn who_resumes_in_time_is_watched_by_the_same_dead_man() {
    let (edge, folder) = (Edge::start().await, tempfile::tempdir().unwrap());
    ordered(&edge, folder.path());
    let mut run = Running::start("run", folder.path());
    let mut open = stream(edge.address, "ka").await;
    run.kill();
    let mut resumed = Running::start("run", folder.path());
    // Its lease is renewed beyond the end that the first run's had.
    let until = seen(&edge).await.until.plus(LEASE);
    eventually("the lease is renewed", async || (seen(&edge).await.until > until).then_some(()))
        .await;
    assert!(open.is_open());
    assert_eq!(account(folder.path()).deeds().count(), 0);
    assert!(is_dead_man(run.dead_man));
    resumed.kill();
    assert!(matches!(ended(folder.path()).await, DeadManEnd::Withdrew { .. }));
    open.wait_for_end().await;
}

#[tokio::test]
async fn a_router_that_is_gone_is_written_down() {
    let (mut edge, folder) = (Edge::start().await, tempfile::tempdir().unwrap());
    ordered(&edge, folder.path());
    let run = Running::start("run", folder.path());
    edge.kill();
    let deed = eventually("the dead man gives up", async || account(folder.path()).deeds().next());
    assert!(deed.await.contains("nothing was heard from HAProxy"));
    drop(run);
}

#[test]
fn an_order_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stood = || Command::new(example()).arg("stand-by").arg(folder.path()).output().unwrap();
    assert!(!stood().status.success());
    std::fs::write(folder.path().join("dead-man.json"), "{\"of\":\"a b\"}").unwrap();
    let said = String::from_utf8(stood().stderr).unwrap();
    assert!(said.contains("the name of a run has 1 to 64 letters"), "{said}");
}
