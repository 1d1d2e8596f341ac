//! Building a state opens nothing and starts nothing.
//!
//! Operators run this test by its name with `--exact`; the name stands at the root for that. It is
//! alone in its process, since it counts what the process has.

use std::{fs, sync::Arc};

use node_runtime::{
    Phase, RuntimeBuilder, Settings, State,
    settings::{SettingsError, Values},
};
use tokio::runtime::{Builder, Runtime};
use viz_api::AppState;

#[test]
fn default_state_is_pure_and_does_not_spawn_ingest() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("the system gives threads");
    let _entered = runtime.enter();
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let settings = settings(&folder.path().join("state")).expect("the settings are allowed");
    let before = Count::now(&runtime);

    let app = AppState::default();
    let builder = RuntimeBuilder::new(settings);
    let whole = AppState::new(Arc::clone(builder.state()));
    assert_eq!(Count::now(&runtime), before, "a state that is built has opened or started");
    for state in [app.state(), builder.state(), whole.state(), &Arc::new(State::default())] {
        assert_eq!(state.phase(), Phase::Starting);
        assert!(state.delivery().is_none(), "delivery would have threads");
        assert!(!state.metrics_text().contains("ingest"), "an ingest would be counted");
    }
    assert!(!folder.path().join("state").exists(), "no folder is made");
    let chains = r#"[{"chain_key":"a","http_url":"http://127.0.0.1:1"}]"#;
    let following = settings_of(&[("VIZ_API_INGEST_MODE", "rpc"), ("VIZ_API_CHAINS", chains)]);
    let following = State::new(following.expect("the settings are allowed"));
    assert_eq!(
        Count::now(&runtime),
        before,
        "a state that will follow chains has opened or started"
    );
    assert!(following.feed().statuses().is_empty(), "no feed stands anywhere yet");
    assert!(following.metrics_text().contains("ingest_drops"), "what it will count is shown");

    the_count_sees_what_is_opened_and_started(&runtime, builder);
}

/// Without this the assertion above could hold because the count sees nothing.
fn the_count_sees_what_is_opened_and_started(runtime: &Runtime, builder: RuntimeBuilder) {
    let before = Count::now(runtime);
    let running = runtime.block_on(builder.start()).expect("the folder can be used");
    let after = Count::now(runtime);
    assert!(after.files > before.files, "{before:?} {after:?}");
    assert!(after.threads > before.threads, "{before:?} {after:?}");
    assert!(after.tasks > before.tasks, "{before:?} {after:?}");
    let report = runtime.block_on(running.stop());
    assert!(report.is_clean(), "{report:?}");
}

/// What the process has.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    files: usize,
    threads: usize,
    tasks: usize,
}

impl Count {
    fn now(runtime: &Runtime) -> Self {
        let entries = |folder| fs::read_dir(folder).expect("Linux tells").count();
        Count {
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            tasks: runtime.metrics().num_alive_tasks(),
        }
    }
}

/// Settings that name everything that could be opened: keys, a key set, a folder.
fn settings(folder: &std::path::Path) -> Result<Settings, SettingsError> {
    settings_of(&[
        ("VIZ_API_BIND", "127.0.0.1:0"),
        ("TIDEGATE_KEYS", "org_a=a-key-of-org-a"),
        ("TIDEGATE_JWT_JWKS", "http://127.0.0.1:1/keys.json"),
        ("REALTIME_STATE_DIR", &folder.display().to_string()),
    ])
}

fn settings_of(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::parse(&Values::from_environment(variables.iter().copied()))
}
