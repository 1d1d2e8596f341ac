//! Amounts as JSON: decimal texts, since a number of JSON does not hold them.

use std::fmt::Display;

use serde::Serializer;

/// Writes an amount as a decimal text.
pub(crate) fn decimal<T: Display, S: Serializer>(amount: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(amount)
}

/// Writes an amount that may be missing as a decimal text or null.
pub(crate) fn decimal_or_null<T: Display, S: Serializer>(
    amount: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => to.collect_str(amount),
        None => to.serialize_none(),
    }
}
