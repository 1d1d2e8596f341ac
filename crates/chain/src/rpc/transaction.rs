//! A transaction as a node writes it: read, and checked against its hash where its type is known.
//!
//! Types that are not known, as those of layer-2 deposits, are read for what all types have. So are
//! transactions without a real signature, which a chain or a test node makes itself. The sender is
//! the node's word: to recover it costs more than all else that is done with a transaction.

use std::sync::Arc;

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U64, U256};
use alloy_rpc_types_eth::{AccessList, SignedAuthorization};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RpcError, wire};
use crate::{AccessListItem, Authorization, Lists, Transaction};

/// A transaction as blocks hold it: without the blobs that it came with.
pub(crate) type Envelope = EthereumTxEnvelope<TxEip4844>;

/// What nodes write of a transaction.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Raw {
    hash: B256,
    from: Address,
    nonce: Option<U64>,
    to: Option<Address>,
    value: U256,
    #[serde(rename = "type")]
    tx_type: Option<U64>,
    chain_id: Option<U64>,
    gas: U64,
    gas_price: Option<U256>,
    max_fee_per_gas: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
    max_fee_per_blob_gas: Option<U256>,
    blob_versioned_hashes: Option<Vec<B256>>,
    input: Option<Bytes>,
    data: Option<Bytes>,
    access_list: Option<AccessList>,
    authorization_list: Option<Vec<SignedAuthorization>>,
    v: Option<U256>,
    r: Option<U256>,
    s: Option<U256>,
    y_parity: Option<U64>,
}

/// Reads a transaction; `None` for `null`.
///
/// # Errors
///
/// Fails where it is malformed, or does not have its hash.
pub(crate) fn decode(
    raw: &RawValue,
    method: &'static str,
) -> Result<Option<Arc<Transaction>>, RpcError> {
    let raw: Option<Raw> =
        serde_json::from_str(raw.get()).map_err(|error| wire::json_error(method, &error))?;
    raw.map(|raw| checked(raw, method).map(|(transaction, _)| Arc::new(transaction))).transpose()
}

/// Returns a transaction, and it as it was signed where that is known and was checked.
///
/// # Errors
///
/// Fails where it does not have its hash.
pub(crate) fn checked(
    raw: Raw,
    method: &'static str,
) -> Result<(Transaction, Option<Envelope>), RpcError> {
    let tx_type = raw.tx_type.unwrap_or_default();
    let tx_type = u8::try_from(tx_type.to::<u64>())
        .map_err(|_| RpcError::malformed(method, "a type is more than a byte"))?;
    let envelope = envelope(&raw, tx_type);
    if let Some(envelope) = &envelope {
        let (claimed, actual) = (raw.hash, *envelope.tx_hash());
        if claimed != actual {
            return Err(RpcError::Hash { what: "a transaction", claimed, actual });
        }
    }
    let wei = |amount: Option<U256>| amount.map(|amount| amount.saturating_to::<u128>());
    let transaction = Transaction {
        hash: raw.hash,
        sender: raw.from,
        nonce: raw.nonce.unwrap_or_default().to(),
        to: raw.to,
        value: raw.value,
        tx_type,
        chain_id: match &envelope {
            Some(Envelope::Legacy(signed)) => signed.tx().chain_id,
            _ => raw.chain_id.map(|id| id.to()),
        },
        gas_limit: raw.gas.to(),
        // Nodes write here what was paid in the end, for the later types.
        gas_price: wei(raw.gas_price).filter(|_| tx_type < 2),
        max_fee_per_gas: wei(raw.max_fee_per_gas),
        max_priority_fee_per_gas: wei(raw.max_priority_fee_per_gas),
        max_fee_per_blob_gas: wei(raw.max_fee_per_blob_gas),
        blob_count: raw
            .blob_versioned_hashes
            .as_ref()
            .map_or(0, |hashes| u16::try_from(hashes.len()).unwrap_or(u16::MAX)),
        lists: lists(&raw).unless_empty(),
        input: raw.input.or(raw.data).unwrap_or_default(),
    };
    Ok((transaction, envelope))
}

/// Returns what only some types have.
fn lists(raw: &Raw) -> Lists {
    let accessed = raw.access_list.iter().flat_map(|list| list.iter());
    let authorized = raw.authorization_list.iter().flatten();
    Lists {
        access_list: accessed
            .map(|item| AccessListItem {
                address: item.address,
                storage_keys: item.storage_keys.clone(),
            })
            .collect(),
        blob_hashes: raw.blob_versioned_hashes.clone().unwrap_or_default(),
        authorizations: authorized
            .map(|signed| Authorization {
                chain_id: signed.chain_id,
                address: signed.address,
                nonce: signed.nonce,
                y_parity: signed.y_parity(),
                r: signed.r(),
                s: signed.s(),
            })
            .collect(),
    }
}

