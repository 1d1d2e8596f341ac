//! Why no block would take a transaction.

use alloy_primitives::U256;
use revm::context::result::InvalidTransaction as Refusal;
use serde::{Deserialize, Serialize};

/// Why no block would take a transaction as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum InvalidReason {
    /// Another transaction of the sender has its nonce already.
    NonceTooLow {
        /// The transaction's.
        nonce: u64,
        /// The one that fits.
        expected: u64,
    },
    /// Transactions of the sender are missing before it.
    NonceTooHigh {
        /// The transaction's.
        nonce: u64,
        /// The one that fits.
        expected: u64,
    },
    /// The sender's nonce can't count further.
    NonceOverflow,
    /// The sender can't pay for what it may cost.
    InsufficientFunds {
        /// What it may cost at most, in wei.
        required: U256,
        /// What the sender has.
        balance: U256,
    },
    /// It may cost 2^256 wei or more, or more for its gas than can be counted (2^128).
    CostOverflow,
    /// It pays less for gas than the block's base fee.
    FeeBelowBaseFee,
    /// It gives the proposer more than it pays at most.
    PriorityFeeAboveMaxFee,
    /// It pays less for blobs than they cost.
    BlobFeeTooLow,
    /// Its gas limit is above the block's.
    GasLimitAboveBlock,
    /// Its gas limit is above what a transaction may have.
    GasLimitAboveCap {
        /// What it may have.
        cap: u64,
    },
    /// Its gas limit is below what it costs before anything runs.
    GasLimitTooLow {
        /// What it costs.
        required: u64,
    },
    /// The sender is a contract (EIP-3607).
    SenderHasCode,
    /// The code that creates is too long.
    InitCodeTooLong,
    /// It was signed for another chain.
    WrongChain,
    /// Its type, or a part of it, is not known by the rules of the block.
    NotSupported,
    /// Its blobs are too many, none, or of another version; or it creates a contract with them.
    Blobs,
    /// It has no authorization where it must have one, or creates a contract with them.
    Authorizations,
    /// What it says of itself breaks another rule.
    Other,
}

impl From<Refusal> for InvalidReason {
    fn from(refusal: Refusal) -> InvalidReason {
        match refusal {
            Refusal::NonceTooLow { tx, state } => {
                InvalidReason::NonceTooLow { nonce: tx, expected: state }
            }
            Refusal::NonceTooHigh { tx, state } => {
                InvalidReason::NonceTooHigh { nonce: tx, expected: state }
            }
            Refusal::LackOfFundForMaxFee { fee, balance } => {
                InvalidReason::InsufficientFunds { required: *fee, balance: *balance }
            }
            Refusal::TxGasLimitGreaterThanCap { cap, .. } => {
                InvalidReason::GasLimitAboveCap { cap }
            }
            Refusal::CallGasCostMoreThanGasLimit { initial_gas, .. } => {
                InvalidReason::GasLimitTooLow { required: initial_gas }
            }
            Refusal::GasFloorMoreThanGasLimit { gas_floor, .. } => {
                InvalidReason::GasLimitTooLow { required: gas_floor }
            }
            refusal => plain(&refusal),
        }
    }
}

/// Returns the reason of a refusal that has no numbers.
fn plain(refusal: &Refusal) -> InvalidReason {
    match refusal {
        Refusal::NonceOverflowInTransaction => InvalidReason::NonceOverflow,
        Refusal::OverflowPaymentInTransaction => InvalidReason::CostOverflow,
        Refusal::GasPriceLessThanBasefee => InvalidReason::FeeBelowBaseFee,
        Refusal::PriorityFeeGreaterThanMaxFee => InvalidReason::PriorityFeeAboveMaxFee,
        Refusal::BlobGasPriceGreaterThanMax { .. } => InvalidReason::BlobFeeTooLow,
        Refusal::CallerGasLimitMoreThanBlock => InvalidReason::GasLimitAboveBlock,
        Refusal::RejectCallerWithCode => InvalidReason::SenderHasCode,
        Refusal::CreateInitCodeSizeLimit => InvalidReason::InitCodeTooLong,
        Refusal::InvalidChainId | Refusal::MissingChainId => InvalidReason::WrongChain,
        Refusal::EmptyBlobs
        | Refusal::BlobCreateTransaction
        | Refusal::TooManyBlobs { .. }
        | Refusal::BlobVersionNotSupported => InvalidReason::Blobs,
        Refusal::EmptyAuthorizationList | Refusal::AuthorizationListInvalidFields => {
            InvalidReason::Authorizations
        }
        Refusal::AccessListNotSupported
        | Refusal::MaxFeePerBlobGasNotSupported
        | Refusal::BlobVersionedHashesNotSupported
        | Refusal::AuthorizationListNotSupported
        | Refusal::Eip2930NotSupported
        | Refusal::Eip1559NotSupported
        | Refusal::Eip4844NotSupported
        | Refusal::Eip7702NotSupported => InvalidReason::NotSupported,
        _ => InvalidReason::Other,
    }
}
