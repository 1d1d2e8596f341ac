//! The number of a record.
//!
//! Owns the rule that numbers begin at 1. Must not know who gives them.

use std::fmt;
use std::num::NonZeroU64;

/// Number of a record in the journal: 1, 2, 3 …, never given twice, not after a restart either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(NonZeroU64);

impl Seq {
    /// The number of the first record ever.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The number `value`, or `None` for 0.
    pub const fn new(value: u64) -> Option<Self> {
        match NonZeroU64::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// As a plain number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The number `records` further on; stays at the largest number there is.
    #[must_use]
    pub const fn plus(self, records: u64) -> Self {
        Self(self.0.saturating_add(records))
    }

    /// The number before, or `None` for the first.
    pub const fn before(self) -> Option<Self> {
        Self::new(self.get() - 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Records that are numbered but can't be read, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The first of them.
    pub from: Seq,
    /// The last of them.
    pub to: Seq,
}
