//! Numbers and times on their way to rows and back.

use std::time::{SystemTime, UNIX_EPOCH};

use surrealdb::types::Value;

use crate::error::QueryError;

/// Returns a number as the database holds it; beyond its range it is the greatest one.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a number of the database, which is never below zero where we wrote it.
pub(crate) fn natural(operation: &'static str, number: i64) -> Result<u64, QueryError> {
    let damaged = |_| QueryError::Damaged { operation, what: format!("the number {number}") };
    u64::try_from(number).map_err(damaged)
}

/// Returns the time in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a text as a part of a key.
pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Returns a number as a part of a key.
pub(crate) fn number(number: u64) -> Value {
    Value::Number(int(number).into())
}
