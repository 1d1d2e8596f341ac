//! `store status`: what it says of a database that is there, and of one that is not.

use std::{
    env,
    path::Path,
    process::{self, Command},
};

use store::{Backend, Store, StoreOptions};

use crate::command::{Ran, run, tidegate};

fn status(folder: &Path, words: &[&str]) -> Ran {
    let words = [&["store", "status"], words].concat();
    run(tidegate(&words).env("REALTIME_STATE_DIR", folder))
}

/// Names the folder for a process that this test starts of itself.
const FOLDER: &str = "STORE_STATUS_TEST_FOLDER";

fn options(folder: &Path) -> StoreOptions {
    StoreOptions::new(Backend::Embedded(folder.join("store")))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_the_database_of_the_settings() {
    if let Some(folder) = env::var_os(FOLDER) {
        // An engine may hold its folder until its process ends.
        let _store = Store::open(options(Path::new(&folder))).await.unwrap();
        process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = status(folder.path(), &[]);
    assert_eq!(missing.code, 69, "{missing:?}");
    assert!(missing.err.contains("there is no database yet"), "{missing:?}");
    assert!(!folder.path().join("store").exists(), "it makes none");
    std::fs::create_dir(folder.path().join("store")).unwrap();
    let empty = status(folder.path(), &[]);
    assert_eq!(empty.code, 69, "{empty:?}");
    let made = std::fs::read_dir(folder.path().join("store")).unwrap().count();
    assert_eq!(made, 0, "nor anything in its folder");
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "store::it_shows_the_database_of_the_settings"]);
    let ended = child.env(FOLDER, folder.path()).output().unwrap();
    assert_eq!(ended.status.code(), None, "{ended:?}");
    let shown = status(folder.path(), &["--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let shown = shown.json();
    assert_eq!(shown["migration_checksum"], store::checksum());
    assert_eq!(shown["version"], store::SURREALDB_VERSION);
    assert_eq!((&shown["ledger"], &shown["engine"]), (&"current".into(), &"surrealkv".into()));
    let names: Vec<_> = store::files().iter().map(|file| file.name).collect();
    let applied = shown["applied"].as_array().unwrap();
    assert!(applied.iter().map(|applied| applied["name"].as_str().unwrap()).eq(names));
    let human = status(folder.path(), &[]);
    assert_eq!(human.code, 0, "{human:?}");
    assert!(human.out.contains(&store::checksum()), "{human:?}");
    let _store = Store::open(options(folder.path())).await.unwrap();
    let locked = status(folder.path(), &["--json"]);
    assert_eq!(locked.code, 69, "{locked:?}");
    assert!(locked.err.contains("another process"), "{locked:?}");
}

#[test]
fn what_makes_no_sense_is_told() {
    let ask = |name: &str, value: &str| run(tidegate(&["store", "status"]).env(name, value));
    let memory = ask("DATA_BACKEND", "memory");
    assert_eq!(memory.code, 64, "{memory:?}");
    assert!(memory.err.contains("/api/health"), "{memory:?}");
    assert_eq!(ask("DATA_BACKEND", "postgres").code, 64);
}
