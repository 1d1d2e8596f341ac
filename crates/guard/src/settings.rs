//! Settings that are checked once: how often a guard may be wrong, and what it has to see.

use serde::Serialize;

use crate::Short;

/// The share of good releases that a guard may fail, over its whole life: between 0 and a half.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Alpha(f64);

/// The smallest worsening that matters. Smaller ones need not be seen.
///
/// It matters where the canary's rate is `ratio` times the stable one **and** at least `rate_min`:
/// a tenfold of nearly nothing is still nearly nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    ratio: f64,
    rate_min: f64,
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// Not between 0 and a half.
    #[error("alpha is {}, it lies between 0 and 0.5", Short(*.0))]
    Alpha(f64),
    /// Not above 1.
    #[error("the ratio that matters is {}, it lies above 1", Short(*.0))]
    Ratio(f64),
    /// Not a rate.
    #[error("the least rate that matters is {}, it is a number from 0 on", Short(*.0))]
    Rate(f64),
    /// Not a margin.
    #[error("the margin is {}, it is a number from 1 on, as 1.1 for ten per cent", Short(*.0))]
    Margin(f64),
}

impl Alpha {
    /// One per cent.
    pub const ONE_PERCENT: Alpha = Alpha(0.01);

    /// Checks a number.
    ///
    /// # Errors
    /// Fails where it does not lie between 0 and a half.
    pub fn new(alpha: f64) -> Result<Self, SettingsError> {
        let sound = alpha > 0.0 && alpha < 0.5;
        if sound { Ok(Alpha(alpha)) } else { Err(SettingsError::Alpha(alpha)) }
    }

    /// Returns the number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Returns the evidence from which on a guard fails, 1/α, as a natural logarithm.
    pub fn log_threshold(self) -> f64 {
        -self.0.ln()
    }
}

impl Effect {
    /// Checks the numbers.
    ///
    /// # Errors
    /// Fails on a ratio that is not above 1, or a rate that is no number from 0 on.
    pub fn new(ratio: f64, rate_min: f64) -> Result<Self, SettingsError> {
        if !(ratio.is_finite() && ratio > 1.0) {
            return Err(SettingsError::Ratio(ratio));
        }
        if !(rate_min.is_finite() && rate_min >= 0.0) {
            return Err(SettingsError::Rate(rate_min));
        }
        Ok(Effect { ratio, rate_min })
    }

    /// Returns the canary's rate that has to be seen, given the stable one.
    pub fn rate(self, stable: f64) -> f64 {
        (self.ratio * stable).max(self.rate_min)
    }

    /// Returns how many times worse matters.
    pub const fn ratio(self) -> f64 {
        self.ratio
    }
}
