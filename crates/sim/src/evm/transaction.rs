//! A call as `revm` takes it.

use alloy_primitives::TxKind;
use revm::{
    context::TxEnv,
    context_interface::{
        either::Either,
        transaction::{
            AccessList, AccessListItem as RevmItem, Authorization as RevmAuthorization,
            SignedAuthorization,
        },
    },
};

use chain::Authorization;

use crate::{Call, Fees, InvalidReason};

/// The newest type that is known, EIP-7702's.
const TYPE_MAX: u8 = 4;

/// Returns a call as `revm` takes it.
///
/// # Errors
///
/// Fails for types that are not known, and where the price can't be counted.
pub(super) fn of(call: &Call, nonce: u64, chain_id: u64) -> Result<TxEnv, InvalidReason> {
    if call.tx_type > TYPE_MAX {
        return Err(InvalidReason::NotSupported);
    }
    if call.tx_type == 3 && call.to.is_none() {
        return Err(InvalidReason::Blobs);
    }
    if call.tx_type == 4 && call.to.is_none() {
        return Err(InvalidReason::Authorizations);
    }
    let fees = call.fees.unwrap_or(Fees {
        // Who pays nothing for gas pays nothing for blobs either, but has to say that he would.
        max_fee_per_blob_gas: u128::MAX,
        ..Fees::default()
    });
    // `revm` counts what was paid for gas with 128 bits.
    fees.max_fee_per_gas
        .checked_mul(u128::from(call.gas_limit))
        .ok_or(InvalidReason::CostOverflow)?;
    Ok(TxEnv {
        tx_type: call.tx_type,
        caller: call.from,
        gas_limit: call.gas_limit,
        gas_price: fees.max_fee_per_gas,
        kind: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        data: call.input.clone(),
        nonce,
        // A call that nobody has signed is for the chain that it is simulated on.
        chain_id: call.chain_id.or((call.tx_type > 0).then_some(chain_id)),
        access_list: access_list(call),
        gas_priority_fee: fees.max_priority_fee_per_gas.filter(|_| call.tx_type > 1),
        blob_hashes: call.blob_hashes.clone(),
        max_fee_per_blob_gas: fees.max_fee_per_blob_gas,
        authorization_list: call.authorizations.iter().map(authorization).collect(),
    })
}

fn access_list(call: &Call) -> AccessList {
    let item = |item: &chain::AccessListItem| RevmItem {
        address: item.address,
        storage_keys: item.storage_keys.clone(),
    };
    AccessList(call.access_list.iter().map(item).collect())
}

fn authorization(
    signed: &Authorization,
) -> Either<SignedAuthorization, revm::context_interface::transaction::RecoveredAuthorization> {
    let Authorization { chain_id, address, nonce, y_parity, r, s } = *signed;
    let inner = RevmAuthorization { chain_id, address, nonce };
    Either::Left(SignedAuthorization::new_unchecked(inner, y_parity, r, s))
}
