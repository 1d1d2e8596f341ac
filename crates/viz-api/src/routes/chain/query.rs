//! What a request says in its path and query.

use std::{ops::RangeInclusive, str::FromStr};

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::{error::ApiError, request::query_value};

/// What a path names; one that is no text is refused in the form that all errors have.
pub(crate) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = Path::from_request_parts(parts, state).await;
        let Path(named) = named.map_err(|_| ApiError::validation("the path must be UTF-8"))?;
        Ok(Named(named))
    }
}

/// Reads a number of the query.
///
/// # Errors
/// Fails where it is none, or lies outside of what is allowed.
pub(super) fn number(
    query: Option<&str>,
    name: &str,
    allowed: RangeInclusive<u64>,
) -> Result<Option<u64>, ApiError> {
    let Some(text) = query_value(query, name)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    let (least, most) = (allowed.start(), allowed.end());
    let refusal = || match *most {
        u64::MAX => format!("`{name}` is a whole number from {least}"),
        most => format!("`{name}` is a whole number from {least} to {most}"),
    };
    number.map(Some).ok_or_else(|| ApiError::validation(refusal()))
}

/// Reads how much a page may have.
///
/// # Errors
/// Fails where that is not 1 to `most`.
pub(super) fn limit(
    query: Option<&str>,
    name: &str,
    default: u64,
    most: u64,
) -> Result<usize, ApiError> {
    Ok(number(query, name, 1..=most)?.unwrap_or(default) as usize)
}

/// Reads a value of the query that has a grammar.
///
/// # Errors
/// Fails where it does not keep it; the message says `grammar`.
pub(super) fn value<T: FromStr>(
    query: Option<&str>,
    name: &str,
    grammar: &str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = query_value(query, name)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let refusal = |_| ApiError::validation(format!("`{name}` is {grammar}"));
    text.parse().map(Some).map_err(refusal)
}
