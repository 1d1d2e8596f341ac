//! How a frame of the log is laid out.
//!
//! All numbers are little endian. `salt` is the segment's random number: checksums start from it,
//! so that no record that somebody else made up can look like a frame of this segment.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | marker `TJF1` |
//! | 4 | 4 | length of the payload |
//! | 8 | 8 | number of the first record; for a note, of the next record |
//! | 16 | 8 | when the group was observed, in milliseconds since 1970 |
//! | 24 | 8 | when the write began, in milliseconds since 1970 |
//! | 32 | 4 | count of records; 0 for a note |
//! | 36 | 4 | kind: 1 a group, 2 a note of dropped records |
//! | 40 | 4 | CRC-32C of the payload |
//! | 44 | 4 | CRC-32C of bytes 0 to 43 |
//! | 48 | length | payload, see below |
//! | 48 + length | 8 | number of the next record behind it |
//! | 56 + length | 4 | CRC-32C of these 8 bytes |
//!
//! The payload of a group is each record as its length in 4 bytes and its bytes; that of a note is
//! 3 numbers of 8 bytes, the records dropped since the last note by reason, and 3 since the log
//! began.
//!
//! The end tells a frame that was damaged from one that was never written whole: only a whole one
//! has it.

use std::sync::Arc;

use bytes::Bytes;

use crate::metrics::Dropped;
use crate::seq::Seq;

pub(crate) const MARKER: [u8; 4] = *b"TJF1";
pub(crate) const HEAD_BYTES: usize = 48;
pub(crate) const END_BYTES: usize = 12;
const KIND_GROUP: u32 = 1;
const KIND_NOTE: u32 = 2;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Group,
    Note,
}

/// The part of a frame before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) payload_bytes: u32,
    pub(crate) first: Seq,
    pub(crate) stamp: u64,
    pub(crate) written: u64,
    pub(crate) count: u32,
    pub(crate) kind: Kind,
    pub(crate) payload_crc: u32,
}

impl Head {
    /// Reads one, where it is sound.
    pub(crate) fn read(bytes: &[u8], salt: u32) -> Option<Self> {
        let bytes = bytes.get(..HEAD_BYTES)?;
        if bytes[..4] != MARKER || u32_at(bytes, 44) != crc(salt, &bytes[..44]) {
            return None;
        }
        let kind = match u32_at(bytes, 36) {
            KIND_GROUP => Kind::Group,
            KIND_NOTE => Kind::Note,
            _ => return None,
        };
        Some(Self {
            payload_bytes: u32_at(bytes, 4),
            first: Seq::new(u64_at(bytes, 8))?,
            stamp: u64_at(bytes, 16),
            written: u64_at(bytes, 24),
            count: u32_at(bytes, 32),
            kind,
            payload_crc: u32_at(bytes, 40),
        })
    }

    /// The bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        HEAD_BYTES + self.payload_bytes as usize + END_BYTES
    }

    /// The number of the record behind the frame.
    pub(crate) fn next(&self) -> Seq {
        self.first.plus(u64::from(self.count))
    }

    pub(crate) fn is_payload(&self, payload: &[u8], salt: u32) -> bool {
        crc(salt, payload) == self.payload_crc
    }
}

/// The bytes that a frame of these records takes.
pub(crate) fn bytes_of(records: &[Bytes]) -> usize {
    HEAD_BYTES + END_BYTES + records.iter().map(|record| record.len() + 4).sum::<usize>()
}

/// Appends the frame of a group.
pub(crate) fn put_group(
    out: &mut Vec<u8>,
    salt: u32,
    first: Seq,
    stamps: (u64, u64),
    records: &[Bytes],
) {
    let start = put_head_room(out);
    for record in records {
        out.extend_from_slice(&(record.len() as u32).to_le_bytes());
        out.extend_from_slice(record);
    }
    finish(out, start, salt, first, stamps, (records.len() as u32, KIND_GROUP));
}

/// Appends the frame of a note: records dropped since the last note, and since the log began.
pub(crate) fn put_note(
    out: &mut Vec<u8>,
    salt: u32,
    next: Seq,
    written: u64,
    since: Dropped,
    ever: Dropped,
) {
    let start = put_head_room(out);
    for number in since.0.iter().chain(&ever.0) {
        out.extend_from_slice(&number.to_le_bytes());
    }
    finish(out, start, salt, next, (written, written), (0, KIND_NOTE));
}

fn put_head_room(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + HEAD_BYTES, 0);
    start
}

fn finish(
    out: &mut Vec<u8>,
    start: usize,
    salt: u32,
    first: Seq,
    (stamp, written): (u64, u64),
    (count, kind): (u32, u32),
) {
    let payload = &out[start + HEAD_BYTES..];
    let (payload_bytes, payload_crc) = (payload.len() as u32, crc(salt, payload));
    let head = &mut out[start..start + HEAD_BYTES];
    head[..4].copy_from_slice(&MARKER);
    head[4..8].copy_from_slice(&payload_bytes.to_le_bytes());
    head[8..16].copy_from_slice(&first.get().to_le_bytes());
    head[16..24].copy_from_slice(&stamp.to_le_bytes());
    head[24..32].copy_from_slice(&written.to_le_bytes());
    head[32..36].copy_from_slice(&count.to_le_bytes());
    head[36..40].copy_from_slice(&kind.to_le_bytes());
    head[40..44].copy_from_slice(&payload_crc.to_le_bytes());
    let head_crc = crc(salt, &head[..44]);
    head[44..48].copy_from_slice(&head_crc.to_le_bytes());
    let next = first.plus(u64::from(count)).get().to_le_bytes();
    out.extend_from_slice(&next);
    out.extend_from_slice(&crc(salt, &next).to_le_bytes());
}

/// Reads the end of a frame: the number of the next record, where it is sound.
pub(crate) fn read_end(bytes: &[u8], salt: u32) -> Option<Seq> {
    let bytes = bytes.get(..END_BYTES)?;
    (u32_at(bytes, 8) == crc(salt, &bytes[..8])).then(|| Seq::new(u64_at(bytes, 0)))?
}

/// Takes a payload apart, where it holds exactly `count` records.
pub(crate) fn records(payload: &Bytes, count: u32) -> Option<Arc<[Bytes]>> {
    // A count that was read from disk is no promise of that many records.
    let mut records = Vec::with_capacity((count as usize).min(payload.len() / 4));
    let mut at = 0_usize;
    while at < payload.len() {
        let len = u32_at(payload.get(at..at + 4)?, 0) as usize;
        let end = at.checked_add(4 + len).filter(|end| *end <= payload.len())?;
        records.push(payload.slice(at + 4..end));
        at = end;
    }
    (records.len() == count as usize).then(|| records.into())
}

/// Reads a note: records dropped since the one before, and since the log began.
pub(crate) fn note(payload: &[u8]) -> Option<(Dropped, Dropped)> {
    let payload: &[u8; 48] = payload.try_into().ok()?;
    let number = |at: usize| u64_at(payload, at * 8);
    Some((Dropped(std::array::from_fn(number)), Dropped(std::array::from_fn(|at| number(at + 3)))))
}

pub(crate) fn crc(salt: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(salt, bytes)
}

/// The 4 bytes at `at`, which must be there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The 8 bytes at `at`, which must be there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests;
