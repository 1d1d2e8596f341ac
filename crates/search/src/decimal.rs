//! Amounts as decimal strings: no reader loses a digit of them.

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes the amount.
pub(crate) fn serialize<S: Serializer>(amount: &U256, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(amount)
}

/// Reads the amount: digits alone.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<U256, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() || !text.bytes().all(|it| it.is_ascii_digit()) {
        return Err(D::Error::custom("an amount is a decimal string"));
    }
    U256::from_str_radix(&text, 10).map_err(D::Error::custom)
}
