//! What happens on a chain of Ethereum's kind: the feed of a node, and the account of it as facts.
//!
//! Owns: what a block and a transaction are here, which blocks are canonical, what becomes of a
//! transaction, the client of nodes, and the file of a recorded feed. Facts are its only output and
//! its only memory: who folds the facts of a chain again knows what was known before. Must not know:
//! how facts are kept, or who reads them.

mod address;
mod block;
mod codec;
pub mod config;
mod endpoint;
mod fact;
pub mod feed;
mod finding;
mod input;
mod key;
mod record;
mod recording;
mod replay;
pub mod rpc;
mod state;
mod status;
mod synthetic;
mod tracker;
mod transaction;

pub use self::{
    address::{EndpointAddress, EndpointAddressError},
    block::{Block, BlockRef, Header},
    codec::{DecodeError, decode, encode},
    config::{ChainConfig, ConfigError, EndpointConfig},
    fact::{DropReason, Fact},
    finding::{Finding, FindingKind, Json},
    input::{Broken, Input, Step, Update},
    key::{ChainKey, ChainKeyError},
    record::{Group, Record},
    recording::{
        FeedError, FeedEvent, FeedHeader, FeedLine, FeedOutput, FeedReader, FeedWriter, LineFault,
        NewFeedFile, example_feed, open_unpacked,
    },
    replay::{Replay, ReplayItem, Speed, SpeedFactor},
    state::{ChainState, Stage, StateLimits},
    status::{ChainStatus, FeedState},
    synthetic::Synthetic,
    tracker::{Progress, Refused, Tracker, TrackerLimits},
    transaction::{AccessListItem, Authorization, Lists, Transaction},
};
