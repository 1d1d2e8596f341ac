//! `GET /chains` and `GET /chains/{key}`: how each feed stands, and what is canonical.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use chain::{BlockRef, ChainStatus};
use projection::{ChainView, Counts};
use serde::Serialize;

use super::{answer, feed, query::Named};
use crate::{AppState, error::ApiError};

#[derive(Serialize)]
struct Chains {
    chains: Vec<ChainStatus>,
}

/// One chain: its row, and what is known of it.
#[derive(Serialize)]
struct Chain {
    #[serde(flatten)]
    status: ChainStatus,
    canonical: Option<Canonical>,
}

/// What the facts of a chain come to.
#[derive(Serialize)]
struct Canonical {
    head: Option<BlockRef>,
    pending_count: u64,
    latest_chain_seq: u64,
    counts: Counts,
}

impl From<&ChainView> for Canonical {
    fn from(view: &ChainView) -> Self {
        Canonical {
            head: view.head(),
            pending_count: view.pending,
            latest_chain_seq: view.number_last(),
            counts: view.counts,
        }
    }
}

/// Reads how every feed stands.
pub(crate) async fn chains(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    answer(&Chains { chains: feed.statuses() })
}

/// Reads how one feed stands.
pub(crate) async fn chain(
    State(app): State<Arc<AppState>>,
    Named(key): Named,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let status = feed.statuses().into_iter().find(|row| row.chain_key.as_str() == key);
    let status = status.ok_or_else(|| ApiError::not_found("there is no such chain"))?;
    let snapshot = feed.snapshot();
    answer(&Chain { status, canonical: snapshot.chain(&key).map(Canonical::from) })
}
