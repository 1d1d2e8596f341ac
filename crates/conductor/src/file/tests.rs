//! Tests of what is written where there is little room left.

use std::fs;

use evidence::{Choice, Hash};
use runbook::{Options, plan};

use super::*;
use crate::{
    Phase,
    room::{DISK_BYTES, RESERVE_BYTES},
};

#[test]
fn nothing_is_written_that_could_not_be_read_again() {
    let text = include_str!("../../tests/golden/small.run.md");
    let plan = plan(text, &Options::default()).plan.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let at: Timestamp = "2026-02-07T10:00:00Z".parse().unwrap();
    let state = || State::new(&plan).unwrap();
    let mut journal = Journal::start(&path, Redactor::default(), state()).unwrap();
    let digest: Hash = plan.digest().unwrap();
    let begun = Event::begun("r", digest, plan.mode);
    journal.append(at, begun, Vec::new()).unwrap();
    assert_eq!(journal.bytes, fs::metadata(&path).unwrap().len());
    let hold = || Event::Decided {
        choice: Choice::Hold,
        role: "lead".into(),
        person: "Bo Lind".into(),
        reason: "so".into(),
        about: None,
    };
    journal.append(at, hold(), Vec::new()).unwrap();
    let (before, whole) = (fs::read(&path).unwrap(), journal.bytes);
    assert_eq!(whole, before.len() as u64);
    // As though it were long.
    journal.bytes = FILE_BYTES_MAX - RESERVE_BYTES - 10;
    assert!(matches!(journal.append(at, hold(), Vec::new()).unwrap_err(), JournalError::NoRoom));
    assert_eq!(fs::read(&path).unwrap(), before);
    // There is room for its end, and for going on with it, up to the last byte that is read.
    journal.bytes = FILE_BYTES_MAX - 10;
    let resumed = Event::Resumed { torn_bytes: 0 };
    let full = journal.append(at, resumed.clone(), Vec::new()).unwrap_err();
    assert!(matches!(full, JournalError::TooLong));
    journal.bytes = FILE_BYTES_MAX - RESERVE_BYTES;
    journal.append(at, resumed, Vec::new()).unwrap();
    assert!(may_take_what_is_kept(&hold(), Phase::RollingBack, Phase::RollingBack));
    drop(journal);
    let journal = Journal::resume(&path, Redactor::default(), state(), at).unwrap();
    assert_eq!(journal.bytes, fs::metadata(&path).unwrap().len());
}

#[test]
fn the_disk_keeps_room_for_the_way_back() {
    use std::os::unix::fs::MetadataExt as _;
    let text = include_str!("../../tests/golden/small.run.md");
    let plan = plan(text, &Options::default()).plan.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let at: Timestamp = "2026-02-07T10:00:00Z".parse().unwrap();
    let mut journal =
        Journal::start(&path, Redactor::default(), State::new(&plan).unwrap()).unwrap();
    journal.append(at, Event::begun("r", plan.digest().unwrap(), plan.mode), Vec::new()).unwrap();
    let about = fs::metadata(&path).unwrap();
    assert_eq!(about.len(), journal.bytes);
    assert!(about.blocks() * 512 >= DISK_BYTES, "{} blocks", about.blocks());
}
