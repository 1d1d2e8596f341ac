//! A thin JSON-RPC client of a node: what is asked, within which limits, and what is believed.
//!
//! Answers are another's word. Sizes and times are bounded while they are read, and what has a hash
//! is checked against it. Must not know: which endpoint is best, or what is canonical.
//!
//! Batches go by `reqwest`, which the workspace has. WebSockets go by `tokio-tungstenite` in the
//! version that wraps the workspace's `tungstenite`: driving that one by hand would need its own
//! handling of TLS and of half-written frames.

mod block;
mod client;
mod error;
mod method;
mod redact;
mod socket;
mod state;
mod transaction;
mod wire;

use std::time::Duration;

pub use self::{
    client::Client,
    error::RpcError,
    socket::{Notice, PendingKind, Socket},
    state::{StateAnswer, StateBlock, StateQuery},
};

/// What a client takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcLimits {
    /// Bytes of an answer, a whole batch together.
    pub answer_bytes_max: usize,
    /// Calls in a batch; a node that refuses so many is asked for fewer.
    pub batch_calls_max: usize,
    /// Requests that wait for an answer at the same time.
    pub in_flight_max: usize,
    /// How long an answer may take, to its last byte.
    pub call_time_max: Duration,
    /// How long a connection may take.
    pub connect_time_max: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        RpcLimits {
            answer_bytes_max: 64 << 20,
            batch_calls_max: 64,
            in_flight_max: 8,
            call_time_max: Duration::from_secs(15),
            connect_time_max: Duration::from_secs(10),
        }
    }
}
