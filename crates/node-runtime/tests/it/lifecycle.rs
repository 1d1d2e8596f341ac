//! From a builder to a process that runs and ends, without its surface.

use std::{fs, net::TcpStream, path::Path, time::Duration};

use node_runtime::{Phase, Running, RuntimeBuilder, Settings, StartError};

use tokio::time::timeout;

use crate::support::{KEY, parsed};

fn settings(folder: &Path, bind: &str) -> Settings {
    let folder = folder.display().to_string();
    parsed(&[
        KEY,
        ("VIZ_API_BIND", bind),
        ("REALTIME_STATE_DIR", &folder),
        ("TIDEGATE_DRAIN_SECONDS", "5"),
    ])
}

async fn start(folder: &Path) -> Running {
    let builder = RuntimeBuilder::new(settings(folder, "127.0.0.1:0"));
    builder.start().await.expect("folder and port are there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_goes_through_its_phases_in_order() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let mut running = start(folder.path()).await;
    let state = running.state().clone();
    assert_eq!((state.phase(), state.is_ready()), (Phase::Starting, false));
    assert!(state.delivery().is_some());
    assert!(TcpStream::connect(running.address()).is_ok(), "the port is bound before it is ready");
    assert!(running.take_listener().is_some() && running.take_listener().is_none(), "once");
    let mut phases = state.watch_phase();
    running.ready().await;
    assert!(phases.has_changed().is_ok_and(|changed| changed) && state.is_ready());
    assert_eq!(*phases.borrow_and_update(), Phase::Ready);
    let (tasks, shutdown) = (running.tasks().clone(), running.shutdown());
    let mut asked = tasks.shutdown();
    tasks.spawn("surface", async move { asked.asked().await });
    let report = running.stop().await;
    assert!(report.is_clean() && report.readers_moved, "{report:?}");
    assert!(shutdown.is_asked());
    assert_eq!((state.phase(), state.is_ready()), (Phase::Stopped, false));
    assert!(folder.path().join("clean").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_does_not_end_makes_the_end_unclean() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let running = start(folder.path()).await;
    running.tasks().spawn("stays", std::future::pending());
    let report = running.stop().await;
    assert!(!report.tasks_ended && !report.is_clean() && report.saved, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_probed_while_it_runs() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let running = start(folder.path()).await;
    running.ready().await;
    let state = running.state().clone();
    let health = state.realtime_health().await;
    assert_eq!((health.status.as_str(), health.reason), ("healthy", None));
    assert!(health.probe.is_some() && health.epoch.is_some());
    assert_eq!(state.delivery().map(|delivery| delivery.client_readers()), Some(0));
    running.stop().await;
    // A result stands for a moment; what has ended does not deliver after that.
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let unhealthy = async {
        while state.realtime_health().await.status.as_str() != "unhealthy" {
            ticks.tick().await;
        }
    };
    timeout(Duration::from_secs(60), unhealthy).await.expect("the probe fails in the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let running = start(folder.path()).await;
    let again = RuntimeBuilder::new(settings(folder.path(), "127.0.0.1:0")).start().await;
    let error = again.expect_err("the folder is in use");
    assert_eq!((error.exit_code(), matches!(error, StartError::StateDir(_))), (69, true));
    let other = tempfile::tempdir().expect("there is a temporary folder");
    let bind = running.address().to_string();
    let error = RuntimeBuilder::new(settings(other.path(), &bind)).start().await;
    let error = error.expect_err("the port is in use");
    assert_eq!((error.exit_code(), matches!(error, StartError::Bind { .. })), (69, true));
    let file = other.path().join("file");
    fs::write(&file, "").expect("it can be written");
    let error = RuntimeBuilder::new(settings(&file, "127.0.0.1:0")).start().await;
    assert_eq!(error.expect_err("it is no folder").exit_code(), 64);
    assert!(running.stop().await.is_clean());
    // Both can be had again at once.
    let again = RuntimeBuilder::new(settings(other.path(), "127.0.0.1:0")).start().await;
    assert!(again.expect("the lock was given back").stop().await.is_clean());
    assert!(start(folder.path()).await.stop().await.is_clean());
}

/// Starts a process whose start fails once the windows were read.
async fn start_without_a_key(folder: &Path) -> StartError {
    let state_dir = folder.display().to_string();
    let settings = parsed(&[("VIZ_API_BIND", "127.0.0.1:0"), ("REALTIME_STATE_DIR", &state_dir)]);
    // Neither a key nor a place for one.
    fs::create_dir(folder.join("local-key")).expect("nothing is there");
    let refused = RuntimeBuilder::new(settings).start().await;
    fs::remove_dir(folder.join("local-key")).expect("nothing is in it");
    refused.expect_err("there is no place for its key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_late_leaves_the_folder_as_it_was() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    assert!(start(folder.path()).await.stop().await.is_clean());
    let damaged = folder.path().join("org=org_b.window");
    fs::write(&damaged, "something else").expect("it can be written");
    let error = start_without_a_key(folder.path()).await;
    assert_eq!((error.exit_code(), matches!(error, StartError::LocalKey(_))), (64, true));
    assert!(folder.path().join("clean").exists(), "the next start is not to reckon with a loss");
    let is_in_place = || fs::read(&damaged).is_ok_and(|bytes| bytes == b"something else");
    assert!(is_in_place(), "it is set aside by who takes over");
    let running = start(folder.path()).await;
    assert!(!folder.path().join("clean").exists() && !is_in_place());
    assert!(running.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_for_this_process_refuses_the_start() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("org=org_b.window");
    fs::write(&file, b"TIDEWIN\x09 of a later time").expect("it can be written");
    let refused = RuntimeBuilder::new(settings(folder.path(), "127.0.0.1:0")).start().await;
    let error = refused.expect_err("a newer program wrote it");
    assert_eq!((error.exit_code(), matches!(error, StartError::Load(_))), (64, true));
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    assert!(file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_credentials_has_a_key_of_its_own() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let state_dir = folder.path().display().to_string();
    let settings = parsed(&[("VIZ_API_BIND", "127.0.0.1:0"), ("REALTIME_STATE_DIR", &state_dir)]);
    let builder = RuntimeBuilder::new(settings);
    assert!(builder.state().local_key().is_none(), "none before it starts");
    let running = builder.start().await.expect("folder and port are there");
    let keys: Vec<_> = running.state().local_key().cloned().into_iter().collect();
    assert_eq!((keys.len(), keys[0].org.as_str()), (1, "org_default"));
    assert_eq!(keys[0].scopes, node_runtime::Scopes::all());
    running.stop().await;
}
