//! A damaged file is set aside and never fatal, and its readers are told; the others go on.

use std::{fs, path::Path};

use event::{After, GapReason};

use super::{LIMITS, append, names_in, page, stream};
use crate::support::memory::Memory;

const HURT: &str = "thread=hurt.window";

/// Saves two streams, does something to one's file, and starts anew.
fn after_damage(damage: impl FnOnce(&Path)) -> (Memory, Vec<broker::Receipt>) {
    let mut memory = Memory::start(LIMITS, 3);
    let receipts = (0..3).map(|n| append(&memory, &stream("hurt"), n)).collect();
    append(&memory, &stream("sound"), 10);
    memory.save_now();
    damage(&memory.folder().join(HURT));
    memory.state().mark_clean(&memory.broker).expect("the marker is written");
    memory.start_anew();
    (memory, receipts)
}

fn check(what: &str, reason: &str, damage: impl FnOnce(&Path)) {
    let (memory, receipts) = after_damage(damage);
    let set_aside = &memory.loaded.set_aside;
    assert_eq!(set_aside.len(), 1, "{what}");
    assert!(set_aside[0].reason.contains(reason), "{what}: {}", set_aside[0].reason);
    assert_eq!(set_aside[0].stream, Some(stream("hurt")));
    let moved_to = set_aside[0].moved_to.as_ref().expect("it was moved");
    assert!(moved_to.exists() && !memory.folder().join(HURT).exists(), "{what}");
    for receipt in &receipts {
        let gap = page(&memory, &stream("hurt"), &After::At(receipt.position)).gap;
        assert_eq!(gap.map(|gap| gap.reason), Some(GapReason::DataLoss), "{what}");
    }
    let sound = page(&memory, &stream("sound"), &After::Oldest);
    assert_eq!((sound.gap, sound.events.len()), (None, 1), "{what}");
    append(&memory, &stream("hurt"), 20);
    memory.save_now();
    assert!(moved_to.exists(), "{what}: what was set aside is kept");
}

fn overwrite(with: impl FnOnce(Vec<u8>) -> Vec<u8>) -> impl FnOnce(&Path) {
    |path| {
        let bytes = fs::read(path).expect("it was saved");
        fs::write(path, with(bytes)).expect("it is written");
    }
}

#[test]
fn a_damaged_file_is_set_aside() {
    check("foreign", "not a saved window", overwrite(|_| b"something else".to_vec()));
    check("empty", "torn", overwrite(|_| Vec::new()));
    check("cut", "torn", overwrite(|bytes| bytes[..bytes.len() / 2].to_vec()));
    check("longer", "torn", overwrite(|bytes| [bytes, vec![0; 7]].concat()));
    check(
        "one bit",
        "checksum",
        overwrite(|mut bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
    );
    check(
        "no version",
        "format version 0",
        overwrite(|mut bytes| {
            bytes[7] = 0;
            bytes
        }),
    );
}

#[test]
fn a_folder_in_a_files_place_is_set_aside() {
    check("a folder", "it is a folder", |path| {
        fs::remove_file(path).expect("it was saved");
        fs::create_dir(path).expect("it is made");
    });
}

#[test]
fn a_file_under_another_streams_name_is_set_aside() {
    check("renamed", "the window of `thread:sound`", |path| {
        fs::copy(path.with_file_name("thread=sound.window"), path).expect("it is copied");
    });
}

#[test]
fn a_file_whose_name_is_no_streams_is_set_aside() {
    let mut memory = Memory::start(LIMITS, 3);
    let stray = memory.folder().join("no stream.window");
    fs::write(&stray, b"something").expect("it is written");
    memory.crash_now();
    assert_eq!(memory.loaded.set_aside[0].stream, None);
    assert_eq!(memory.loaded.streams, 0);
    assert!(!stray.exists());
}

#[test]
fn a_torn_temporary_file_is_nobodys() {
    let mut memory = Memory::start(LIMITS, 3);
    let receipt = append(&memory, &stream("a"), 0);
    memory.save_now();
    let torn = memory.folder().join("thread=a.window.tmp");
    fs::write(&torn, b"TIDEWIN\x01half").expect("it is written");
    memory.crash_now();
    assert!(memory.loaded.set_aside.is_empty() && !torn.exists());
    let page = page(&memory, &stream("a"), &After::Oldest);
    assert_eq!(page.events[0].position, receipt.position);
}

#[test]
fn two_files_set_aside_at_one_time_are_both_kept() {
    let mut memory = Memory::start(LIMITS, 3);
    for content in ["first", "second"] {
        // The clock of the test stands still meanwhile.
        fs::write(memory.folder().join(HURT), content).expect("it is written");
        memory.crash_now();
    }
    let kept = names_in(&memory).into_iter().filter(|name| name.contains(".damaged-"));
    assert_eq!(kept.count(), 2);
}
