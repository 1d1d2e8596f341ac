//! An event's identity, which it keeps wherever it is moved.

use std::{fmt, str::FromStr};

use ulid::Ulid;

use crate::UnixMs;

/// An event's identity: `evt_` and a ULID (<https://github.com/ulid/spec>), globally unique.
///
/// Its first 48 bits are the envelope's timestamp. Order is never read from it: that is the
/// position's part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

/// The text is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is evt_ and the 26 characters of a ULID in upper case")]
pub struct EventIdError;

const PREFIX: &str = "evt_";
const UNIX_MS_MAX: u64 = (1 << 48) - 1;

impl EventId {
    /// Draws a new id for an event of this time.
    pub fn random(at: UnixMs, rng: &mut impl rand::Rng) -> Self {
        let random = u128::from(rng.next_u64()) << 16 | u128::from(rng.next_u32() & 0xffff);
        EventId(Ulid::from_parts(at.0.min(UNIX_MS_MAX), random).0)
    }

    /// Returns the id with this number, for codecs and tests.
    pub const fn from_bits(bits: u128) -> Self {
        EventId(bits)
    }

    /// Returns the id's number.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Returns the time that the id carries, which is the envelope's timestamp.
    pub fn unix_ms(self) -> UnixMs {
        UnixMs(Ulid(self.0).timestamp_ms())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Ulid(self.0))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    /// Reads an id; only the exact text that `Display` writes is taken.
    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let ulid = text.strip_prefix(PREFIX).ok_or(EventIdError)?;
        let id = Ulid::from_string(ulid).map(|ulid| EventId(ulid.0)).map_err(|_| EventIdError)?;
        if id.to_string() == text { Ok(id) } else { Err(EventIdError) }
    }
}
