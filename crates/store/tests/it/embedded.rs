//! The engine in a folder: restarts, its lock, folders that can't be used.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use store::{LedgerState, OpenError, QueryError, Store};

use crate::{conformance, kit};

#[tokio::test(flavor = "multi_thread")]
async fn embedded_keeps_to_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = kit::open(kit::embedded(folder.path())).await;
    conformance::all(&store).await;
    store.close().await;
}

/// Names the folder for a process that this test starts of itself.
const FOLDER: &str = "STORE_TEST_FOLDER";

/// Each process ends by a crash, at once after an acknowledgement.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_crash() {
    if let Some(folder) = env::var_os(FOLDER) {
        let store = kit::open(kit::embedded(Path::new(&folder))).await;
        let head = store.chat().head("t").await.unwrap().seq;
        store.chat().write(&kit::messages("t", head + 1, head + 10)).await.unwrap();
        process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("state/store");
    for _ in 0..3 {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "embedded::what_was_acknowledged_outlives_a_crash"]);
        let ended = child.env(FOLDER, &folder).output().unwrap();
        assert_eq!(ended.status.code(), None, "{ended:?}");
    }
    let store = kit::open(kit::embedded(&folder)).await;
    let read = store.chat().read("t", 0, 100).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|amended| amended.message).collect();
    assert_eq!(read, kit::messages("t", 1, 30));
    let status = store.status().await.unwrap();
    assert_eq!((status.backend, status.engine), ("embedded", Some("surrealkv")));
    let chat = store.chat();
    store.close().await;
    assert_eq!(chat.head("t").await, Err(QueryError::Closed.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_another_has_open_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = kit::open(kit::embedded(folder.path())).await;
    let error = Store::open(kit::embedded(folder.path())).await.err().expect("it is refused");
    assert_eq!(error, OpenError::Locked { folder: folder.path().into() });
    store.chat().write(&[kit::message("t", 1)]).await.unwrap();
}

#[tokio::test]
async fn folders_that_cannot_be_used_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    for bad in [file.join("below"), folder.path().join("a?sync=never"), "~/store".into()] {
        let error = Store::open(kit::embedded(&bad)).await.err().expect("it is refused");
        assert!(matches!(&error, OpenError::Folder { folder, .. } if *folder == bad), "{error}");
    }
}

/// Returns everything below a folder, with contents.
fn below(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).expect("it is there") {
            let path = item.expect("it is there").path();
            let content = path.is_file().then(|| fs::read(&path).expect("it can be read"));
            if content.is_none() {
                folders.push(path.clone());
            }
            found.insert(path, content);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let [missing, empty, others] = ["missing", "empty", "others"].map(|n| folder.path().join(n));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&others).unwrap();
    fs::write(others.join("file"), b"somebody's").unwrap();
    let before = below(folder.path());
    for place in [missing, empty, others] {
        let looked = [
            Store::inspect(kit::embedded(&place)).await.err(),
            Store::attach(kit::embedded(&place)).await.err(),
        ];
        for error in looked.map(|error| error.expect("there is none")) {
            assert!(error.to_string().contains("there is no database yet"), "{error}");
        }
    }
    assert_eq!(below(folder.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_leaves_what_is_there() {
    // Each look in a process of its own: an engine may hold its folder until its process ends.
    if let Some(folder) = env::var_os(FOLDER) {
        let options = kit::embedded(Path::new(&folder));
        if Path::new(&folder).exists() {
            let status = Store::inspect(options).await.unwrap();
            assert_eq!(status.ledger, LedgerState::Current);
            assert_eq!(status.applied.len(), store::files().len());
        } else {
            let store = kit::open(options).await;
            store.chat().write(&kit::messages("t", 1, 3)).await.unwrap();
        }
        process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("store");
    for _ in 0..3 {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "embedded::looking_leaves_what_is_there"]);
        let ended = child.env(FOLDER, &folder).output().unwrap();
        assert_eq!(ended.status.code(), None, "{ended:?}");
    }
    let store = Store::attach(kit::embedded(&folder)).await.unwrap();
    assert_eq!(store.chat().read("t", 0, 10).await.unwrap().len(), 3);
}
