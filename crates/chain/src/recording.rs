//! The file of a recorded feed: one JSON object a line, with `gzip` around it or not.
//!
//! The first line is a [`FeedHeader`]; a file of several chains has one for each, before its first
//! use. Every other line says when it was observed, in milliseconds since the recording began, and
//! one of these; `chain` may be left out for the first header's:
//!
//! ```json
//! {"format":"tidegate-feed","version":1,"chain_key":"demo","chain_id":1,"recorded_unix_ms":0}
//! {"at_ms":3,"pending":{"hash":"0x…", …}}
//! {"at_ms":9,"block":{"header":{…},"transactions":["0x…",{"hash":"0x…", …}]}}
//! {"at_ms":9,"chain":"demo","rollback":{"number":4,"hash":"0x…"}}
//! {"end":true,"lines":4}
//! ```
//!
//! A block names by hash what stands in full before it, among the last 200,000 transactions of the
//! file; both sides count them alike. The last line counts those before it: a file without it was cut.

mod fault;
mod line;
mod output;
mod reader;
mod recent;
mod writer;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::{
    fault::{FeedError, LineFault},
    output::{FeedOutput, NewFeedFile},
    reader::{FeedReader, open_unpacked},
    writer::FeedWriter,
};
use crate::{Block, BlockRef, ChainKey, Transaction};

/// What the first line must say.
const FORMAT: &str = "tidegate-feed";

/// The version that is written and read.
const VERSION: u32 = 1;

/// Which chain lines are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedHeader {
    /// Its name in the deployment that recorded it.
    pub chain_key: ChainKey,
    /// The chain's id.
    pub chain_id: u64,
    /// When the recording began, in milliseconds since 1970.
    pub recorded_unix_ms: u64,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEvent {
    /// A transaction waits.
    Pending(Arc<Transaction>),
    /// A block is the node's head, or leads to it.
    Block(Arc<Block>),
    /// The node's head jumped back to this block.
    Rollback(BlockRef),
}

/// A line of a recorded feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedLine {
    /// Of which chain.
    pub chain: ChainKey,
    /// When it was observed, in milliseconds since the recording began.
    pub at_ms: u64,
    /// What was observed.
    pub event: FeedEvent,
}

/// Returns the small feed that ships with every build.
///
/// # Errors
///
/// The build was made with a file that is none.
pub fn example_feed() -> Result<FeedReader<Box<dyn std::io::BufRead + Send>>, FeedError> {
    FeedReader::from_bytes(include_bytes!("../feeds/example.jsonl.gz"))
}
