//! A file that may be whole, and only can't be read by this process, is nobody's to set aside.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
};

use broker::memory::state_dir::{LoadError, StateDir};

use super::{LIMITS, append, names_in, stream};
use crate::support::memory::Memory;

const HURT: &str = "thread=hurt.window";

/// Ends a process in order, does something to a file of it, and has another one load the folder.
fn refusal(hurt: impl FnOnce(&Path)) -> LoadError {
    let mut memory = Memory::start(LIMITS, 8);
    append(&memory, &stream("hurt"), 0);
    append(&memory, &stream("first"), 1);
    fs::write(memory.folder().join("thread=damaged.window"), "else").expect("it is written");
    memory.save_now();
    memory.state().mark_clean(&memory.broker).expect("the marker is written");
    let file = memory.folder().join(HURT);
    let bytes = fs::read(&file).expect("it was saved");
    hurt(&file);
    memory.end();
    let before = names_in(&memory);
    let heir = memory.new_broker();
    let state = StateDir::open(memory.folder()).expect("the folder is free");
    let refused = state.load(&heir).expect_err("it is not for this process to judge");
    drop(state);
    assert_eq!(names_in(&memory), before, "nothing was moved or taken away");
    assert_eq!(heir.logs(), 0, "nothing was taken up");
    assert!(refused.to_string().contains(&file.display().to_string()), "{refused}");
    // Once it can be read, everything is there as if nothing had happened.
    fs::remove_file(&file).and_then(|()| fs::write(&file, bytes)).expect("it is mended");
    memory.start_anew();
    assert!(memory.loaded.clean && memory.loaded.streams == 2, "{:?}", memory.loaded);
    refused
}

#[test]
fn a_file_that_cannot_be_read_refuses_the_start() {
    // Permissions don't stop root; these two do.
    let link = |target: &'static str| {
        move |file: &Path| {
            fs::remove_file(file).expect("it was saved");
            symlink(target, file).expect("it is linked");
        }
    };
    for target in ["thread=hurt.window", "/proc/self/mem"] {
        let refused = refusal(link(target));
        assert!(matches!(refused, LoadError::Unreadable { .. }), "{target}: {refused:?}");
        assert!(refused.to_string().contains("make it readable"), "{refused}");
    }
}

#[test]
fn a_file_of_a_newer_program_refuses_the_start() {
    let refused = refusal(|file| {
        let mut bytes = fs::read(file).expect("it was saved");
        bytes[7] = 9;
        fs::write(file, bytes).expect("it is written");
    });
    assert!(matches!(refused, LoadError::Newer { version: 9, .. }), "{refused:?}");
    assert!(refused.to_string().contains("format version 9"), "{refused}");
}

#[test]
fn a_folder_that_cannot_be_listed_is_told() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let path = folder.path().join("state");
    let state = StateDir::open(&path).expect("it is made");
    fs::rename(&path, folder.path().join("moved")).expect("it is moved");
    File::create(&path).expect("something else is there");
    let memory = Memory::start(LIMITS, 8);
    let refused = state.load(&memory.broker).expect_err("it is no folder");
    assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
}
