//! `GET /sim/{hash}` and `POST /sim`: what transactions would do. Nothing is sent to a chain.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256};
use axum::{
    extract::{Request, State},
    response::Response,
};
use chain::{AccessListItem, ChainKey};
use node_runtime::{Simulation, SimulationError, Simulations};
use serde::{Deserialize, Serialize};
use sim::{AccountOverride, Call, Fees, Overrides};

use super::{answer, feed, query::Named, transactions::hash};
use crate::{
    AppState,
    error::{ApiError, Code},
    request::query_value,
    routes::events::read_json,
};

/// Most calls of a bundle.
const CALLS_MAX: usize = 64;

/// The gas of a call that says none.
const GAS_DEFAULT: u64 = 10_000_000;

/// What a transaction would do.
#[derive(Serialize)]
struct OfTransaction<'a> {
    chain_key: &'a ChainKey,
    hash: &'a B256,
    simulation: Simulation,
}

/// What calls would do.
#[derive(Serialize)]
struct OfCalls {
    chain_key: ChainKey,
    simulation: Simulation,
}

/// A bundle as a caller describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    chain: Option<ChainKey>,
    calls: Vec<WireCall>,
    #[serde(default)]
    overrides: BTreeMap<Address, WireOverride>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCall {
    from: Address,
    to: Option<Address>,
    #[serde(default)]
    value_wei: U256,
    #[serde(default)]
    input: Bytes,
    gas_limit: Option<u64>,
    nonce: Option<u64>,
    max_fee_per_gas_wei: Option<U256>,
    max_priority_fee_per_gas_wei: Option<U256>,
    #[serde(default)]
    access_list: Vec<WireAccess>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAccess {
    address: Address,
    #[serde(default)]
    storage_keys: Vec<B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireOverride {
    balance_wei: Option<U256>,
    nonce: Option<u64>,
    code: Option<Bytes>,
    #[serde(default)]
    storage: BTreeMap<U256, U256>,
}

/// Simulates a transaction that is held.
pub(crate) async fn simulation(
    State(app): State<Arc<AppState>>,
    Named(text): Named,
    request: Request,
) -> Result<Response, ApiError> {
    let feed = feed(&app, request.headers()).await?;
    let chain = query_value(request.uri().query(), "chain")?.filter(|text| !text.is_empty());
    let hash = hash(&text)?;
    let row = feed.snapshot().transaction(&hash, chain.as_deref()).cloned();
    let missing = "this transaction is not among those that are held";
    let row = row.ok_or_else(|| ApiError::not_found(missing))?;
    let simulation = offered(&app)?.transaction(&row).await.map_err(refused)?;
    answer(&OfTransaction { chain_key: &row.chain, hash: &hash, simulation })
}

/// Simulates calls of the caller's own, in the block that is to come.
pub(crate) async fn simulate(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let feed = feed(&app, &parts.headers).await?;
    let body = read_json(&app, &parts.headers, body).await?;
    // Strictly an object: a list would be read field by field.
    if body.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return Err(ApiError::validation("the body is no bundle: a JSON object is expected"));
    }
    let wire: Wire = serde_json::from_slice(&body)
        .map_err(|error| ApiError::validation(format!("the body is no bundle: {error}")))?;
    let followed = feed.statuses();
    let chain_key = match (wire.chain, &followed[..]) {
        (Some(key), all) if all.iter().any(|row| row.chain_key == key) => key,
        (Some(_), _) => return Err(ApiError::not_found("there is no such chain")),
        (None, [one]) => one.chain_key.clone(),
        (None, _) => {
            return Err(ApiError::validation("`chain` names one of the chains that are followed"));
        }
    };
    if wire.calls.is_empty() || wire.calls.len() > CALLS_MAX {
        return Err(ApiError::validation(format!("`calls` has 1 to {CALLS_MAX} calls")));
    }
    let calls = wire.calls.into_iter().map(call).collect::<Result<_, _>>()?;
    let accounts = wire.overrides.into_iter().map(|(address, of)| (address, assumed(of)));
    let overrides = Overrides { accounts: accounts.collect() };
    let simulation = offered(&app)?.calls(&chain_key, calls, overrides).await.map_err(refused)?;
    answer(&OfCalls { chain_key, simulation })
}

fn offered(app: &AppState) -> Result<&Arc<Simulations>, ApiError> {
    app.state.simulations().ok_or_else(|| refused(SimulationError::NoNodes))
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn refused(error: SimulationError) -> ApiError {
    match &error {
        SimulationError::NoNodes => ApiError::new(Code::Conflict, error.to_string()),
        SimulationError::NoHead
        | SimulationError::BlockGone
        | SimulationError::Busy
        | SimulationError::Expired => ApiError::new(Code::Unavailable, error.to_string()),
        SimulationError::Node(cause) => {
            tracing::debug!(error = cause as &dyn std::error::Error, "a node was asked in vain");
            ApiError::new(Code::Unavailable, error.to_string())
        }
        SimulationError::Failed => ApiError::internal(),
    }
}

fn call(wire: WireCall) -> Result<Call, ApiError> {
    let wei = |amount: U256| {
        u128::try_from(amount).map_err(|_| ApiError::validation("a fee is less than 2^128 wei"))
    };
    let fees = match (wire.max_fee_per_gas_wei, wire.max_priority_fee_per_gas_wei) {
        (None, None) => None,
        (None, Some(_)) => {
            let message = "`max_priority_fee_per_gas_wei` needs `max_fee_per_gas_wei`";
            return Err(ApiError::validation(message));
        }
        (Some(most), tip) => Some(Fees {
            max_fee_per_gas: wei(most)?,
            max_priority_fee_per_gas: tip.map(wei).transpose()?,
            max_fee_per_blob_gas: 0,
        }),
    };
    let listed = wire
        .access_list
        .into_iter()
        .map(|item| AccessListItem { address: item.address, storage_keys: item.storage_keys });
    Ok(Call {
        from: wire.from,
        to: wire.to,
        value: wire.value_wei,
        input: wire.input,
        gas_limit: wire.gas_limit.unwrap_or(GAS_DEFAULT),
        fees,
        nonce: wire.nonce,
        tx_type: 2,
        chain_id: None,
        access_list: listed.collect(),
        blob_hashes: Vec::new(),
        authorizations: Vec::new(),
    })
}

fn assumed(wire: WireOverride) -> AccountOverride {
    AccountOverride {
        balance: wire.balance_wei,
        nonce: wire.nonce,
        code: wire.code,
        storage: wire.storage,
    }
}
