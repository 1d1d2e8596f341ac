//! A segment: one file of the log, named by the number of its first record.
//!
//! It begins with its header, twice, so that a flipped bit in one costs nothing:
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `TIDEWAL` and a zero |
//! | 8 | 4 | format, 1 |
//! | 12 | 4 | salt of the checksums, random |
//! | 16 | 8 | number of its first record |
//! | 24 | 24 | records dropped since the log began, by reason, 8 bytes each |
//! | 48 | 4 | CRC-32C of bytes 0 to 47 |
//!
//! Frames follow it. A frame that has a number which a later segment begins with or is above it
//! was never acknowledged, and does not count.

use std::path::{Path, PathBuf};

use crate::frame::{crc, u32_at, u64_at};
use crate::metrics::Dropped;
use crate::seq::Seq;

pub(crate) const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"TIDEWAL\0";
const COPY_BYTES: usize = 52;
/// Where the first frame is.
pub(crate) const HEADER_BYTES: usize = 2 * COPY_BYTES;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) salt: u32,
    pub(crate) first: Seq,
    pub(crate) dropped: Dropped,
}

impl Header {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(HEADER_BYTES);
        copy.extend_from_slice(&MAGIC);
        copy.extend_from_slice(&self.version.to_le_bytes());
        copy.extend_from_slice(&self.salt.to_le_bytes());
        copy.extend_from_slice(&self.first.get().to_le_bytes());
        for number in self.dropped.0 {
            copy.extend_from_slice(&number.to_le_bytes());
        }
        copy.extend_from_slice(&crc(0, &copy).to_le_bytes());
        copy.extend_from_within(..);
        copy
    }

    /// Reads the first sound one of the two copies.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.chunks_exact(COPY_BYTES).take(2).find_map(Self::read_copy)
    }

    fn read_copy(bytes: &[u8]) -> Option<Self> {
        if bytes[..8] != MAGIC || u32_at(bytes, 48) != crc(0, &bytes[..48]) {
            return None;
        }
        Some(Self {
            version: u32_at(bytes, 8),
            salt: u32_at(bytes, 12),
            first: Seq::new(u64_at(bytes, 16))?,
            dropped: Dropped(std::array::from_fn(|at| u64_at(bytes, 24 + 8 * at))),
        })
    }
}

/// Where the segment is that begins with `first`.
pub(crate) fn path(folder: &Path, first: Seq) -> PathBuf {
    folder.join(format!("{:020}.wal", first.get()))
}

/// Where a damaged one is set aside.
pub(crate) fn aside(folder: &Path, first: Seq) -> PathBuf {
    folder.join(format!("{:020}.damaged", first.get()))
}

/// The number in the name of a segment.
pub(crate) fn first_of(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(".wal")?;
    (digits.len() == 20).then(|| Seq::new(digits.parse().ok()?))?
}
