//! The state behind a block, as a node tells it.

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde_json::{Value, json, value::RawValue};

use super::{Client, RpcError, wire::Call};
use crate::BlockRef;

/// Most hexadecimal digits of a number.
const DIGITS_MAX: usize = 64;

/// Which block's state is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateBlock {
    /// That of the block with this hash, canonical or not (EIP-1898).
    Hash(B256),
    /// That of the node's canonical block of this number.
    Number(u64),
}

/// What of a state is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateQuery {
    /// An account's wei.
    Balance(Address),
    /// An account's count of transactions.
    Nonce(Address),
    /// An account's code.
    Code(Address),
    /// A slot of an account's storage.
    Storage(Address, U256),
}

/// What a node answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateAnswer {
    /// A number: an amount, a count, or what stands in a slot.
    Number(U256),
    /// A code.
    Code(Bytes),
}

impl StateQuery {
    fn call(&self, at: StateBlock) -> Call {
        let block = match at {
            StateBlock::Hash(hash) => json!({"blockHash": hash, "requireCanonical": false}),
            StateBlock::Number(number) => json!(U64::from(number)),
        };
        let (method, params): (_, Value) = match self {
            StateQuery::Balance(address) => ("eth_getBalance", json!([address, block])),
            StateQuery::Nonce(address) => ("eth_getTransactionCount", json!([address, block])),
            StateQuery::Code(address) => ("eth_getCode", json!([address, block])),
            StateQuery::Storage(address, slot) => {
                ("eth_getStorageAt", json!([address, B256::from(*slot), block]))
            }
        };
        Call { method, params }
    }

    fn answer(&self, raw: &RawValue, method: &'static str) -> Result<StateAnswer, RpcError> {
        let malformed = |what| RpcError::malformed(method, what);
        let text: String =
            serde_json::from_str(raw.get()).map_err(|_| malformed("it is no text"))?;
        let digits = text.strip_prefix("0x").ok_or(malformed("it is not hexadecimal"))?;
        if let StateQuery::Code(_) = self {
            let code = text.parse().map_err(|_| malformed("it is not hexadecimal"))?;
            return Ok(StateAnswer::Code(code));
        }
        if digits.is_empty() || digits.len() > DIGITS_MAX {
            return Err(malformed("a number has 1 to 64 digits"));
        }
        let number = U256::from_str_radix(digits, 16);
        Ok(StateAnswer::Number(number.map_err(|_| malformed("it is not hexadecimal"))?))
    }
}

impl Client {
    /// Returns what stands in the state behind a block: one result for each query, in their order.
    ///
    /// # Errors
    /// Fails where a batch has no answer.
    pub async fn state(
        &self,
        at: StateBlock,
        queries: &[StateQuery],
    ) -> Result<Vec<Result<StateAnswer, RpcError>>, RpcError> {
        let calls: Vec<Call> = queries.iter().map(|query| query.call(at)).collect();
        let answers = self.calls(&calls).await?;
        let decoded =
            queries.iter().zip(&calls).zip(answers).map(|((query, call), answer)| {
                answer.and_then(|raw| query.answer(&raw, call.method))
            });
        Ok(decoded.collect())
    }

    /// Returns what names the node's blocks of these numbers, in their order; `None` where it has
    /// none.
    ///
    /// # Errors
    /// Fails where the node does not answer.
    pub async fn blocks_at(&self, numbers: &[u64]) -> Result<Vec<Option<BlockRef>>, RpcError> {
        let mut blocks = Vec::with_capacity(numbers.len());
        let calls: Vec<Call> = numbers.iter().map(|number| super::method::named(*number)).collect();
        for (number, raw) in numbers.iter().zip(self.calls(&calls).await?) {
            let block = super::method::decode_named(&raw?)?;
            if block.is_some_and(|block| block.number != *number) {
                return Err(super::method::other_block());
            }
            blocks.push(block);
        }
        Ok(blocks)
    }
}
