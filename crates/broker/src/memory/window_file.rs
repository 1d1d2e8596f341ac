//! The bytes of one saved window. Pure: bytes in, a log out, or the reason why not.
//!
//! Format, version 1, all numbers big-endian: the 8 bytes `TIDEWIN` and the version; the body's
//! length (u64); the body; SHA-256 over all before it. Times in the body are Unix milliseconds. A
//! file that is shorter, longer or different by one bit is refused whole.

mod bytes_in;
mod bytes_out;

use event::{Clock, MonoMs, StreamName, UnixMs};
use sha2::{Digest, Sha256};

use super::log::{Log, LogParts};

const MAGIC: &[u8; 7] = b"TIDEWIN";
/// The version that is written, and the greatest that is read.
pub const VERSION: u8 = 1;
const HEAD_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Why a file is not a saved window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowFileError {
    /// It does not begin as one.
    #[error("it is not a saved window")]
    Foreign,
    /// It has a version that this program does not read.
    #[error("it has format version {0}, and this program reads version {VERSION}")]
    Version(u8),
    /// Its length is not the one that it states.
    #[error("it is torn: its length is not the one that it states")]
    Torn,
    /// Its checksum is not that of its content.
    #[error("its checksum does not fit its content")]
    Checksum,
    /// Its content contradicts itself.
    #[error("its content contradicts itself: {0}")]
    Malformed(&'static str),
}

/// The two clocks at one moment, to turn ages into times of day and back.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The monotonic clock.
    pub mono: MonoMs,
    /// The wall clock.
    pub unix: UnixMs,
}

impl Moment {
    /// Reads both clocks.
    pub fn now(clock: &dyn Clock) -> Self {
        Moment { mono: clock.mono(), unix: clock.unix() }
    }

    /// Returns the time of day of an earlier monotonic instant.
    fn unix_of(self, at: MonoMs) -> UnixMs {
        let age_ms = self.mono.0.saturating_sub(at.0);
        UnixMs(self.unix.0.saturating_sub(age_ms))
    }

    /// Returns the monotonic instant of a time of day, now where it lies ahead.
    fn mono_of(self, at: UnixMs) -> MonoMs {
        let age_ms = self.unix.0.saturating_sub(at.0);
        MonoMs(self.mono.0.saturating_sub(age_ms))
    }
}

/// Writes a log's parts as a file's bytes.
pub fn encode(stream: &StreamName, parts: &LogParts, now: Moment) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&[0; 8]);
    bytes_out::body(&mut out, stream, parts, now);
    let body_bytes = (out.len() - HEAD_BYTES) as u64;
    out[8..HEAD_BYTES].copy_from_slice(&body_bytes.to_be_bytes());
    let hash: [u8; HASH_BYTES] = Sha256::digest(&out).into();
    out.extend_from_slice(&hash);
    out
}

/// Reads a file's bytes as the log of a stream.
///
/// # Errors
/// Fails on anything that [`encode`] did not write; nothing of such a file is used.
pub fn decode(bytes: &[u8], now: Moment) -> Result<(StreamName, Log), WindowFileError> {
    let body = checked_body(bytes)?;
    bytes_in::body(body, now).map_err(WindowFileError::Malformed)
}

fn checked_body(bytes: &[u8]) -> Result<&[u8], WindowFileError> {
    let Some((magic, rest)) = bytes.split_first_chunk::<7>() else {
        return Err(if MAGIC.starts_with(bytes) {
            WindowFileError::Torn
        } else {
            WindowFileError::Foreign
        });
    };
    if magic != MAGIC {
        return Err(WindowFileError::Foreign);
    }
    let (&version, rest) = rest.split_first().ok_or(WindowFileError::Torn)?;
    if version != VERSION {
        return Err(WindowFileError::Version(version));
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or(WindowFileError::Torn)?;
    let (body, hash) = rest.split_last_chunk::<HASH_BYTES>().ok_or(WindowFileError::Torn)?;
    if body.len() as u64 != u64::from_be_bytes(*length) {
        return Err(WindowFileError::Torn);
    }
    let computed: [u8; HASH_BYTES] = Sha256::digest(&bytes[..bytes.len() - HASH_BYTES]).into();
    if &computed != hash {
        return Err(WindowFileError::Checksum);
    }
    Ok(body)
}
