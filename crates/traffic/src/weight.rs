//! Which share of the clients the canary has.

use std::fmt;

use serde::Serialize;

/// All clients, in hundredths of a per cent.
const FULL: u16 = 10_000;

/// A share of the clients, from none to all of them, in hundredths of a per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Weight(u16);

/// A share that can't be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum WeightError {
    /// Less than nothing, more than all, or no number.
    #[error("{0} % is no share of the clients; give one from 0 to 100")]
    OutOfRange(f64),
    /// Finer than clients are told apart.
    #[error("{0} % is finer than clients are told apart; give hundredths of a per cent at most")]
    TooFine(f64),
}

impl Weight {
    /// No client.
    pub const NONE: Weight = Weight(0);
    /// Every client.
    pub const ALL: Weight = Weight(FULL);

    /// Returns a share that is given in per cent.
    ///
    /// # Errors
    /// Fails on what is no share, and on more than two digits behind the point.
    pub fn from_percent(percent: f64) -> Result<Self, WeightError> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(WeightError::OutOfRange(percent));
        }
        let points = (percent * 100.0).round();
        if (points / 100.0 - percent).abs() > 1e-9 {
            return Err(WeightError::TooFine(percent));
        }
        // In range, as was checked above.
        Ok(Weight(points as u16))
    }

    /// Returns a share that is given in hundredths of a per cent; nothing where it is more than all.
    pub fn from_basis_points(points: u16) -> Option<Self> {
        (points <= FULL).then_some(Weight(points))
    }

    /// Returns the share in hundredths of a per cent.
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// Returns the share in per cent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} %", self.percent()))
    }
}

#[cfg(test)]
mod tests;
