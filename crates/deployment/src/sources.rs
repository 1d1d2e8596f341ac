//! Where guards' numbers come from.

use serde::{Deserialize, Serialize};

/// What clients with ledgers of their own saw since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerTotals {
    /// Events that were checked by a reader.
    pub checked: u64,
    /// Acknowledged events that a reader never had and was told of no gap for.
    #[serde(default)]
    pub lost: u64,
    /// Events that came more than once.
    #[serde(default)]
    pub repeated: u64,
    /// Events that came before one that stands before them.
    #[serde(default)]
    pub reordered: u64,
    /// Events whose content was another one.
    #[serde(default)]
    pub altered: u64,
    /// Keys under which something took effect twice.
    #[serde(default)]
    pub effects: u64,
}
