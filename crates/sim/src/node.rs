//! State that a node is asked for.
//!
//! It is asked by the block's hash (EIP-1898), also for a block that is not canonical any more. A
//! node that does not take hashes is asked by the number, between two looks at whether the block of
//! that number is the one: what it says is believed only where both looks found it.

use std::sync::atomic::{AtomicBool, Ordering};

use alloy_primitives::{U256, keccak256};
use chain::{
    BlockRef,
    rpc::{Client, RpcError, StateAnswer, StateBlock, StateQuery},
};
use futures_util::{FutureExt, future::BoxFuture};

use crate::{Fetched, StateError, StateKey, StateSource, StateValue};

/// Reads state from a node.
#[derive(Debug)]
pub struct NodeState {
    client: Client,
    /// The node does not take a block's hash.
    by_number: AtomicBool,
}

type Answered = Result<StateAnswer, StateError>;

impl NodeState {
    /// Returns a source that asks a node.
    pub fn new(client: Client) -> NodeState {
        NodeState { client, by_number: AtomicBool::new(false) }
    }

    async fn read(&self, at: BlockRef, keys: &[StateKey]) -> Result<Fetched, StateError> {
        let queries: Vec<StateQuery> = keys.iter().flat_map(queries).collect();
        let numbers: Vec<u64> = keys.iter().filter_map(block_number).collect();
        let mut answers = self.answers(at, &queries).await?.into_iter();
        let mut hashes = self.hashes(at, &numbers).await.into_iter();
        let mut next = || answers.next().unwrap_or(Err(StateError::Nonsense));
        Ok(keys
            .iter()
            .map(|key| match key {
                StateKey::Account(_) => account(next(), next(), next()),
                StateKey::Storage(..) => number(next()).map(StateValue::Storage),
                StateKey::Code(_) => code(next()).map(StateValue::Code),
                StateKey::BlockHash(_) => hashes.next().unwrap_or(Err(StateError::Nonsense)),
            })
            .collect())
    }

    async fn answers(
        &self,
        at: BlockRef,
        queries: &[StateQuery],
    ) -> Result<Vec<Answered>, StateError> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        if !self.by_number.load(Ordering::Relaxed) {
            let answers = self.client.state(StateBlock::Hash(at.hash), queries).await;
            let answers = answers.map_err(|error| why(&error))?;
            if !answers.iter().all(is_refused) {
                return Ok(answers.into_iter().map(checked).collect());
            }
        }
        let answers = self.answers_by_number(at, queries).await?;
        // It answers by number what it refused by hash: it is not asked by hash again.
        if answers.iter().any(Result::is_ok) {
            self.by_number.store(true, Ordering::Relaxed);
        }
        Ok(answers)
    }

    async fn answers_by_number(
        &self,
        at: BlockRef,
        queries: &[StateQuery],
    ) -> Result<Vec<Answered>, StateError> {
        self.is_canonical(at).await?;
        let answers = self.client.state(StateBlock::Number(at.number), queries).await;
        let answers = answers.map_err(|error| why(&error))?;
        self.is_canonical(at).await?;
        Ok(answers.into_iter().map(checked).collect())
    }

    /// Returns the hashes of blocks below `at`: they are those of the canonical chain as long as it
    /// is on it.
    async fn hashes(&self, at: BlockRef, numbers: &[u64]) -> Fetched {
        let found = async {
            if numbers.is_empty() {
                return Ok(Vec::new());
            }
            self.is_canonical(at).await?;
            let blocks = self.client.blocks_at(numbers).await.map_err(|error| why(&error))?;
            self.is_canonical(at).await?;
            Ok(blocks)
        };
        let hash = |block: Option<BlockRef>| match block {
            Some(block) if block.number < at.number => Ok(StateValue::BlockHash(block.hash)),
            _ => Err(StateError::BlockGone),
        };
        match found.await {
            Ok(blocks) => blocks.into_iter().map(hash).collect(),
            Err(error) => vec![Err(error); numbers.len()],
        }
    }

    async fn is_canonical(&self, at: BlockRef) -> Result<(), StateError> {
        let block = self.client.block_at(at.number).await.map_err(|error| why(&error))?;
        if block == Some(at) { Ok(()) } else { Err(StateError::BlockGone) }
    }
}

impl StateSource for NodeState {
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched> {
        let failed = |error| vec![Err(error); keys.len()];
        self.read(at, keys).map(move |read| read.unwrap_or_else(failed)).boxed()
    }
}

/// Returns what a node is asked for a key.
fn queries(key: &StateKey) -> Vec<StateQuery> {
    match *key {
        StateKey::Account(address) => vec![
            StateQuery::Balance(address),
            StateQuery::Nonce(address),
            StateQuery::Code(address),
        ],
        StateKey::Storage(address, slot) => vec![StateQuery::Storage(address, slot)],
        StateKey::Code(address) => vec![StateQuery::Code(address)],
        StateKey::BlockHash(_) => Vec::new(),
    }
}

fn block_number(key: &StateKey) -> Option<u64> {
    match key {
        StateKey::BlockHash(number) => Some(*number),
        StateKey::Account(_) | StateKey::Storage(..) | StateKey::Code(_) => None,
    }
}

fn number(answer: Answered) -> Result<U256, StateError> {
    match answer? {
        StateAnswer::Number(number) => Ok(number),
        StateAnswer::Code(_) => Err(StateError::Nonsense),
    }
}

fn code(answer: Answered) -> Result<alloy_primitives::Bytes, StateError> {
    match answer? {
        StateAnswer::Code(code) => Ok(code),
        StateAnswer::Number(_) => Err(StateError::Nonsense),
    }
}

fn account(balance: Answered, nonce: Answered, held: Answered) -> Result<StateValue, StateError> {
    let (balance, nonce, held) = (number(balance)?, number(nonce)?, code(held)?);
    let nonce = u64::try_from(nonce).map_err(|_| StateError::Nonsense)?;
    Ok(StateValue::Account { balance, nonce, code_hash: keccak256(&held), code: Some(held) })
}

fn checked(answer: Result<StateAnswer, RpcError>) -> Answered {
    answer.map_err(|error| why(&error))
}

fn is_refused(answer: &Result<StateAnswer, RpcError>) -> bool {
    matches!(answer, Err(error) if why(error) == StateError::Refused)
}

/// Words of nodes for a state that is not kept: those of geth, Erigon, Nethermind and Besu.
const PRUNED: [&str; 6] = [
    "missing trie node",
    "pruned",
    "historical state",
    "state is not available",
    "state not available",
    "no state available",
];

/// Words of nodes for a block that they don't have.
const GONE: [&str; 5] =
    ["not found", "unknown block", "out of range", "outofrange", "block does not exist"];

/// Returns what an error says of the state.
fn why(error: &RpcError) -> StateError {
    match error {
        RpcError::Node { code, message, .. } => {
            let message = message.to_lowercase();
            let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
            if says(&PRUNED) {
                StateError::Pruned
            } else if *code == -32_001 || says(&GONE) && !message.contains("method") {
                StateError::BlockGone
            } else if error.is_refusal() {
                StateError::Refused
            } else {
                StateError::Unavailable
            }
        }
        RpcError::Malformed { .. } | RpcError::Hash { .. } | RpcError::Other { .. } => {
            StateError::Nonsense
        }
        RpcError::Connect
        | RpcError::Closed
        | RpcError::Timeout { .. }
        | RpcError::Status { .. }
        | RpcError::TooLarge { .. } => StateError::Unavailable,
    }
}
