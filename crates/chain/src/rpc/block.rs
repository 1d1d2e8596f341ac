//! A block as a node writes it: read, and checked where its fields are all known.

use std::{collections::BTreeMap, sync::Arc};

use alloy_consensus::proofs::calculate_transaction_root;
use alloy_primitives::{Address, B256, U64, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    RpcError,
    transaction::{self, Raw},
    wire,
};
use crate::{Block, Header, Transaction};

/// The fields that a header's hash covers, and those that nodes add to them. A header with others is
/// of a chain that hashes in its own way.
const KNOWN: &[&str] = &[
    "baseFeePerGas",
    "blobGasUsed",
    "blockAccessListHash",
    "difficulty",
    "excessBlobGas",
    "extraData",
    "gasLimit",
    "gasUsed",
    "hash",
    "logsBloom",
    "miner",
    "mixHash",
    "nonce",
    "number",
    "parentBeaconBlockRoot",
    "parentHash",
    "receiptsRoot",
    "requestsHash",
    "sha3Uncles",
    "size",
    "slotNumber",
    "stateRoot",
    "timestamp",
    "totalDifficulty",
    "transactions",
    "transactionsRoot",
    "uncles",
    "withdrawals",
    "withdrawalsRoot",
];

type Fields<'a> = BTreeMap<String, &'a RawValue>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U256>,
    gas_used: U64,
    gas_limit: U64,
    #[serde(default)]
    miner: Address,
    state_root: B256,
    transactions_root: Option<B256>,
}

/// Reads a block with its transactions; `None` for `null`.
///
/// # Errors
///
/// Fails where it is malformed, or a hash is wrong that can be checked.
pub(crate) fn decode(raw: &RawValue, method: &'static str) -> Result<Option<Arc<Block>>, RpcError> {
    let wrong = |error: serde_json::Error| wire::json_error(method, &error);
    let Some(fields) = serde_json::from_str::<Option<Fields<'_>>>(raw.get()).map_err(wrong)? else {
        return Ok(None);
    };
    let header: RawHeader = serde_json::from_str(raw.get()).map_err(wrong)?;
    check_header(raw, &fields, header.hash, method)?;
    let listed = fields.get("transactions").map_or("[]", |raw| raw.get());
    let listed: Vec<Raw> = serde_json::from_str(listed).map_err(wrong)?;
    let (mut transactions, mut envelopes) = (Vec::with_capacity(listed.len()), Vec::new());
    for raw in listed {
        let (transaction, envelope) = transaction::checked(raw, method)?;
        transactions.push(Arc::new(transaction));
        envelopes.extend(envelope);
    }
    if let Some(claimed) =
        header.transactions_root.filter(|_| envelopes.len() == transactions.len())
    {
        let actual = calculate_transaction_root(&envelopes);
        if actual != claimed {
            return Err(RpcError::Hash { what: "the list of a block", claimed, actual });
        }
    }
    let header = Header {
        number: header.number.to(),
        hash: header.hash,
        parent_hash: header.parent_hash,
        timestamp: header.timestamp.to(),
        base_fee_per_gas: header.base_fee_per_gas.map(|fee| fee.saturating_to()),
        gas_used: header.gas_used.to(),
        gas_limit: header.gas_limit.to(),
        beneficiary: header.miner,
        state_root: header.state_root,
    };
    Ok(Some(Arc::new(Block { header, transactions })))
}

/// Reads the transactions of a block that is not made yet; it has no hash to check.
///
/// # Errors
///
/// Fails where it is malformed, or a transaction's hash is wrong.
pub(crate) fn decode_pending(
    raw: &RawValue,
    method: &'static str,
) -> Result<Vec<Arc<Transaction>>, RpcError> {
    #[derive(Deserialize)]
    struct Pending {
        transactions: Vec<Raw>,
    }
    let pending: Option<Pending> =
        serde_json::from_str(raw.get()).map_err(|error| wire::json_error(method, &error))?;
    let listed = pending.map(|pending| pending.transactions).unwrap_or_default();
    let read = |raw| transaction::checked(raw, method).map(|(it, _)| Arc::new(it));
    listed.into_iter().map(read).collect()
}

fn check_header(
    raw: &RawValue,
    fields: &Fields<'_>,
    claimed: B256,
    method: &'static str,
) -> Result<(), RpcError> {
    let is_ours = fields.keys().all(|name| KNOWN.contains(&name.as_str()));
    let is_whole = ["nonce", "mixHash"].iter().all(|name| fields.contains_key(*name));
    if !is_ours || !is_whole {
        return Ok(());
    }
    let header: alloy_consensus::Header =
        serde_json::from_str(raw.get()).map_err(|error| wire::json_error(method, &error))?;
    let actual = header.hash_slow();
    if actual == claimed {
        return Ok(());
    }
    Err(RpcError::Hash { what: "a block", claimed, actual })
}
