//! What is known of chains, folded from facts into snapshots.
//!
//! Owns: the last events of all chains and of each, the transactions that they tell of, and the pages
//! that are read of them. One writer folds; a snapshot is a copy that shares what did not change, so
//! that no reader holds the writer up and a page costs what it shows, not what is held. Must not know:
//! HTTP, where facts are kept, or a chain's node.

mod chain_view;
mod event;
mod findings;
mod frame;
mod page;
mod row;
mod snapshot;
mod view;
mod wire;

pub use self::{
    chain_view::{ChainView, Counts},
    event::{Event, EventKind, KindFilter, KindFilterError},
    findings::{CategoryCount, FindingPage, FindingQuery, FindingRow, Group},
    frame::{Replay, ReplayFrame, ReplaySummary},
    page::{EventPage, MissedEvents, TransactionPage, TransactionQuery},
    row::{Status, TransactionRow},
    snapshot::Snapshot,
    view::{Limits, View},
};
