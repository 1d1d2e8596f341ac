//! A transaction as it is signed, without where it was included.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

/// A signed transaction, whatever its type. Amounts are in wei.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its identity: the Keccak-256 of its encoding.
    pub hash: B256,
    /// Who signed it.
    pub sender: Address,
    /// The signer's count of transactions before it.
    pub nonce: u64,
    /// The receiver; `None` where it creates a contract.
    pub to: Option<Address>,
    /// What it moves.
    pub value: U256,
    /// Its type by EIP-2718; 0 for one from before that.
    pub tx_type: u8,
    /// The chain that it was signed for; `None` where it says none (before EIP-155).
    pub chain_id: Option<u64>,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// The price of gas, for types 0 and 1.
    pub gas_price: Option<u128>,
    /// The most that it pays for gas, base fee included (EIP-1559).
    pub max_fee_per_gas: Option<u128>,
    /// The most of it that goes to the block's proposer (EIP-1559).
    pub max_priority_fee_per_gas: Option<u128>,
    /// The most that it pays for blob gas (EIP-4844).
    pub max_fee_per_blob_gas: Option<u128>,
    /// How many blobs it carries.
    pub blob_count: u16,
    /// What it calls with, or the code that creates the contract.
    pub input: Bytes,
    /// What only some types have, where one of it is not empty. It stays the last field:
    /// records of the version before end here.
    #[serde(default)]
    pub lists: Option<Box<Lists>>,
}

/// What only some types of transactions have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// The accounts and slots that it says it uses (EIP-2930).
    pub access_list: Vec<AccessListItem>,
    /// What names its blobs (EIP-4844).
    pub blob_hashes: Vec<B256>,
    /// The accounts that let code stand in for them (EIP-7702).
    pub authorizations: Vec<Authorization>,
}

/// An account that a transaction says it uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessListItem {
    /// The account.
    pub address: Address,
    /// Its slots.
    pub storage_keys: Vec<B256>,
}

/// An account's word that the code of another one stands in for its own, as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The chain that it is for; 0 for any.
    pub chain_id: U256,
    /// Whose code it is.
    pub address: Address,
    /// The count of transactions that the account has to have.
    pub nonce: u64,
    /// The parity of the signature's point; only 0 and 1 can be valid.
    pub y_parity: u8,
    /// The signature's first half.
    pub r: U256,
    /// The signature's second half.
    pub s: U256,
}

impl Lists {
    /// Returns them where one is not empty.
    pub fn unless_empty(self) -> Option<Box<Lists>> {
        let is_empty = self.access_list.is_empty()
            && self.blob_hashes.is_empty()
            && self.authorizations.is_empty();
        (!is_empty).then(|| Box::new(self))
    }
}

impl Transaction {
    /// Returns the accounts and slots that it says it uses.
    pub fn access_list(&self) -> &[AccessListItem] {
        self.lists.as_ref().map_or(&[], |lists| &lists.access_list)
    }

    /// Returns what names its blobs.
    pub fn blob_hashes(&self) -> &[B256] {
        self.lists.as_ref().map_or(&[], |lists| &lists.blob_hashes)
    }

    /// Returns the accounts that let code stand in for them.
    pub fn authorizations(&self) -> &[Authorization] {
        self.lists.as_ref().map_or(&[], |lists| &lists.authorizations)
    }
}
