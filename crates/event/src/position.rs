//! Where an event is in its log.

use std::fmt;

use crate::Epoch;

/// An event's number in its log: 1, 2, 3 … without a hole; 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The place before the first event.
    pub const ZERO: Seq = Seq(0);

    /// Returns the number that follows.
    pub const fn next(self) -> Seq {
        Seq(self.0 + 1)
    }

    /// Returns the number before, `ZERO` for `ZERO`.
    pub const fn prev(self) -> Seq {
        Seq(self.0.saturating_sub(1))
    }

    /// Returns how many events lie after `earlier` up to and with `self`; 0 where it is not earlier.
    pub const fn count_after(self, earlier: Seq) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a log: the ownership under which the event was appended, and its number.
///
/// The text form is the client's cursor, `EPOCH-SEQ`; see [`std::str::FromStr`] for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The ownership under which the event was appended.
    pub epoch: Epoch,
    /// The event's number.
    pub seq: Seq,
}

impl Position {
    /// Returns the position `seq` of `epoch`.
    pub const fn new(epoch: Epoch, seq: Seq) -> Self {
        Position { epoch, seq }
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
