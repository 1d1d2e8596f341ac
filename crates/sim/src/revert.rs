//! What a contract said when it took everything back.
//!
//! The forms are those of Solidity's ABI: `Error(string)`, `Panic(uint256)`, and errors of a
//! contract's own, whose first four bytes name them.

#[cfg(test)]
mod tests;

use std::fmt;

use alloy_primitives::{FixedBytes, U256};
use serde::{Deserialize, Serialize};

/// The first bytes of `Error(string)`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];

/// The first bytes of `Panic(uint256)`.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// Most bytes of a text that are kept; the data has it whole.
const TEXT_BYTES_MAX: usize = 1024;

/// What a contract said when it took everything back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", content = "value", rename_all = "snake_case")]
pub enum RevertReason {
    /// `Error(string)`: a text of the contract, which may say anything; at most its first KiB.
    Error(String),
    /// `Panic(uint256)`: what the compiler checks, by its code.
    Panic(U256),
    /// An error of the contract's own, by the four bytes that name it.
    Custom(FixedBytes<4>),
}

impl RevertReason {
    /// Reads what a contract said; `None` where it said nothing of a known form.
    pub fn decode(data: &[u8]) -> Option<RevertReason> {
        let (selector, rest) = data.split_first_chunk::<4>()?;
        let known = match *selector {
            ERROR => text(rest).map(RevertReason::Error),
            PANIC if rest.len() == 32 => Some(RevertReason::Panic(U256::from_be_slice(rest))),
            _ => None,
        };
        Some(known.unwrap_or(RevertReason::Custom(FixedBytes(*selector))))
    }
}

/// Reads the one text of an argument list.
fn text(rest: &[u8]) -> Option<String> {
    let word = |at: usize| usize::try_from(U256::from_be_slice(rest.get(at..at + 32)?)).ok();
    let at = word(0)?;
    if at > rest.len() {
        return None;
    }
    let (length, begin) = (word(at)?, at + 32);
    let bytes = rest.get(begin..begin.checked_add(length)?)?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]);
    Some(text.into_owned())
}

impl fmt::Display for RevertReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RevertReason::Error(text) => f.write_str(text),
            RevertReason::Panic(code) => write!(f, "Panic({code:#x})"),
            RevertReason::Custom(selector) => write!(f, "{selector}"),
        }
    }
}
