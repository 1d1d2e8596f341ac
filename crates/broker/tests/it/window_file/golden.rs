//! The format's bytes as they are written today, so that a change of it can't go unseen.

use std::time::Duration;

use broker::memory::{log::Log, window_file};
use data_encoding::HEXLOWER;
use event::ForkKind;

use crate::support::logs::{Deed, MOMENT, assert_same, golden_stream, log_after};

/// A window of version 1, in lines of 32 bytes.
const GOLDEN: &str = include_str!("../golden/window_v1.hex");

/// A log with a fork of each kind, two events, and one key of two events.
fn golden_log() -> Log {
    log_after(&[
        Deed::Append { events: 1, key: None },
        Deed::Fork(ForkKind::Whole),
        Deed::Wait(Duration::from_secs(700)),
        Deed::Append { events: 2, key: Some(7) },
        Deed::Fork(ForkKind::Lossy),
    ])
}

pub(super) fn golden_bytes() -> Vec<u8> {
    let hex: String = GOLDEN.split_whitespace().collect();
    HEXLOWER.decode(hex.as_bytes()).expect("the fixture is hex")
}

#[test]
fn a_window_is_written_as_ever() {
    let bytes = window_file::encode(&golden_stream(), &golden_log().parts(), MOMENT);
    let hex = HEXLOWER.encode(&bytes);
    let lines: Vec<_> = hex.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    assert_eq!(lines.join("\n"), GOLDEN.trim_end(), "the format has changed");
}

#[test]
fn a_window_of_version_1_is_read() {
    let read = window_file::decode(&golden_bytes(), MOMENT);
    let (stream, log) = read.expect("this program wrote it");
    assert_eq!(stream, golden_stream());
    assert_same(&log.parts(), &golden_log().parts());
}
