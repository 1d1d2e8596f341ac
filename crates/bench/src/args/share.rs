//! A share, as it is written on the command line: `50%`.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A share from 0 % to 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Share {
    percent: f64,
}

/// A text that is no share.
#[derive(Debug, thiserror::Error)]
#[error("a share is written as 0% to 100%")]
pub(crate) struct ShareError;

impl Share {
    /// Returns the share as a part of one.
    pub(crate) fn of_one(self) -> f64 {
        self.percent / 100.0
    }

    /// Returns the share of a whole, rounded.
    pub(crate) fn of(self, whole: usize) -> usize {
        (self.of_one() * whole as f64).round() as usize
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let percent = text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| ShareError)?;
        if (0.0..=100.0).contains(&percent) { Ok(Share { percent }) } else { Err(ShareError) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_rounded() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(text.parse().ok().map(|share: Share| share.of(10)), expected, "{text}");
        };
        check("50%", Some(5));
        check("0", Some(0));
        check("100%", Some(10));
        check("4%", Some(0));
        check("101%", None);
        check("-1%", None);
        check("NaN", None);
        check("", None);
    }
}
