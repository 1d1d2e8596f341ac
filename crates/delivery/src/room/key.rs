//! The names of a room's readers.

/// Names a reader of a room; one that has left is not mistaken for its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReaderKey {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl ReaderKey {
    /// Returns the key as one number, for a poller's token.
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// Returns the key with this number.
    pub const fn from_bits(bits: u64) -> Self {
        ReaderKey { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}
