//! `GET /features` and `GET /opps`: what transactions ask for, and what could be gained.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use feature::Category;
use projection::{CategoryCount, FindingPage, FindingQuery, FindingRow, Group};
use serde::Serialize;

use super::{
    answer, feed,
    query::{limit, number, value},
};
use crate::{AppState, error::ApiError, request::query_value};

const LIMIT_DEFAULT: u64 = 100;
const LIMIT_MAX: u64 = 500;

/// A page of features, with how many there are of each category.
#[derive(Serialize)]
struct FeaturePage {
    features: Vec<FindingRow>,
    next: u64,
    has_more: bool,
    summary: Vec<CategoryCount>,
}

/// A page of opportunities.
#[derive(Serialize)]
struct OpportunityPage {
    opportunities: Vec<FindingRow>,
    next: u64,
    has_more: bool,
}

/// The words for how far an opportunity was checked.
const STATUSES: [&str; 4] = ["candidate", "confirmed", "refuted", "stale"];

/// Reads what could be gained, those first that were told of last; of each its last status.
pub(crate) async fn opportunities(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let query = request.uri().query();
    let status = one_of(query, "status", &STATUSES)?;
    let wanted = FindingQuery {
        group: Group::Opportunities,
        chain: query_value(query, "chain")?.filter(|text| !text.is_empty()),
        label: status,
        value_min: value(query, "min_value", "an amount of wei, as a decimal number")?,
        before: number(query, "before", 0..=u64::MAX)?,
        limit: limit(query, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let page = feed.snapshot().findings(&wanted);
    let FindingPage { findings: opportunities, next, has_more } = page;
    answer(&OpportunityPage { opportunities, next, has_more })
}

/// Reads a word of a few; an empty one is none.
fn one_of(
    query: Option<&str>,
    name: &'static str,
    words: &[&str],
) -> Result<Option<String>, ApiError> {
    let told = query_value(query, name)?.filter(|text| !text.is_empty());
    match told {
        Some(word) if !words.contains(&word.as_str()) => {
            Err(ApiError::validation(format!("`{name}` is one of {}", words.join(", "))))
        }
        told => Ok(told),
    }
}

/// Reads what transactions ask for, those first of which it was computed last.
pub(crate) async fn features(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let query = request.uri().query();
    let chain = query_value(query, "chain")?.filter(|text| !text.is_empty());
    let wanted = FindingQuery {
        group: Group::Features,
        chain: chain.clone(),
        label: one_of(query, "category", &Category::ALL.map(Category::as_str))?,
        value_min: None,
        before: number(query, "before", 0..=u64::MAX)?,
        limit: limit(query, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let snapshot = feed.snapshot();
    let mut summary = snapshot.categories();
    summary.retain(|row| chain.as_ref().is_none_or(|chain| row.chain_key.as_str() == chain));
    let FindingPage { findings: features, next, has_more } = snapshot.findings(&wanted);
    answer(&FeaturePage { features, next, has_more, summary })
}
