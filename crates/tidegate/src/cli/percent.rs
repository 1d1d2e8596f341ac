//! A share, as it is written on the command line: `20%`.

use std::{fmt, str::FromStr};

/// A share from 0 % to 100 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(f64);

/// The text is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is written as 0% to 100%")]
pub(crate) struct PercentError;

impl Percent {
    /// Returns the share as a part of one.
    pub(crate) fn of_one(self) -> f64 {
        self.0 / 100.0
    }

    /// Returns the share of a whole, rounded.
    pub(crate) fn of(self, whole: usize) -> usize {
        (self.of_one() * whole as f64).round() as usize
    }
}

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let percent: f64 = number.parse().map_err(|_| PercentError)?;
        if (0.0..=100.0).contains(&percent) { Ok(Percent(percent)) } else { Err(PercentError) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_rounded() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(text.parse().ok().map(|p: Percent| p.of(10)), expected, "{text}");
        };
        check("20%", Some(2));
        check("20", Some(2));
        check("0%", Some(0));
        check("100%", Some(10));
        check("5%", Some(1));
        check("101%", None);
        check("-1%", None);
        check("NaN", None);
        check("", None);
    }
}
