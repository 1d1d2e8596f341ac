//! `GET /dashboard/snapshot`: what a dashboard shows first, from one moment.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use chain::ChainStatus;
use node_runtime::Latency;
use projection::{
    CategoryCount, Counts, FindingQuery, FindingRow, Group, ReplayFrame, Snapshot,
    TransactionQuery, TransactionRow,
};
use serde::{Serialize, Serializer};

use super::{answer, feed, query::limit};
use crate::{AppState, error::ApiError, request::query_value};

const TRANSACTIONS_DEFAULT: u64 = 100;
const TRANSACTIONS_MAX: u64 = 500;

/// Transactions of which it is shown what they ask for, and opportunities that are shown.
const FINDINGS: usize = 20;

/// Points of how much was waiting.
const FRAMES: usize = 60;

/// What a dashboard shows first. Features are those that were computed.
#[derive(Serialize)]
struct Dashboard {
    latest_seq_id: u64,
    #[serde(serialize_with = "rows")]
    transactions: Vec<Arc<TransactionRow>>,
    opportunities: Vec<FindingRow>,
    feature_summary: Vec<CategoryCount>,
    feature_details: Vec<FindingRow>,
    chain_ingest_status: Vec<ChainStatus>,
    market_stats: MarketStats,
    propagation: Vec<Latency>,
    replay: Vec<ReplayFrame>,
}

/// How much happened, on all chains or on the one that was asked for.
#[derive(Serialize)]
struct MarketStats {
    pending_count: u64,
    #[serde(flatten)]
    counts: Counts,
}

fn rows<S: Serializer>(rows: &[Arc<TransactionRow>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(rows.iter().map(|row| &**row))
}

/// Reads what a dashboard shows first.
pub(crate) async fn snapshot(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let query = request.uri().query();
    let chain = query_value(query, "chain")?.filter(|text| !text.is_empty());
    let limit = limit(query, "tx_limit", TRANSACTIONS_DEFAULT, TRANSACTIONS_MAX)?;
    let snapshot = feed.snapshot();
    let is_wanted = |key: &str| chain.as_deref().is_none_or(|chain| chain == key);
    let mut chain_ingest_status = feed.statuses();
    chain_ingest_status.retain(|row| is_wanted(row.chain_key.as_str()));
    let mut propagation = feed.latencies();
    propagation.retain(|row| is_wanted(row.source.as_str()));
    let mut feature_summary = snapshot.categories();
    feature_summary.retain(|row| is_wanted(row.chain_key.as_str()));
    let of = |group| FindingQuery {
        group,
        chain: chain.clone(),
        label: None,
        value_min: None,
        before: None,
        limit: FINDINGS,
    };
    let wanted = TransactionQuery { chain: chain.clone(), limit, ..TransactionQuery::default() };
    answer(&Dashboard {
        latest_seq_id: snapshot.latest_seq,
        transactions: snapshot.transactions(&wanted).transactions,
        opportunities: snapshot.findings(&of(Group::Opportunities)).findings,
        feature_summary,
        feature_details: snapshot.findings(&of(Group::Features)).findings,
        chain_ingest_status,
        market_stats: market_stats(&snapshot, is_wanted),
        propagation,
        replay: snapshot.replay(0, u64::MAX, None, FRAMES).map_or_else(Vec::new, |r| r.frames),
    })
}

fn market_stats(snapshot: &Snapshot, is_wanted: impl Fn(&str) -> bool) -> MarketStats {
    let chains = snapshot.chains().filter(|chain| is_wanted(chain.key.as_str()));
    let none = MarketStats { pending_count: 0, counts: Counts::default() };
    chains.fold(none, |sum, chain| MarketStats {
        pending_count: sum.pending_count + chain.pending,
        counts: sum.counts + chain.counts,
    })
}