/// Returns a transaction as it was signed; `None` where its type is not known, it is not signed, or a
/// field is missing that its type has.
fn envelope(raw: &Raw, tx_type: u8) -> Option<Envelope> {
    let (r, s, v) = (raw.r?, raw.s?, raw.v);
    if r <= U256::ONE || s <= U256::ONE {
        return None;
    }
    let parity = match (raw.y_parity, v) {
        (Some(parity), _) if tx_type != 0 => parity == U64::ONE,
        (_, Some(v)) if tx_type != 0 => v == U256::ONE || v == U256::from(28),
        (_, Some(v)) => legacy_parity(v),
        _ => return None,
    };
    let signature = Signature::new(r, s, parity);
    Some(match tx_type {
        0 => legacy(raw, v?)?.into_signed(signature).into(),
        1 => eip2930(raw)?.into_signed(signature).into(),
        2 => eip1559(raw)?.into_signed(signature).into(),
        3 => eip4844(raw)?.into_signed(signature).into(),
        4 => eip7702(raw)?.into_signed(signature).into(),
        _ => return None,
    })
}

/// Returns the parity of `27 + parity`, or `35 + 2 × chain id + parity`.
fn legacy_parity(v: U256) -> bool {
    if v < U256::from(35) { v == U256::from(28) || v == U256::ONE } else { !v.bit(0) }
}

fn amount(amount: Option<U256>) -> Option<u128> {
    u128::try_from(amount?).ok()
}

fn kind(to: Option<Address>) -> TxKind {
    to.map_or(TxKind::Create, TxKind::Call)
}

fn input(raw: &Raw) -> Bytes {
    raw.input.clone().or_else(|| raw.data.clone()).unwrap_or_default()
}

fn legacy(raw: &Raw, v: U256) -> Option<TxLegacy> {
    let signed_for = v.checked_sub(U256::from(35)).map(|double| double >> 1);
    Some(TxLegacy {
        chain_id: signed_for.and_then(|id| u64::try_from(id).ok()),
        nonce: raw.nonce?.to(),
        gas_price: amount(raw.gas_price)?,
        gas_limit: raw.gas.to(),
        to: kind(raw.to),
        value: raw.value,
        input: input(raw),
    })
}

fn eip2930(raw: &Raw) -> Option<TxEip2930> {
    Some(TxEip2930 {
        chain_id: raw.chain_id?.to(),
        nonce: raw.nonce?.to(),
        gas_price: amount(raw.gas_price)?,
        gas_limit: raw.gas.to(),
        to: kind(raw.to),
        value: raw.value,
        access_list: raw.access_list.clone().unwrap_or_default(),
        input: input(raw),
    })
}

fn eip1559(raw: &Raw) -> Option<TxEip1559> {
    Some(TxEip1559 {
        chain_id: raw.chain_id?.to(),
        nonce: raw.nonce?.to(),
        gas_limit: raw.gas.to(),
        max_fee_per_gas: amount(raw.max_fee_per_gas)?,
        max_priority_fee_per_gas: amount(raw.max_priority_fee_per_gas)?,
        to: kind(raw.to),
        value: raw.value,
        access_list: raw.access_list.clone().unwrap_or_default(),
        input: input(raw),
    })
}

fn eip4844(raw: &Raw) -> Option<TxEip4844> {
    Some(TxEip4844 {
        chain_id: raw.chain_id?.to(),
        nonce: raw.nonce?.to(),
        gas_limit: raw.gas.to(),
        max_fee_per_gas: amount(raw.max_fee_per_gas)?,
        max_priority_fee_per_gas: amount(raw.max_priority_fee_per_gas)?,
        to: raw.to?,
        value: raw.value,
        access_list: raw.access_list.clone().unwrap_or_default(),
        blob_versioned_hashes: raw.blob_versioned_hashes.clone()?,
        max_fee_per_blob_gas: amount(raw.max_fee_per_blob_gas)?,
        input: input(raw),
    })
}

fn eip7702(raw: &Raw) -> Option<TxEip7702> {
    Some(TxEip7702 {
        chain_id: raw.chain_id?.to(),
        nonce: raw.nonce?.to(),
        gas_limit: raw.gas.to(),
        max_fee_per_gas: amount(raw.max_fee_per_gas)?,
        max_priority_fee_per_gas: amount(raw.max_priority_fee_per_gas)?,
        to: raw.to?,
        value: raw.value,
        access_list: raw.access_list.clone().unwrap_or_default(),
        authorization_list: raw.authorization_list.clone()?,
        input: input(raw),
    })
}
