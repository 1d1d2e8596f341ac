//! A disk that takes no more leaves the old file whole, and is told.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use broker::{
    MemoryBroker,
    memory::state_dir::{StateDir, StateDirError},
};
use event::After;

use super::{LIMITS, append, page, stream};
use crate::support::memory::Memory;

#[test]
fn a_write_that_finds_no_space_leaves_the_old_file() {
    let mut memory = Memory::start(LIMITS, 4);
    append(&memory, &stream("a"), 0);
    memory.save_now();
    let file = memory.folder().join("thread=a.window");
    let old = fs::read(&file).expect("it was saved");
    append(&memory, &stream("a"), 1);
    append(&memory, &stream("b"), 2);
    // The device takes no byte: every write to it says that there is no space left.
    symlink("/dev/full", memory.folder().join("thread=a.window.tmp")).expect("it is linked");
    let saved = memory.state().save(&memory.broker);
    let (failure, count) = saved.failed.expect("there was no space");
    assert_eq!((failure.source.kind(), count), (std::io::ErrorKind::StorageFull, 1));
    assert_eq!((failure.stream, failure.file), (stream("a"), file.clone()));
    assert_eq!(saved.streams, 1, "the other stream is saved all the same");
    assert_eq!(fs::read(&file).expect("it still stands"), old);
    // There is space again, and what could not be written then is written now.
    memory.restart_now();
    assert_eq!(page(&memory, &stream("a"), &After::Oldest).events.len(), 2);
}

#[test]
fn a_target_that_cannot_be_replaced_is_told() {
    let memory = Memory::start(LIMITS, 4);
    append(&memory, &stream("a"), 0);
    let in_the_way = memory.folder().join("thread=a.window");
    fs::create_dir(&in_the_way).expect("it is made");
    assert!(memory.state().save(&memory.broker).failed.is_some());
    assert!(!memory.folder().join("thread=a.window.tmp").exists(), "its space is given back");
    fs::remove_dir(in_the_way).expect("it is empty");
    let saved = memory.state().save(&memory.broker);
    assert!(saved.failed.is_none() && saved.streams == 1, "it is still to be saved");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("it is written");
    let refused = StateDir::open(&file.join("below"));
    assert!(matches!(refused, Err(StateDirError::Unwritable { .. })));
}

/// A small disk of its own, taken away when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Returns `None` where this user may not mount.
    fn mount(at: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(SmallDisk(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", {
            self.0.display()
        });
    }
}

#[test]
fn a_full_disk_keeps_what_it_has() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        println!("not run: this user may not mount a tmpfs; /dev/full stands in for it above");
        return;
    };
    let memory = Memory::start(LIMITS, 4);
    let state = StateDir::open(folder.path()).expect("there is space for a probe");
    append(&memory, &stream("a"), 0);
    assert!(state.save(&memory.broker).failed.is_none());
    let filler = folder.path().join("filler");
    assert!(fs::write(&filler, vec![0; 1 << 20]).is_err(), "the disk is small");
    append(&memory, &stream("a"), 1);
    let (failure, _) = state.save(&memory.broker).failed.expect("the disk is full");
    assert_eq!(failure.source.kind(), std::io::ErrorKind::StorageFull);
    let heir = MemoryBroker::new(LIMITS, memory.clock.clone());
    let loaded = state.load(&heir).expect("it is listed");
    assert_eq!((loaded.events, loaded.set_aside.len()), (1, 0), "the old file is whole");
}
