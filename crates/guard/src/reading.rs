//! Readings of counters that only grow, as metrics give them, become what happened in between.
//!
//! What can't be trusted is an error and never a zero: a number that is none, one below zero, one of
//! the past, a counter that began anew while its partner did not.

use crate::{At, Counts, CountsError, arms::sound_number};

/// One reading of an arm: totals since its counters began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When it was taken.
    pub at: At,
    /// All that was exposed: requests, or seconds of connections.
    pub exposure: f64,
    /// All that went wrong.
    pub errors: f64,
}

/// A reading that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ReadingError {
    /// Its numbers can't be.
    #[error("the reading can't be: {0}")]
    Counts(#[from] CountsError),
    /// It was not taken after the one before.
    #[error("the reading is of the past: taken at {at}, the one before at {last}", at = .at.0, last = .last.0)]
    Past {
        /// When it was taken.
        at: At,
        /// When the one before was.
        last: At,
    },
    /// One counter fell and its partner did not.
    #[error("one counter began anew and its partner did not")]
    HalfReset,
}

/// Turns readings of one arm into counts.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    last: Option<Reading>,
    resets: u32,
}

impl Counter {
    /// Returns what happened since the reading before; nothing for the first one.
    ///
    /// After a reset the totals themselves are what happened: what the counters had between the last
    /// reading and the reset is lost.
    ///
    /// # Errors
    /// Fails on a reading that can't be trusted. The next one is then compared with the last good one,
    /// after half a reset with this one.
    pub fn take(&mut self, reading: Reading) -> Result<Option<Counts>, ReadingError> {
        sound_number(reading.exposure)?;
        sound_number(reading.errors)?;
        let Some(last) = self.last else {
            self.last = Some(reading);
            return Ok(None);
        };
        if reading.at <= last.at {
            return Err(ReadingError::Past { at: reading.at, last: last.at });
        }
        self.last = Some(reading);
        let (exposure_fell, errors_fell) =
            (reading.exposure < last.exposure, reading.errors < last.errors);
        let (exposure, errors) = if exposure_fell && (errors_fell || last.errors == 0.0) {
            self.resets += 1;
            (reading.exposure, reading.errors)
        } else if exposure_fell || errors_fell {
            self.resets += 1;
            return Err(ReadingError::HalfReset);
        } else {
            (reading.exposure - last.exposure, reading.errors - last.errors)
        };
        Ok(Some(Counts::of_seconds(exposure, errors)?))
    }

    /// Returns how often the counters began anew: each time a process was started, as far as one sees
    /// from here.
    pub const fn resets(&self) -> u32 {
        self.resets
    }
}
