//! `GET /transactions` and `GET /transactions/{hash}`.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use axum::{
    extract::{Request, State},
    response::Response,
};
use projection::{FindingRow, Group, Status, TransactionQuery, TransactionRow};
use serde::Serialize;

use super::{
    answer, feed,
    query::{Named, limit, number, value},
};
use crate::{AppState, error::ApiError, request::query_value};

const LIMIT_DEFAULT: u64 = 100;
const LIMIT_MAX: u64 = 500;

/// Reads transactions, those first that were heard of last.
pub(crate) async fn transactions(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let query = request.uri().query();
    let statuses = Status::ALL.map(Status::as_str).join(", ");
    let wanted = TransactionQuery {
        chain: query_value(query, "chain")?.filter(|text| !text.is_empty()),
        status: value(query, "status", &format!("one of {statuses}"))?,
        sender: value::<Address>(query, "sender", "an address: 0x and 40 hexadecimal digits")?,
        before: number(query, "before", 0..=u64::MAX)?,
        limit: limit(query, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    answer(&feed.snapshot().transactions(&wanted))
}

/// Reads one transaction, of whichever chain has it or of the one that `chain` names.
pub(crate) async fn transaction(
    State(app): State<Arc<AppState>>,
    Named(hash): Named,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let chain = query_value(request.uri().query(), "chain")?.filter(|text| !text.is_empty());
    let hash = self::hash(&hash)?;
    let snapshot = feed.snapshot();
    let row = snapshot.transaction(&hash, chain.as_deref());
    let missing = "this transaction is not among those that are held";
    let row = row.ok_or_else(|| ApiError::not_found(missing))?;
    let features = snapshot.finding(Group::Features, &hash, Some(row.chain.as_str()));
    let simulation = snapshot.finding(Group::Simulations, &hash, Some(row.chain.as_str()));
    answer(&Found { row, features, simulation })
}

/// Reads a transaction's hash.
///
/// # Errors
/// Fails where the text is none.
pub(super) fn hash(text: &str) -> Result<B256, ApiError> {
    let grammar = "a transaction's hash is 0x and 64 hexadecimal digits";
    let hash = text.parse::<B256>().ok().filter(|_| text.starts_with("0x"));
    hash.ok_or_else(|| ApiError::validation(grammar))
}

/// A transaction with what was computed of it.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    row: &'a TransactionRow,
    features: Option<FindingRow>,
    simulation: Option<FindingRow>,
}
