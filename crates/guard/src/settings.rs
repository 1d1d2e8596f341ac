//! Settings that are checked once: how often a guard may be wrong, and what it has to see.

use serde::Serialize;

use crate::ShortNumber;

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

/// After how long a client counts again that had an error, where nothing else is said.
pub const AGAIN_AFTER_MS: u64 = 600_000;

/// How much each arm is exposed at least before its errors are compared, where nothing else is said.
pub const EXPOSURE_MIN: f64 = 5.0;

/// What is exposed to errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exposed {
    /// Requests, each of which fails once at most.
    Requests,
    /// Seconds of open connections, which may break.
    ConnectionSeconds,
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// Not between 0 and a half.
    #[error("alpha is {}, it lies between 0 and 0.5", ShortNumber(*.0))]
    Alpha(f64),
    /// Not above 1.
    #[error("the ratio that matters is {}, it lies above 1", ShortNumber(*.0))]
    Ratio(f64),
    /// Not a rate.
    #[error("the least rate that matters is {}, it is a number from 0 on", ShortNumber(*.0))]
    Rate(f64),
    /// Not a margin.
    #[error("the margin is {}, it is a number from 1 on, as 1.1 for ten per cent", ShortNumber(*.0))]
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

impl Exposed {
    /// Returns its name in the plural.
    pub const fn plural(self) -> &'static str {
        match self {
            Exposed::Requests => "requests",
            Exposed::ConnectionSeconds => "connection-seconds",
        }
    }

    /// Returns in what its rates are.
    pub const fn rate_unit(self) -> &'static str {
        match self {
            Exposed::Requests => "errors per request",
            Exposed::ConnectionSeconds => "breaks per connection-second",
        }
    }

    /// Returns the greatest rate there can be.
    pub const fn rate_max(self) -> f64 {
        match self {
            Exposed::Requests => 1.0,
            Exposed::ConnectionSeconds => f64::INFINITY,
        }
    }

    /// Returns a rate as people read it.
    pub fn shown(self, rate: f64) -> String {
        match self {
            Exposed::Requests => format!("{:.3} %", rate * 100.0),
            Exposed::ConnectionSeconds => {
                let rounded = format!("{rate:.2e}").parse().unwrap_or(rate);
                format!("{} a connection-second", ShortNumber(rounded))
            }
        }
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

    /// Returns the least rate that matters.
    pub const fn rate_min(self) -> f64 {
        self.rate_min
    }
}
