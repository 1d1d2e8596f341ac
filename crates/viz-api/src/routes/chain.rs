//! What is known of chains: pages of one snapshot each, so that a reader holds nobody up.

mod chains;
mod events;
mod findings;
mod query;
mod simulations;
mod snapshot;
mod transactions;

use std::sync::Arc;

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use node_runtime::{Feed, Scope};
use serde::Serialize;

pub(crate) use self::{
    chains::{chain, chains},
    events::{events, replay},
    findings::{features, opportunities},
    simulations::{simulate, simulation},
    snapshot::snapshot,
    transactions::{transaction, transactions},
};
use crate::{AppState, error::ApiError, request::json};

/// Finds out who asks, and returns what is known.
async fn feed<'a>(app: &'a AppState, headers: &HeaderMap) -> Result<&'a Arc<Feed>, ApiError> {
    let caller = app.auth.caller(headers).await?;
    caller.need(Scope::Subscribe)?;
    Ok(app.state.feed())
}

fn answer(body: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer can't be written");
        ApiError::internal()
    })?;
    Ok(json(StatusCode::OK, body))
}
