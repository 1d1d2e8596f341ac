//! Which clients a share means: the same ones at every look, and a greater share contains a smaller.
//!
//! A client is the first 64 bits of the SHA-256 of its credential, so that a credential is never seen
//! where clients are counted. Its bucket is the first 32 of these bits modulo [`BUCKETS`]; it belongs
//! to the canary iff its bucket is below the share in hundredths of a per cent. A router computes the
//! same from its own configuration, see `haproxy/edge.cfg`. SHA-256 is the same in every version of a
//! router, after every restart, and nobody chooses a credential by its bucket without much work.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::Weight;

/// Into how many buckets clients are put: a weight counts them.
pub const BUCKETS: u16 = 10_000;

/// A client, as a number that stays the same and does not show its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(u64);

/// One of [`BUCKETS`] parts of all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

/// A text that is no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client is written with 16 hexadecimal digits")]
pub struct ClientError;

impl Client {
    /// Returns who comes with this credential: the value of `x-api-key`, else that of
    /// `Authorization`, else the ticket, else the address that it comes from.
    pub fn of(credential: &str) -> Self {
        let digest = Sha256::digest(credential.as_bytes());
        Client(digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Returns the client's number, as guards count by.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Returns the client's bucket.
    pub const fn bucket(self) -> Bucket {
        // Below BUCKETS, which is a u16.
        Bucket(((self.0 >> 32) % BUCKETS as u64) as u16)
    }

    /// Returns credentials of nobody, whose buckets are below a weight: whom a probe comes as. They
    /// are the same at every call with the same `seed`. There are none for a weight of nothing.
    pub fn probes(seed: &str, weight: Weight) -> impl Iterator<Item = String> {
        let most = if weight == Weight::NONE { 0 } else { u64::MAX };
        let names = (0..most).map(move |number| format!("probe-{seed}-{number}"));
        names.filter(move |name| Client::of(name).bucket().is_in(weight))
    }
}

impl Bucket {
    /// Returns its number, below [`BUCKETS`].
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Returns whether its clients belong to a canary with this weight.
    pub const fn is_in(self, weight: Weight) -> bool {
        self.0 < weight.basis_points()
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

impl FromStr for Client {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(Client).ok_or(ClientError)
    }
}

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
