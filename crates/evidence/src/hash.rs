//! SHA-256 and the two ways in which the tree uses it.

use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// How much is read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A SHA-256 value; its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// The text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 digest is 64 lower-case hexadecimal digits")]
pub struct HashError;

impl Hash {
    /// Returns the digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Hash(Sha256::digest(bytes).into())
    }

    /// Returns the digest of all that can be read, piece by piece, and how many bytes that is.
    ///
    /// # Errors
    /// Fails where it can't be read to its end.
    pub fn of_all(mut from: impl Read) -> io::Result<(Self, u64)> {
        let (mut hasher, mut piece, mut bytes) = (Sha256::new(), vec![0; PIECE_BYTES], 0);
        loop {
            match from.read(&mut piece)? {
                0 => return Ok((Hash(hasher.finalize().into()), bytes)),
                read => {
                    hasher.update(&piece[..read]);
                    bytes += read as u64;
                }
            }
        }
    }

    /// Returns the hash of a leaf: SHA-256 of 0x00 and its data (RFC 6962, 2.1).
    pub fn leaf(data: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([0x00]);
        hasher.update(data);
        Hash(hasher.finalize().into())
    }

    /// Returns the hash of a node: SHA-256 of 0x01 and both children (RFC 6962, 2.1).
    pub fn node(left: Self, right: Self) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([0x01]);
        hasher.update(left.0);
        hasher.update(right.0);
        Hash(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| HashError)?;
        bytes.try_into().map(Hash).map_err(|_| HashError)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_in_pieces_has_the_digest_of_the_whole() {
        for length in [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 7] {
            let bytes = vec![b'x'; length];
            let read = Hash::of_all(&bytes[..]).unwrap();
            assert_eq!(read, (Hash::of(&bytes), length as u64));
        }
    }
}
