//! What is kept of a fact: which chain it is of, and when it was found out.

use serde::{Deserialize, Serialize};

use crate::{ChainKey, Fact};

/// Facts that are kept together or not at all, in their order.
///
/// One transaction that was heard of with what that causes is a group, and so is one block with
/// everything that it causes.
pub type Group = Vec<Fact>;

/// A fact as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Of which chain.
    pub chain: ChainKey,
    /// Its number among the facts of its chain that were kept, from 1.
    pub number: u64,
    /// When it was found out, in milliseconds since 1970.
    pub observed_unix_ms: u64,
    /// What was found out.
    pub fact: Fact,
}
