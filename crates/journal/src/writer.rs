//! The thread that writes, and the handle that feeds it.
//!
//! Owns the order: on disk first, published then. Must not know how frames look.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::RngExt;

use crate::error::AppendError;
use crate::group::{Committed, Group};
use crate::health::State;
use crate::log::Log;
use crate::metrics::DropReason;
use crate::retention::Retention;
use crate::shared::{Shared, now_unix_ms};

/// Feeds the journal.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes a group without waiting, or refuses it and counts its records as dropped.
    ///
    /// # Errors
    ///
    /// The queue is full, also where somebody waits for room in [`Writer::append`]; or it is
    /// closed; or the group is empty or larger than the queue.
    pub fn try_append(&self, group: Group) -> Result<(), AppendError> {
        let records = group.records.len();
        let pushed = self.shared.queue.try_push(group);
        if let Err(refused) = pushed {
            let reason = match refused {
                AppendError::Full => DropReason::QueueFull,
                AppendError::Closed => DropReason::QueueClosed,
                AppendError::TooLarge { .. } => DropReason::TooLarge,
            };
            self.shared.counters.drop_records(reason, records);
        }
        pushed
    }

    /// Counts records that were given up by who waited in [`Writer::append`], which counts none.
    pub fn count_dropped(&self, reason: DropReason, records: usize) {
        self.shared.counters.drop_records(reason, records);
    }

    /// Takes a group as soon as there is room; those who wait are served in order.
    ///
    /// # Errors
    ///
    /// The queue is closed, or the group is empty or larger than the queue. No record is counted
    /// as dropped: who waits knows what was not taken.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped before it is done has appended nothing.
    pub async fn append(&self, group: Group) -> Result<(), AppendError> {
        self.shared.queue.push(group).await
    }
}

/// What the writing thread works with.
pub(crate) struct Work {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    pub(crate) retention: Retention,
    pub(crate) flush_bytes_max: usize,
    pub(crate) retry_delay_max: Duration,
}

/// What was left when the thread ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) groups: usize,
    pub(crate) records: usize,
}

impl Work {
    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) -> Left {
        let mut left = Left::default();
        while let Some(groups) = self.shared.queue.take(self.flush_bytes_max) {
            if !self.persist(&groups) {
                left = self.give_up(&groups);
                break;
            }
            self.shared.queue.done(&groups);
        }
        if left.groups == 0 && self.log.has_untold() {
            self.persist(&[]);
        }
        *self.shared.state.lock() = State::Closed;
        self.shared.recent.close();
        left
    }

    /// Tries until it is on disk; false where the time to close is over.
    fn persist(&mut self, groups: &[Group]) -> bool {
        let mut failures = 0;
        loop {
            match self.attempt(groups) {
                Ok(committed) => {
                    self.publish(committed);
                    return true;
                }
                Err(reason) => self.degrade(reason, failures),
            }
            if self.shared.queue.pause(self.delay(failures)) {
                return false;
            }
            failures += 1;
        }
    }

    fn attempt(&mut self, groups: &[Group]) -> Result<Vec<Committed>, String> {
        let bytes = groups.iter().map(Group::frame_bytes).sum::<usize>() as u64;
        self.retention.make_room(&self.shared, self.log.next(), bytes)?;
        self.log.write(groups).map_err(|failed| format!("the log could not be written: {failed}"))
    }

    fn publish(&self, committed: Vec<Committed>) {
        let counters = &self.shared.counters;
        let now = now_unix_ms();
        for group in &committed {
            let records = group.records.len() as u64;
            counters.records_written.fetch_add(records, Relaxed);
            self.shared.observer.persisted(records, group.stamp, now);
        }
        counters.bytes_written.fetch_add(self.log.written_bytes() as u64, Relaxed);
        counters.fsyncs.fetch_add(1, Relaxed);
        let mut state = self.shared.state.lock();
        if *state != State::Writing {
            tracing::info!("the journal writes again");
            *state = State::Writing;
        }
        drop(state);
        self.shared.recent.publish(committed);
    }

    fn degrade(&self, reason: String, failures: u32) {
        self.shared.counters.write_failures.fetch_add(1, Relaxed);
        if failures == 0 {
            tracing::error!(%reason, "the journal can't write; it tries on");
        }
        *self.shared.state.lock() = State::Degraded { reason };
    }

    fn delay(&self, failures: u32) -> Duration {
        let full = Duration::from_millis(10 << failures.min(16)).min(self.retry_delay_max);
        full.mul_f64(rand::rng().random_range(0.5..1.0))
    }

    fn give_up(&self, groups: &[Group]) -> Left {
        let records = self.shared.queue.depth().0;
        self.shared.counters.drop_records(DropReason::QueueClosed, records);
        tracing::error!(records, "the journal was closed with records that it could not write");
        Left { groups: groups.len() + self.shared.queue.groups(), records }
    }
}
