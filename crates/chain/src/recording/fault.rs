//! What is wrong with a feed's file.

use std::io;

use alloy_primitives::B256;

use super::{FORMAT, VERSION};
use crate::{ChainKey, config::CHAINS_MAX};

/// Most bytes of a line.
pub(super) const LINE_BYTES_MAX: u64 = 16 << 20;

/// The file can't be read (further). Everything before was given.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The file could not be read.
    #[error("the feed can't be read behind line {lines}")]
    Io {
        /// Whole lines before.
        lines: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ends before its last line.
    #[error("the feed is cut off behind line {lines}")]
    Cut {
        /// Whole lines that it has.
        lines: u64,
    },
    /// A line does not say what it must.
    #[error("line {number} of the feed {fault}")]
    Line {
        /// Its number, from 1.
        number: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// It is too long.
    #[error("has more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// It is not the JSON of a line.
    #[error("is not a line of a feed: {0}")]
    Json(serde_json::Error),
    /// The file is none of this format.
    #[error("does not begin a feed: it must say the format {FORMAT} and its version")]
    NotAFeed,
    /// The file is of another version.
    #[error("says version {version}, where this build reads version {VERSION}")]
    Version {
        /// The version that it says.
        version: u32,
    },
    /// A chain has two headers.
    #[error("begins the chain {0} again")]
    ChainAgain(ChainKey),
    /// There are more chains than a feed may have.
    #[error("begins another chain, where a feed may have {CHAINS_MAX}: split it")]
    TooManyChains,
    /// A chain has no header before.
    #[error("is of the chain {0}, which has no header before")]
    ChainUnknown(ChainKey),
    /// It says nothing, or several things.
    #[error("must say one of pending, block, rollback and end, with what belongs to it")]
    Shape,
    /// A block names a transaction that does not stand before.
    #[error("names the transaction {0}, which does not stand before")]
    TransactionUnknown(B256),
    /// The last line counts others.
    #[error("counts {counted} lines before it, where there are {lines}")]
    Count {
        /// How many it counts.
        counted: u64,
        /// How many there are.
        lines: u64,
    },
    /// Something follows the last line.
    #[error("follows the end")]
    BehindEnd,
}
