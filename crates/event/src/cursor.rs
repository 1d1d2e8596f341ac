//! The text form of a position: what clients keep and give back.
//!
//! Format: the epoch's 13 characters, `-`, the number in decimal without leading zeros. It has
//! nothing that a URL, an SSE `id:` line or JSON would have to escape.

use std::{fmt, str::FromStr};

use crate::{Epoch, Position, Seq, limits::CURSOR_BYTES_MAX};

/// The text is not a cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: it is the opaque text that this server gave as `id:` or `cursor`")]
pub struct CursorError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = CursorError;

    /// Reads a cursor; only the exact text that `Display` writes is taken.
    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > CURSOR_BYTES_MAX {
            return Err(CursorError);
        }
        let (epoch, seq) = text.split_once('-').ok_or(CursorError)?;
        let canonical = seq == "0" || !seq.starts_with(['0', '+']);
        if !canonical {
            return Err(CursorError);
        }
        let epoch: Epoch = epoch.parse().map_err(|_| CursorError)?;
        Ok(Position::new(epoch, Seq(seq.parse().map_err(|_| CursorError)?)))
    }
}
