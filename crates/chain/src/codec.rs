//! Records as bytes: one byte for the version, then the record as `postcard` writes it
//! (<https://postcard.jamesmunns.com/wire-format>).
//!
//! Must not know: where the bytes are kept. Whoever keeps them has a checksum; what gets here all the
//! same is refused, never a panic, and allocates no more than the bytes can hold.

use crate::{Fact, Record};

/// The first byte of every record that is written now.
const VERSION: u8 = 2;

/// Records of this version are read as well: their transactions end before `lists`.
const BEFORE_LISTS: u8 = 1;

/// The bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("a record of no bytes")]
    Empty,
    /// A later version wrote them, or they are none of ours.
    #[error("a record of version {version}, where this build reads version {VERSION}")]
    Version {
        /// The version that they say.
        version: u8,
    },
    /// They end within the record.
    #[error("a record that is cut off after {bytes} bytes")]
    Cut {
        /// How many there are.
        bytes: usize,
    },
    /// Something follows the record.
    #[error("{bytes} bytes behind the end of a record")]
    Trailing {
        /// How many follow.
        bytes: usize,
    },
    /// They can't have been written for a record.
    #[error("a record whose bytes say nothing valid")]
    Malformed,
}

/// Returns the bytes of a record.
pub fn encode(record: &Record) -> Vec<u8> {
    postcard::to_extend(record, vec![VERSION])
        .expect("memory takes any number of bytes, and a record has no value postcard can't write")
}

/// Returns the record of these bytes, of which none may be left over.
///
/// # Errors
///
/// See [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    match *version {
        VERSION => whole(body),
        BEFORE_LISTS => before_lists(body),
        version => Err(DecodeError::Version { version }),
    }
    .map_err(|error| match error {
        DecodeError::Cut { .. } => DecodeError::Cut { bytes: bytes.len() },
        error => error,
    })
}

fn whole(body: &[u8]) -> Result<Record, DecodeError> {
    match first(body)? {
        (record, []) => Ok(record),
        (_, rest) => Err(DecodeError::Trailing { bytes: rest.len() }),
    }
}

/// Reads a record of the version before: only `Seen` has a transaction, which is its last field, so
/// that the byte for no lists is all that it lacks.
fn before_lists(body: &[u8]) -> Result<Record, DecodeError> {
    const NO_LISTS: u8 = 0;
    let longer = [body, &[NO_LISTS]].concat();
    let (record, rest) = first(&longer)?;
    let lacked = usize::from(!matches!(record.fact, Fact::Seen { .. }));
    match rest.len().checked_sub(lacked) {
        Some(0) => Ok(record),
        Some(bytes) => Err(DecodeError::Trailing { bytes }),
        None => Err(DecodeError::Cut { bytes: body.len() }),
    }
}

fn first(body: &[u8]) -> Result<(Record, &[u8]), DecodeError> {
    postcard::take_from_bytes(body).map_err(|error| match error {
        postcard::Error::DeserializeUnexpectedEnd => DecodeError::Cut { bytes: body.len() },
        _ => DecodeError::Malformed,
    })
}
