//! Readings of counters that only grow, as metrics give them, become what happened in between.
//!
//! What can't be trusted is an error and never a zero: a number that is none, one below zero, one of
//! the past, a counter that began anew while its partner did not.

use crate::{Arm, At, Counts, CountsError, Exposed, Look, arms::sound_number};

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
    exposed: Exposed,
    last: Option<Reading>,
    resets: u32,
}

/// Turns readings of both arms into looks, each over the same time for both.
#[derive(Clone, Debug)]
pub struct LookCounter {
    canary: Counter,
    stable: Counter,
}

/// A reading of one of two arms that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("of the {arm}")]
pub struct LookError {
    /// The arm.
    pub arm: Arm,
    /// Why.
    #[source]
    pub error: ReadingError,
}

impl LookCounter {
    /// Returns a counter of what is exposed to errors on both arms.
    pub const fn new(exposed: Exposed) -> Self {
        LookCounter {
            canary: Counter { exposed, last: None, resets: 0 },
            stable: Counter { exposed, last: None, resets: 0 },
        }
    }

    /// Returns what happened on both arms since the readings before; nothing for the first ones.
    ///
    /// # Errors
    /// Fails where the reading of an arm can't be trusted. Then neither arm counts anything: the next
    /// readings of both are compared with the last ones that both had, after half a reset with these.
    pub fn take(&mut self, canary: Reading, stable: Reading) -> Result<Option<Look>, LookError> {
        let mut next = self.clone();
        let taken = (next.canary.take(canary), next.stable.take(stable));
        let error = match taken {
            (Ok(canary), Ok(stable)) => {
                *self = next;
                return Ok(canary.zip(stable).map(|(canary, stable)| Look { canary, stable }));
            }
            (Err(error), _) => LookError { arm: Arm::Canary, error },
            (_, Err(error)) => LookError { arm: Arm::Stable, error },
        };
        let is_half_reset = |taken: &Result<_, _>| *taken == Err(ReadingError::HalfReset);
        if is_half_reset(&taken.0) || is_half_reset(&taken.1) {
            *self = next;
            if [taken.0, taken.1].iter().any(|taken| taken.is_err() && !is_half_reset(taken)) {
                // The one arm begins anew and the other has nothing to begin with.
                (self.canary.last, self.stable.last) = (None, None);
            }
        }
        Err(error)
    }

    /// Returns how often the counters of an arm began anew.
    pub const fn resets(&self, arm: Arm) -> u32 {
        match arm {
            Arm::Canary => self.canary.resets,
            Arm::Stable => self.stable.resets,
        }
    }
}

impl Counter {
    /// Returns a counter of requests and those that failed.
    pub const fn of_requests() -> Self {
        Counter { exposed: Exposed::Requests, last: None, resets: 0 }
    }

    /// Returns a counter of connection-seconds and of breaks.
    pub const fn of_seconds() -> Self {
        Counter { exposed: Exposed::ConnectionSeconds, last: None, resets: 0 }
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
        let counts = match self.exposed {
            Exposed::Requests => Counts::of_requests(exposure, errors)?,
            Exposed::ConnectionSeconds => Counts::of_seconds(exposure, errors)?,
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
