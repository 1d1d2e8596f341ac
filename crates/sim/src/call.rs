//! One transaction to simulate, signed or not.

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{AccessListItem, Authorization, Transaction};
use serde::{Deserialize, Serialize};

/// A transaction as a simulation takes it: a signature is not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who sends it.
    pub from: Address,
    /// The receiver; `None` where it creates a contract.
    pub to: Option<Address>,
    /// What it moves, in wei.
    pub value: U256,
    /// What it calls with, or the code that creates the contract.
    pub input: Bytes,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// What it pays for gas; `None` for nothing, which no block would take.
    pub fees: Option<Fees>,
    /// The sender's count of transactions before it; `None` for the one that fits.
    pub nonce: Option<u64>,
    /// Its type by EIP-2718.
    pub tx_type: u8,
    /// The chain that it was signed for; `None` where it says none.
    pub chain_id: Option<u64>,
    /// The accounts and slots that it says it uses (EIP-2930).
    pub access_list: Vec<AccessListItem>,
    /// What names its blobs (EIP-4844).
    pub blob_hashes: Vec<B256>,
    /// The accounts that let code stand in for them (EIP-7702).
    pub authorizations: Vec<Authorization>,
}

/// What a transaction pays for gas, in wei for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// The price, or the most with the base fee included (EIP-1559).
    pub max_fee_per_gas: u128,
    /// The most that goes to the proposer; `None` for all above the base fee, as in types 0 and 1.
    pub max_priority_fee_per_gas: Option<u128>,
    /// The most for blob gas (EIP-4844).
    pub max_fee_per_blob_gas: u128,
}

impl Call {
    /// Returns a call that pays nothing for gas, with the sender's next nonce.
    pub fn free(from: Address, to: Address, input: Bytes, gas_limit: u64) -> Call {
        Call {
            from,
            to: Some(to),
            value: U256::ZERO,
            input,
            gas_limit,
            fees: None,
            nonce: None,
            tx_type: 2,
            chain_id: None,
            access_list: Vec::new(),
            blob_hashes: Vec::new(),
            authorizations: Vec::new(),
        }
    }
}

impl From<&Transaction> for Call {
    fn from(transaction: &Transaction) -> Call {
        let price = transaction.max_fee_per_gas.or(transaction.gas_price);
        Call {
            from: transaction.sender,
            to: transaction.to,
            value: transaction.value,
            input: transaction.input.clone(),
            gas_limit: transaction.gas_limit,
            fees: Some(Fees {
                max_fee_per_gas: price.unwrap_or_default(),
                max_priority_fee_per_gas: transaction.max_priority_fee_per_gas,
                max_fee_per_blob_gas: transaction.max_fee_per_blob_gas.unwrap_or_default(),
            }),
            nonce: Some(transaction.nonce),
            tx_type: transaction.tx_type,
            chain_id: transaction.chain_id,
            access_list: transaction.access_list().to_vec(),
            blob_hashes: transaction.blob_hashes().to_vec(),
            authorizations: transaction.authorizations().to_vec(),
        }
    }
}
