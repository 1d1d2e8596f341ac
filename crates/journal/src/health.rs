//! How the journal and its sinks are, for people and for `/ready`.
//!
//! Owns the shapes. No text here holds a secret: sinks say only what may be shown.

use crate::seq::Seq;

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It writes.
    Writing,
    /// It can't write now and tries on; nothing is acknowledged meanwhile.
    Degraded {
        /// Why.
        reason: String,
    },
    /// It was closed.
    Closed,
}

/// How the journal is.
#[derive(Clone, Debug)]
pub struct Health {
    /// How the writer is.
    pub state: State,
    /// How each attached sink is.
    pub sinks: Vec<SinkHealth>,
}

/// How a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// It takes what it is given.
    Running,
    /// It failed and is tried again.
    Retrying,
    /// Records that it needs were not kept; it went on behind them.
    Behind,
    /// It was stopped.
    Stopped,
}

/// How a sink is, with how far it got.
#[derive(Clone, Debug)]
pub struct SinkHealth {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: SinkState,
    /// The last record that it took.
    pub taken: Option<Seq>,
    /// How many records it is behind.
    pub behind_records: u64,
    /// How long ago the next record was written that it must take; where memory does not have that
    /// one any more, the last that it took.
    pub behind_ms: u64,
    /// How many records it refused for good.
    pub rejected_records: u64,
    /// How many records could not be read for it.
    pub damaged_records: u64,
    /// How often it failed.
    pub failures: u64,
    /// What it said last when it failed.
    pub last_error: Option<String>,
}
