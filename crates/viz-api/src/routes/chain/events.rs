//! `GET /events` and `GET /replay`: what happened, and how much was waiting meanwhile.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use projection::KindFilter;

use super::{
    answer, feed,
    query::{limit, number},
};
use crate::{AppState, error::ApiError, request::query_value};

const LIMIT_DEFAULT: u64 = 100;
const LIMIT_MAX: u64 = 500;

/// Most points of one answer.
const FRAMES_MAX: usize = 1000;

/// Points of an answer that was asked for without a stride.
const FRAMES_DEFAULT: usize = 200;

/// Reads events behind a number, oldest first; without one it begins with the oldest that is held.
pub(crate) async fn events(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let query = request.uri().query();
    let after = number(query, "after", 0..=u64::MAX)?;
    let limit = limit(query, "limit", LIMIT_DEFAULT, LIMIT_MAX)?;
    let kinds = match query_value(query, "types")?.filter(|text| !text.is_empty()) {
        None => KindFilter::ALL,
        Some(text) => {
            text.parse().map_err(|error| ApiError::validation(format!("`types`: {error}")))?
        }
    };
    let snapshot = feed.snapshot();
    let after = after.unwrap_or_else(|| snapshot.before_oldest());
    answer(&snapshot.events_after(after, kinds, limit))
}

/// Reads how much was waiting, from one event to another.
pub(crate) async fn replay(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let query = request.uri().query();
    let from = number(query, "from", 0..=u64::MAX)?.unwrap_or(0);
    let to = number(query, "to", 0..=u64::MAX)?.unwrap_or(u64::MAX);
    let stride = number(query, "stride", 1..=u64::MAX)?;
    if from > to {
        return Err(ApiError::validation("`from` is not greater than `to`"));
    }
    let frames_max = stride.map_or(FRAMES_DEFAULT, |_| FRAMES_MAX);
    let replay = feed.snapshot().replay(from, to, stride, frames_max);
    let message = "more than 1000 points: a greater `stride` makes fewer";
    answer(&replay.ok_or_else(|| ApiError::validation(message))?)
}
