//! Where the records go behind the log: the trait, and the task that feeds one.
//!
//! Owns the order of things: write, then checkpoint, never the other way round; so a sink gets each
//! record at least once, and the record's number makes its rows idempotent. Must not know what a
//! sink does with the records.

use std::pin::Pin;
use std::time::Duration;

use thiserror::Error;

use crate::group::Committed;

mod checkpoint;
mod position;
mod rejected;
mod task;

pub(crate) use self::{checkpoint::Checkpoint, position::Positions, task::SinkTask};

/// A future that can be sent and named.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes committed groups, in order.
pub trait Sink: Send + Sync + 'static {
    /// Its name, which names its checkpoint too: letters, digits, `-` and `_`.
    fn name(&self) -> &str;

    /// Takes a batch; when that is done, all of it will last.
    ///
    /// It may be given a batch again, or a part of one. Dropping the future is allowed.
    fn write<'a>(&'a self, batch: &'a [Committed]) -> BoxFuture<'a, Result<(), SinkError>>;
}

/// Why a sink did not take a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SinkError {
    /// Whether the same batch may be taken later. Where not, it is split to find the record that
    /// the sink refuses, which is set aside.
    pub retryable: bool,
    /// What it said; shown, so without secrets.
    pub message: String,
}

/// Limits of what a sink is given.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// Most records in a batch, unless one group has more.
    pub batch_records_max: usize,
    /// Most bytes in a batch, unless one group has more.
    pub batch_bytes_max: usize,
    /// How long a batch may wait for more groups.
    pub batch_delay_max: Duration,
    /// The longest that one write may take.
    pub write_timeout: Duration,
    /// The first wait after a failure.
    pub retry_delay_min: Duration,
    /// The longest wait after failures.
    pub retry_delay_max: Duration,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            batch_records_max: 5_000,
            batch_bytes_max: 4 << 20,
            batch_delay_max: Duration::from_millis(50),
            write_timeout: Duration::from_secs(30),
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(10),
        }
    }
}
