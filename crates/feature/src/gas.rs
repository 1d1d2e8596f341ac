//! The gas that a transaction uses before anything runs.

use chain::Transaction;

/// By EIP-2028, EIP-2930, EIP-3860 and EIP-7702 (<https://eips.ethereum.org>).
const BASE: u64 = 21_000;
const CREATION: u64 = 32_000;
const ZERO_BYTE: u64 = 4;
const OTHER_BYTE: u64 = 16;
const CREATION_WORD: u64 = 2;
const LISTED_ACCOUNT: u64 = 2_400;
const LISTED_SLOT: u64 = 1_900;
const AUTHORIZATION: u64 = 25_000;

/// Returns the gas that a transaction uses before anything runs, by the rules of the Prague fork
/// without its floor for calldata (EIP-7623), which counts what ran.
pub fn intrinsic_gas(transaction: &Transaction) -> u64 {
    let bytes = transaction.input.len() as u64;
    let zeros = zero_bytes(&transaction.input);
    let creation = match transaction.to {
        Some(_) => 0,
        None => CREATION + CREATION_WORD * bytes.div_ceil(32),
    };
    let listed = transaction.access_list();
    let slots: u64 = listed.iter().map(|item| item.storage_keys.len() as u64).sum();
    BASE + creation
        + ZERO_BYTE * zeros
        + OTHER_BYTE * (bytes - zeros)
        + LISTED_ACCOUNT * listed.len() as u64
        + LISTED_SLOT * slots
        + AUTHORIZATION * transaction.authorizations().len() as u64
}

/// Returns how many bytes are zero.
pub(crate) fn zero_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == 0)).sum()
}
