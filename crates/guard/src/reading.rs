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
    #[error(transparent)]
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
#[derive(Clone, Debug)]
pub struct Counter {
    exposure: Exposure,
    last: Option<Reading>,
    resets: u32,
}

/// What is exposed to errors.
#[derive(Clone, Copy, Debug)]
enum Exposure {
    /// Each fails once at most.
    Requests,
    /// Of connections.
    Seconds,
}

impl Counter {
    /// Returns a counter of requests and those that failed.
    pub const fn of_requests() -> Self {
        Counter { exposure: Exposure::Requests, last: None, resets: 0 }
    }

    /// Returns a counter of connection-seconds and of breaks.
    pub const fn of_seconds() -> Self {
        Counter { exposure: Exposure::Seconds, last: None, resets: 0 }
    }

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
        let (exposure_fell, errors_fell) =
            (reading.exposure < last.exposure, reading.errors < last.errors);
        let is_reset = exposure_fell && (errors_fell || last.errors == 0.0);
        if !is_reset && (exposure_fell || errors_fell) {
            self.resets += 1;
            self.last = Some(reading);
            return Err(ReadingError::HalfReset);
        }
        let before = if is_reset { (0.0, 0.0) } else { (last.exposure, last.errors) };
        let (exposure, errors) = (reading.exposure - before.0, reading.errors - before.1);
        // What can't be yet, as an error that is counted before its request, stays for the next.
        let counts = match self.exposure {
            Exposure::Requests => Counts::of_requests(exposure, errors)?,
            Exposure::Seconds => Counts::of_seconds(exposure, errors)?,
        };
        self.resets += u32::from(is_reset);
        self.last = Some(reading);
        Ok(Some(counts))
    }

    /// Returns how often the counters began anew: each time a process was started, as far as one sees
    /// from here.
    pub const fn resets(&self) -> u32 {
        self.resets
    }
}
