//! The name of one unbroken ownership of a log.

use std::{fmt, str::FromStr};

/// A random 64-bit name for one unbroken ownership of a log.
///
/// Its text is 13 characters of Crockford's base 32 in lower case, most significant first
/// (<https://www.crockford.com/base32.html>), so it sorts as the number does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

/// The text is not an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is 13 characters of lower-case Crockford base 32")]
pub struct EpochError;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const EPOCH_CHARS: usize = 13;

impl Epoch {
    /// Draws a new epoch.
    pub fn random(rng: &mut impl rand::Rng) -> Self {
        Epoch(rng.next_u64())
    }

    /// Returns the epoch with this number, for codecs and tests.
    pub const fn from_bits(bits: u64) -> Self {
        Epoch(bits)
    }

    /// Returns the epoch's number.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; EPOCH_CHARS];
        for (i, out) in text.iter_mut().enumerate() {
            let shift = 5 * (EPOCH_CHARS - 1 - i);
            *out = ALPHABET[((self.0 >> shift) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, EpochError> {
        if text.len() != EPOCH_CHARS {
            return Err(EpochError);
        }
        let mut bits = 0u64;
        for (i, byte) in text.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|&a| a == byte).ok_or(EpochError)? as u64;
            if i == 0 && digit > 15 {
                return Err(EpochError);
            }
            bits = (bits << 5) | digit;
        }
        Ok(Epoch(bits))
    }
}
