//! Shares and numbers as people read and write them: `0.5%`, and `1e-300` where zeros would fill lines.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A share from 0 % to 100 %, kept in per cent as it was written.
///
/// It is written `20%`. Without the sign a number from 0 on and up to 1 could be a part of one as well,
/// and is refused; what is above 1 is per cent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Share(f64);

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShareError {
    /// No number, or one outside.
    #[error("a share is written as 0% to 100%")]
    Form,
    /// It could mean two things.
    #[error("`{text}` could mean {} % or {} %; a share is written with its sign, as 20%", ShortNumber(*.number), ShortNumber(.number * 100.0))]
    Ambiguous {
        /// What was written.
        text: String,
        /// The number.
        number: f64,
    },
}

impl Share {
    /// Returns the share as a part of one.
    pub fn of_one(self) -> f64 {
        self.0 / 100.0
    }

    /// Returns the share of a whole, rounded.
    pub fn of(self, whole: usize) -> usize {
        (self.of_one() * whole as f64).round() as usize
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let percent: f64 = number.parse().map_err(|_| ShareError::Form)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(ShareError::Form);
        }
        if !text.ends_with('%') && percent > 0.0 && percent <= 1.0 {
            return Err(ShareError::Ambiguous { text: text.to_owned(), number: percent });
        }
        Ok(Share(percent))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", ShortNumber(self.0))
    }
}

/// The longest number that is written without an exponent.
const PLAIN_CHARS_MAX: usize = 12;

/// A number with all its digits, and with an exponent where zeros would fill a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShortNumber(pub f64);

impl fmt::Display for ShortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.to_string();
        let is_long = plain.len() > PLAIN_CHARS_MAX && self.0.is_finite();
        let exponent = format!("{:e}", self.0);
        f.pad(if is_long && exponent.len() < plain.len() { &exponent } else { &plain })
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
        check("20%", Some(2));
        check("20", Some(2));
        check("0%", Some(0));
        check("0", Some(0));
        check("100%", Some(10));
        check("5%", Some(1));
        check("4 %", Some(0));
        check("101%", None);
        check("-1%", None);
        check("NaN", None);
        check("", None);
        assert_eq!("0.5%".parse::<Share>().unwrap().of_one(), 0.005);
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        let told = |text: &str| text.parse::<Share>().unwrap_err().to_string();
        let hint = "`0.1` could mean 0.1 % or 10 %; a share is written with its sign, as 20%";
        assert_eq!(told("0.1"), hint);
        for text in ["1", "0.005", "1e-9"] {
            assert!(told(text).contains("could mean"), "{text}");
        }
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (0.01, "0.01"),
            (20.0, "20"),
            (1e-300, "1e-300"),
            (1.5e300, "1.5e300"),
            (0.005, "0.005"),
            (1000.0, "1000"),
            (1_000_000.0, "1000000"),
            (1234.5, "1234.5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(ShortNumber(number).to_string(), text);
        }
    }
}
