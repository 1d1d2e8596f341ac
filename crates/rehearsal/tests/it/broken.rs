//! What is missing or does not start is said, with what to do.

use std::path::PathBuf;

use rehearsal::{RouterFiles, ServerProgram, Stack, StackError, StackSettings};

use crate::support::field::{Field, server};

/// Returns why there is no stack.
async fn refused(server: ServerProgram, change: impl FnOnce(&mut StackSettings)) -> StackError {
    match Field::start_with(server, change).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_program_is_named() {
    let nowhere = || PathBuf::from("/nowhere/at-all");
    let no_server = refused(ServerProgram::new(nowhere()), |_| {}).await;
    let no_redis = refused(server(), |it| it.redis = Some(nowhere())).await;
    let no_haproxy = refused(server(), |it| it.haproxy = nowhere()).await;
    let no_surreal = refused(server(), |it| {
        it.database = rehearsal::Database::Server { program: "no-such-surreal".into() };
    });
    let no_surreal = no_surreal.await;
    let no_anvil = refused(server(), |it| {
        let program = "no-such-anvil".into();
        it.chain = Some(rehearsal::Chain { program, transactions_per_second: 1.0 });
    });
    let no_anvil = no_anvil.await;
    for (error, remedy) in [
        (no_server, "name the binary of a server"),
        (no_redis, "install the package `redis-server`"),
        (no_haproxy, "install the package `haproxy`"),
        (no_surreal, "SurrealDB 3.0.0"),
        (no_anvil, "name it in ANVIL_BIN"),
    ] {
        assert!(error.is_unavailable() && error.to_string().contains(remedy), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_a_server_refuses_are_shown() {
    let error = refused(server(), |it| {
        it.settings.insert("REALTIME_BACKEND".into(), "carrier-pigeon".into());
    });
    let error = error.await.to_string();
    let parts = ["stable-1 does not start", "exit status: 64", "REALTIME_BACKEND"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_server_is_told() {
    let error = refused(ServerProgram::new("/bin/true"), |_| {}).await;
    assert!(matches!(error, StackError::Ended { .. }), "{error}");
    let error = refused(ServerProgram::new("/bin/cat"), |_| {}).await;
    assert!(matches!(error, StackError::Ended { .. }), "{error}");
    let sleeps = ServerProgram { path: "/bin/sleep".into(), arguments: vec!["600".into()] };
    let error = refused(sleeps, |it| it.start_max = std::time::Duration::from_millis(300)).await;
    assert!(matches!(error, StackError::NotReady { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_refuses_its_configuration_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StackSettings { redis: None, ..StackSettings::new(folder.path(), server()) };
    let with = |text: &'static str| {
        move |layout: &rehearsal::Layout| {
            let files = RouterFiles::haproxy(layout)?;
            std::fs::write(&files.config, text).map_err(|error| error.to_string())?;
            Ok(files)
        }
    };
    let error = Stack::start(settings.clone(), with("nonsense\n")).await.map(|_| ()).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("haproxy does not start") && shown.contains("nonsense"), "{shown}");
    let none = Stack::start(settings, |_| Err("no idea".into())).await.map(|_| ()).unwrap_err();
    assert_eq!(none.to_string(), "there is no configuration for the router: no idea");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_one_stacks() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StackSettings { redis: None, ..StackSettings::new(folder.path(), server()) };
    let first = Stack::start(settings.clone(), RouterFiles::haproxy).await;
    let first = first.unwrap_or_else(|error| panic!("{error}"));
    let second = Stack::start(settings.clone(), RouterFiles::haproxy).await.map(|_| ());
    assert!(matches!(second, Err(StackError::InUse { .. })), "{second:?}");
    first.end().await;
    let again = Stack::start(settings, RouterFiles::haproxy).await;
    assert_eq!(again.map(|again| again.ended_leftovers().len()).ok(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rehearsal_made_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("redis/precious");
    std::fs::create_dir(folder.path().join("redis")).unwrap();
    std::fs::write(&file, "data").unwrap();
    let settings = StackSettings::new(folder.path(), server());
    let error = Stack::start(settings, RouterFiles::haproxy).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no rehearsal made it"), "{error}");
    assert!(file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_shown() {
    let field = Field::start().await;
    let load = field.load().await;
    let mut settings = StackSettings::new("folder", server());
    settings.settings = field.stack.settings().clone();
    let set = settings.settings.clone();
    let rollout = rehearsal::Rollout { set, ..rehearsal::Rollout::default() };
    let baseline = field.stack.capture().await;
    let shown = format!("{:?} {load:?} {settings:?} {rollout:?} {baseline:?}", field.stack);
    assert!(shown.contains("TIDEGATE_KEYS") && shown.contains("[secret]"));
    assert!(!shown.contains(field.keys.any()), "{shown}");
    let folder = field.stack.layout().folder.parent().unwrap();
    for file in ["processes.json", "haproxy.log", "stable-1.log", "router/haproxy.cfg"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(!text.contains(field.keys.any()), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_make_no_stack_are_refused() {
    let error = refused(server(), |it| it.stable_replicas = 0).await;
    assert!(error.to_string().contains("one stable replica"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_path_is_no_trouble_for_the_router_s_socket() {
    let long = |it: &mut StackSettings| it.folder = it.folder.join("x".repeat(100));
    let field = Field::start_with(server(), long).await.unwrap_or_else(|error| panic!("{error}"));
    let socket = field.stack.layout().socket.clone();
    assert!(socket.exists() && socket.as_os_str().len() <= 90, "{}", socket.display());
    drop(field);
    assert!(!socket.exists(), "{}", socket.display());
}
