//! The methods of a node that are used, with what they answer.

use std::sync::Arc;

use alloy_primitives::{B256, U64};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    Client, RpcError, block, transaction,
    wire::{self, Call},
};
use crate::{Block, BlockRef, Transaction};

const BY_HASH: &str = "eth_getBlockByHash";
const BY_NUMBER: &str = "eth_getBlockByNumber";
const TRANSACTION: &str = "eth_getTransactionByHash";

/// What names a block, of all that a node says of it.
#[derive(Deserialize)]
struct Named {
    number: U64,
    hash: B256,
}

/// What the rules of a block need beside its header here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    mix_hash: Option<B256>,
    excess_blob_gas: Option<U64>,
}

impl From<Named> for BlockRef {
    fn from(named: Named) -> BlockRef {
        BlockRef { number: named.number.to(), hash: named.hash }
    }
}

/// Returns the call for what names a block.
pub(super) fn named(number: u64) -> Call {
    Call { method: BY_NUMBER, params: json!([U64::from(number), false]) }
}

/// Reads what names a block; `None` for `null`.
///
/// # Errors
/// Fails where it is malformed.
pub(super) fn decode_named(raw: &RawValue) -> Result<Option<BlockRef>, RpcError> {
    let read: Result<Option<Named>, _> = serde_json::from_str(raw.get());
    let read = read.map_err(|error| wire::json_error(BY_NUMBER, &error))?;
    Ok(read.map(BlockRef::from))
}

/// Returns the error for a block that was not asked for.
pub(super) fn other_block() -> RpcError {
    RpcError::Other { method: BY_NUMBER }
}

impl Client {
    /// Returns the id of the node's chain by EIP-155.
    ///
    /// # Errors
    /// Fails where the node does not say.
    pub async fn chain_id(&self) -> Result<u64, RpcError> {
        let call = Call { method: "eth_chainId", params: json!([]) };
        Ok(self.call::<U64>(&call).await?.to())
    }

    /// Returns the number of the node's newest block.
    ///
    /// # Errors
    /// Fails where the node does not say.
    pub async fn block_number(&self) -> Result<u64, RpcError> {
        let call = Call { method: "eth_blockNumber", params: json!([]) };
        Ok(self.call::<U64>(&call).await?.to())
    }

    /// Returns the node's newest block's name.
    ///
    /// # Errors
    /// Fails where the node does not say.
    pub async fn head(&self) -> Result<BlockRef, RpcError> {
        let call = Call { method: BY_NUMBER, params: json!(["latest", false]) };
        Ok(self.call::<Named>(&call).await?.into())
    }

    /// Returns the name of the node's block of this number; `None` where it has none.
    ///
    /// # Errors
    /// Fails where the node does not answer.
    pub async fn block_at(&self, number: u64) -> Result<Option<BlockRef>, RpcError> {
        Ok(self.call::<Option<Named>>(&named(number)).await?.map(BlockRef::from))
    }

    /// Returns a block with its transactions; `None` where the node has not got it.
    ///
    /// # Errors
    /// Fails where the node does not answer, or answers another block.
    pub async fn block_by_hash(&self, hash: B256) -> Result<Option<Arc<Block>>, RpcError> {
        let call = Call { method: BY_HASH, params: json!([hash, true]) };
        let raw: Box<RawValue> = self.call(&call).await?;
        let block = block::decode(&raw, BY_HASH)?;
        match block {
            Some(block) if block.header.hash != hash => Err(RpcError::Other { method: BY_HASH }),
            block => Ok(block),
        }
    }

    /// Returns what a block says beside its header here: its random number (`mixHash`, EIP-4399) and
    /// what the price of blobs follows from (EIP-4844), as far as the node says them; `None` where the
    /// node has not got the block.
    ///
    /// # Errors
    /// Fails where the node does not answer.
    pub async fn seal(&self, hash: B256) -> Result<Option<(Option<B256>, Option<u64>)>, RpcError> {
        let call = Call { method: BY_HASH, params: json!([hash, false]) };
        let sealed = self.call::<Option<Sealed>>(&call).await?;
        Ok(sealed.map(|sealed| (sealed.mix_hash, sealed.excess_blob_gas.map(|gas| gas.to()))))
    }

    /// Returns the blocks of these numbers, up to the first that the node has not got.
    ///
    /// # Errors
    /// Fails where the node does not answer, or answers other blocks.
    pub async fn blocks_by_number(
        &self,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<Arc<Block>>, RpcError> {
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let call =
            |number: &u64| Call { method: BY_NUMBER, params: json!([U64::from(*number), true]) };
        let calls: Vec<Call> = numbers.iter().map(call).collect();
        let mut blocks = Vec::with_capacity(numbers.len());
        for (number, raw) in numbers.into_iter().zip(self.calls(&calls).await?) {
            match block::decode(&raw?, BY_NUMBER)? {
                Some(block) if block.header.number != number => {
                    return Err(RpcError::Other { method: BY_NUMBER });
                }
                Some(block) => blocks.push(block),
                None => break,
            }
        }
        Ok(blocks)
    }

    /// Returns transactions by their hashes, in that order; `None` for what the node has not got.
    ///
    /// # Errors
    /// Fails where the node does not answer, or answers other transactions.
    pub async fn transactions(
        &self,
        hashes: &[B256],
    ) -> Result<Vec<Option<Arc<Transaction>>>, RpcError> {
        let call = |hash: &B256| Call { method: TRANSACTION, params: json!([hash]) };
        let calls: Vec<Call> = hashes.iter().map(call).collect();
        let mut found = Vec::with_capacity(hashes.len());
        for (hash, raw) in hashes.iter().zip(self.calls(&calls).await?) {
            let transaction = transaction::decode(&raw?, TRANSACTION)?;
            if transaction.as_ref().is_some_and(|transaction| transaction.hash != *hash) {
                return Err(RpcError::Other { method: TRANSACTION });
            }
            found.push(transaction);
        }
        Ok(found)
    }

    /// Asks the node to note pending transactions; returns what names the note.
    ///
    /// # Errors
    /// Fails where the node does not offer it.
    pub async fn pending_filter(&self) -> Result<String, RpcError> {
        self.call(&Call { method: "eth_newPendingTransactionFilter", params: json!([]) }).await
    }

    /// Returns the pending transactions that were noted since it was last asked.
    ///
    /// # Errors
    /// Fails where the node has forgotten the note.
    pub async fn filter_changes(&self, filter: &str) -> Result<Vec<B256>, RpcError> {
        self.call(&Call { method: "eth_getFilterChanges", params: json!([filter]) }).await
    }

    /// Returns the transactions of the block that the node would make now.
    ///
    /// # Errors
    /// Fails where the node does not offer it.
    pub async fn pending_block(&self) -> Result<Vec<Arc<Transaction>>, RpcError> {
        let call = Call { method: BY_NUMBER, params: json!(["pending", true]) };
        let raw: Box<RawValue> = self.call(&call).await?;
        block::decode_pending(&raw, BY_NUMBER)
    }
}
