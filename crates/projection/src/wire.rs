//! How things of a chain are written as JSON: hashes and bytes as 0x-hex, amounts in wei as decimal
//! texts, since a number of JSON does not hold them.

use std::fmt::Display;

use alloy_primitives::{Address, B256};
use chain::{BlockRef, Fact, Finding, FindingKind, Header, Transaction};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Writes a number as a decimal text.
pub(crate) fn decimal<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Writes a number that may be missing as a decimal text or null.
pub(crate) fn decimal_or_null<T: Display, S: Serializer>(
    value: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

/// Adds what a fact says.
pub(crate) fn fact<M: SerializeMap>(map: &mut M, fact: &Fact) -> Result<(), M::Error> {
    match fact {
        Fact::Seen { transaction } => {
            map.serialize_entry("hash", &transaction.hash)?;
            map.serialize_entry("transaction", &TransactionJson::from(&**transaction))
        }
        Fact::Committed { header, transaction_count } => {
            map.serialize_entry("block", &BlockJson::from(header))?;
            map.serialize_entry("transaction_count", transaction_count)
        }
        Fact::Reverted { block } => map.serialize_entry("block", block),
        Fact::Included { transaction, block, index } => {
            of_transaction(map, transaction, block)?;
            map.serialize_entry("index", index)
        }
        Fact::Final { transaction, block } | Fact::Reorged { transaction, block } => {
            of_transaction(map, transaction, block)
        }
        Fact::Replaced { transaction, by } => {
            map.serialize_entry("hash", transaction)?;
            map.serialize_entry("replaced_by", by)
        }
        Fact::Dropped { transaction, reason } => {
            map.serialize_entry("hash", transaction)?;
            map.serialize_entry("reason", reason)
        }
        Fact::Broken { last, resumes_at } => {
            map.serialize_entry("last", last)?;
            map.serialize_entry("resumes_at", resumes_at)
        }
        Fact::Found(found) => finding(map, found),
    }
}

/// Adds what a finding says, its body under the name of what it is about.
pub(crate) fn finding<M: SerializeMap>(map: &mut M, found: &Finding) -> Result<(), M::Error> {
    let (name, label, body) = match found.kind {
        FindingKind::Feature => ("hash", "category", "features"),
        FindingKind::Simulation => ("hash", "status", "simulation"),
        _ => ("id", "status", "opportunity"),
    };
    map.serialize_entry(name, &found.of)?;
    map.serialize_entry("cause_chain_seq", &found.cause)?;
    map.serialize_entry(label, &found.label)?;
    if found.kind.is_opportunity() {
        map.serialize_entry("value_wei", &found.value.map(|value| value.to_string()))?;
    }
    map.serialize_entry(body, &found.body)
}

fn of_transaction<M: SerializeMap>(
    map: &mut M,
    transaction: &B256,
    block: &BlockRef,
) -> Result<(), M::Error> {
    map.serialize_entry("hash", transaction)?;
    map.serialize_entry("block", block)
}

/// A transaction as it is shown.
#[derive(Serialize)]
pub(crate) struct TransactionJson<'a> {
    sender: &'a Address,
    to: Option<&'a Address>,
    nonce: u64,
    tx_type: u8,
    chain_id: Option<u64>,
    #[serde(serialize_with = "decimal")]
    value_wei: alloy_primitives::U256,
    gas_limit: u64,
    #[serde(serialize_with = "decimal_or_null")]
    gas_price_wei: Option<u128>,
    #[serde(serialize_with = "decimal_or_null")]
    max_fee_per_gas_wei: Option<u128>,
    #[serde(serialize_with = "decimal_or_null")]
    max_priority_fee_per_gas_wei: Option<u128>,
    #[serde(serialize_with = "decimal_or_null")]
    max_fee_per_blob_gas_wei: Option<u128>,
    blob_count: u16,
    calldata_len: usize,
    /// The first four bytes of what it calls with, where there are so many.
    method_selector: Option<alloy_primitives::FixedBytes<4>>,
}

impl<'a> From<&'a Transaction> for TransactionJson<'a> {
    fn from(transaction: &'a Transaction) -> Self {
        let is_call = transaction.to.is_some();
        let selector = transaction.input.first_chunk::<4>().filter(|_| is_call);
        TransactionJson {
            sender: &transaction.sender,
            to: transaction.to.as_ref(),
            nonce: transaction.nonce,
            tx_type: transaction.tx_type,
            chain_id: transaction.chain_id,
            value_wei: transaction.value,
            gas_limit: transaction.gas_limit,
            gas_price_wei: transaction.gas_price,
            max_fee_per_gas_wei: transaction.max_fee_per_gas,
            max_priority_fee_per_gas_wei: transaction.max_priority_fee_per_gas,
            max_fee_per_blob_gas_wei: transaction.max_fee_per_blob_gas,
            blob_count: transaction.blob_count,
            calldata_len: transaction.input.len(),
            method_selector: selector.map(|bytes| bytes.into()),
        }
    }
}

/// A block as it is shown.
#[derive(Serialize)]
pub(crate) struct BlockJson<'a> {
    number: u64,
    hash: &'a B256,
    parent_hash: &'a B256,
    timestamp: u64,
    #[serde(serialize_with = "decimal_or_null")]
    base_fee_per_gas_wei: Option<u128>,
    gas_used: u64,
    gas_limit: u64,
    beneficiary: &'a Address,
}

impl<'a> From<&'a Header> for BlockJson<'a> {
    fn from(header: &'a Header) -> Self {
        BlockJson {
            number: header.number,
            hash: &header.hash,
            parent_hash: &header.parent_hash,
            timestamp: header.timestamp,
            base_fee_per_gas_wei: header.base_fee_per_gas,
            gas_used: header.gas_used,
            gas_limit: header.gas_limit,
            beneficiary: &header.beneficiary,
        }
    }
}
