//! What one look brings: for each arm how much was exposed, and how often it went wrong.

use std::{fmt, ops::Add};

/// The greatest count there can be: above it a number no longer changes when one is added.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    /// The new version.
    Canary,
    /// The version that is there.
    Stable,
}

/// What an arm did in a look: errors among what was exposed to them.
///
/// Exposure is measured and never what was configured: requests that were answered, or seconds that
/// connections were open. Invariant: exposure is a finite number from 0 on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    exposure: f64,
    errors: f64,
}

/// Both arms over the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// The new version.
    pub canary: Counts,
    /// The version that is there.
    pub stable: Counts,
}

/// Counts that can't be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CountsError {
    /// Not a number, or infinite.
    #[error("{0} is no number to count with")]
    NotFinite(f64),
    /// Less than nothing.
    #[error("{0} is below zero")]
    Negative(f64),
    /// More than can be counted one by one.
    #[error("{0:e} is more than can be counted")]
    TooLarge(f64),
    /// Errors where nothing was exposed to them.
    #[error("{errors} errors, but nothing was exposed")]
    NothingExposed {
        /// The errors.
        errors: f64,
    },
    /// More failed requests than requests.
    #[error("{errors} errors in {requests} requests")]
    MoreErrorsThanRequests {
        /// The errors.
        errors: f64,
        /// The requests.
        requests: f64,
    },
}

pub(crate) fn sound_number(number: f64) -> Result<f64, CountsError> {
    match number {
        n if !n.is_finite() => Err(CountsError::NotFinite(n)),
        n if n < 0.0 => Err(CountsError::Negative(n)),
        n if n > COUNT_MAX => Err(CountsError::TooLarge(n)),
        n => Ok(n),
    }
}

impl Counts {
    /// Returns the counts of requests, each of which can fail once.
    ///
    /// # Errors
    /// Fails on numbers that can't be, and on more errors than requests.
    pub fn of_requests(requests: f64, errors: f64) -> Result<Self, CountsError> {
        let (requests, errors) = (sound_number(requests)?, sound_number(errors)?);
        if errors > requests {
            return Err(CountsError::MoreErrorsThanRequests { errors, requests });
        }
        Ok(Counts { exposure: requests, errors })
    }

    /// Returns the counts of something that can go wrong at any time, as connections can break:
    /// exposure is their seconds.
    ///
    /// # Errors
    /// Fails on numbers that can't be, and on errors without any exposure.
    pub fn of_seconds(seconds: f64, errors: f64) -> Result<Self, CountsError> {
        let (seconds, errors) = (sound_number(seconds)?, sound_number(errors)?);
        if errors > 0.0 && seconds == 0.0 {
            return Err(CountsError::NothingExposed { errors });
        }
        Ok(Counts { exposure: seconds, errors })
    }

    /// Returns how much was exposed.
    pub const fn exposure(self) -> f64 {
        self.exposure
    }

    /// Returns how often it went wrong.
    pub const fn errors(self) -> f64 {
        self.errors
    }

    /// Returns errors per exposure; nothing where nothing was exposed.
    pub fn rate(self) -> Option<f64> {
        (self.exposure > 0.0).then(|| self.errors / self.exposure)
    }

    /// Adds what is known to keep the invariant.
    pub(crate) fn grow(&mut self, exposure: f64, errors: f64) {
        self.exposure += exposure;
        self.errors += errors;
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts { exposure: self.exposure + other.exposure, errors: self.errors + other.errors }
    }
}

impl Add for Look {
    type Output = Look;

    fn add(self, other: Look) -> Look {
        Look { canary: self.canary + other.canary, stable: self.stable + other.stable }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Arm::Canary => "canary",
            Arm::Stable => "stable arm",
        })
    }
}

impl Look {
    /// Returns the canary's share of the exposure, where both arms were exposed.
    pub fn share(&self) -> Option<f64> {
        let (canary, stable) = (self.canary.exposure, self.stable.exposure);
        (canary > 0.0 && stable > 0.0).then(|| canary / (canary + stable))
    }
}
