//! The running account of a log, against which what readers received is checked.
//!
//! Formula: `H(0) = 0³²`, `H(n) = SHA-256(H(n-1) ‖ seq as 8 bytes big-endian ‖ SHA-256(json))`
//! with SHA-256 of FIPS 180-4. Whoever knows one value and all later events can compute the next.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Position, Seq};

/// A hash over every event of a log up to a place, in order and with its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RollingHash(pub [u8; 32]);

impl RollingHash {
    /// Returns the hash after one more event, given its number and its envelope's JSON.
    #[must_use]
    pub fn and(self, seq: Seq, json: &[u8]) -> Self {
        let mut chain = Sha256::new();
        chain.update(self.0);
        chain.update(seq.0.to_be_bytes());
        chain.update(Sha256::digest(json));
        RollingHash(chain.finalize().into())
    }
}

impl fmt::Display for RollingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for RollingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The account of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The place before the oldest event that the window still holds.
    pub window_after: Position,
    /// The first number that the account covers; 0 where it covers none.
    pub first: Seq,
    /// The place of the last event.
    pub last: Position,
    /// How many events the account covers.
    pub count: u64,
    /// The hash over them.
    pub hash: RollingHash,
}
