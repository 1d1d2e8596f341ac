//! A file that is not to the bit what was written is refused; nothing in it can harm.

use broker::memory::window_file::{self, WindowFileError};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::golden::golden_bytes;
use crate::support::logs::{MOMENT, deeds, golden_stream, log_after};

const HEAD_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

fn refusal(bytes: &[u8]) -> Option<WindowFileError> {
    window_file::decode(bytes, MOMENT).err()
}

/// Gives a changed body its right length and checksum again.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = golden_bytes()[..8].to_vec();
    bytes.extend((body.len() as u64).to_be_bytes());
    bytes.extend(body);
    let hash = Sha256::digest(&bytes);
    bytes.extend(hash);
    bytes
}

fn golden_body() -> Vec<u8> {
    let bytes = golden_bytes();
    bytes[HEAD_BYTES..bytes.len() - HASH_BYTES].to_vec()
}

#[test]
fn every_changed_bit_is_refused() {
    let golden = golden_bytes();
    for bit in 0..golden.len() * 8 {
        let mut bytes = golden.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(refusal(&bytes).is_some(), "bit {bit} went unseen");
    }
}

#[test]
fn every_cut_is_refused() {
    let golden = golden_bytes();
    for length in 0..golden.len() {
        assert_eq!(refusal(&golden[..length]), Some(WindowFileError::Torn), "cut at {length}");
    }
}

#[test]
fn the_reason_is_named() {
    let mut newer = golden_bytes();
    newer[7] = 2;
    let longer = [golden_bytes(), vec![0]].concat();
    let mut flipped = golden_bytes();
    flipped[HEAD_BYTES + 3] ^= 1;
    let table = [
        (b"#!/bin/sh\nexit 0\n".to_vec(), WindowFileError::Foreign),
        (b"TIDE".to_vec(), WindowFileError::Torn),
        (b"TIDX".to_vec(), WindowFileError::Foreign),
        (newer, WindowFileError::Version(2)),
        (longer, WindowFileError::Torn),
        (flipped, WindowFileError::Checksum),
    ];
    for (bytes, expected) in table {
        assert_eq!(refusal(&bytes), Some(expected));
    }
}

#[test]
fn a_sealed_body_that_contradicts_itself_is_refused() {
    assert_eq!(refusal(&sealed(&golden_body())), None, "the seal of this test is right");
    type Edit = fn(&mut Vec<u8>);
    let edits: [(&str, Edit); 5] = [
        ("bytes after the end", |body| body.push(0)),
        ("it ends within a field", |body| body.truncate(body.len() - 1)),
        ("the stream's name", |body| body[2] = b'!'),
        // The head's lowest byte, after the name with its length.
        ("the window's numbers", |body| body[2 + 13 + 7] += 1),
        // The highest byte of the head: numbers near the largest there is.
        ("the window's numbers", |body| body[2 + 13] = 0xff),
    ];
    for (expected, edit) in edits {
        let mut body = golden_body();
        edit(&mut body);
        assert_eq!(refusal(&sealed(&body)), Some(WindowFileError::Malformed(expected)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_change_of_any_log_is_refused(
        deeds in deeds(),
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
        tail in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let parts = log_after(&deeds).parts();
        let bytes = window_file::encode(&golden_stream(), &parts, MOMENT);
        let mut changed = bytes.clone();
        let index = at.index(bytes.len());
        changed[index] ^= change;
        prop_assert!(refusal(&changed).is_some());
        prop_assert!(refusal(&bytes[..index]).is_some());
        prop_assert!(refusal(&[&bytes[..], &tail].concat()).is_some());
    }

    /// Not even a body with a right checksum, made by somebody else, does harm.
    #[test]
    fn a_forged_body_is_read_or_refused(
        at in any::<prop::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut body = golden_body();
        let index = at.index(body.len());
        let end = body.len().min(index + with.len());
        body.splice(index..end, with);
        let _ = refusal(&sealed(&body));
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(refusal(&bytes).is_some());
        prop_assert!(refusal(&[&b"TIDEWIN\x01"[..], &bytes].concat()).is_some());
    }
}
