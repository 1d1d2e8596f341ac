//! A window's file: what can be read is written again as it was; nothing else is used.
//!
//! Half of the inputs get the right head and checksum, else nothing would come past them.

#![no_main]

use broker::memory::window_file::{self, Moment};
use event::{MonoMs, UnixMs};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

const NOW: Moment = Moment { mono: MonoMs(1 << 40), unix: UnixMs(1 << 40) };

fuzz_target!(|input: (bool, &[u8])| {
    let (sealed, body) = input;
    let bytes = if sealed { seal(body) } else { body.to_vec() };
    let Ok((stream, log)) = window_file::decode(&bytes, NOW) else { return };
    let again = window_file::encode(&stream, &log.parts(), NOW);
    let (stream_again, _) = window_file::decode(&again, NOW).expect("what we write, we read");
    assert_eq!(stream, stream_again);
});

/// Puts the head before a body and the checksum behind it.
fn seal(body: &[u8]) -> Vec<u8> {
    let mut out = b"TIDEWIN".to_vec();
    out.push(window_file::VERSION);
    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    out.extend_from_slice(body);
    let hash = Sha256::digest(&out);
    out.extend_from_slice(&hash);
    out
}
