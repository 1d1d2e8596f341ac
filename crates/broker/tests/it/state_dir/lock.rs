//! One process has the folder, and nobody else may read what is in it.

use std::{fs, os::unix::fs::PermissionsExt};

use broker::memory::state_dir::{StateDir, StateDirError};

use super::{LIMITS, append, stream};
use crate::support::memory::Memory;

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let first = StateDir::open(folder.path()).expect("it is free");
    let second = StateDir::open(folder.path());
    assert!(matches!(second, Err(StateDirError::InUse { .. })));
    drop(first);
    StateDir::open(folder.path()).expect("it is free again");
}

#[test]
fn only_this_user_may_read_it() {
    let memory = Memory::start(LIMITS, 5);
    append(&memory, &stream("a"), 0);
    memory.save_now();
    let mode = |name: &str| {
        let metadata = fs::metadata(memory.folder().join(name)).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("thread=a.window"), 0o600);
    let below = memory.folder().join("new");
    drop(StateDir::open(&below).expect("it is made"));
    assert_eq!(mode("new"), 0o700);
}
