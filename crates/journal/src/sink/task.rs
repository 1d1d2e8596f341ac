//! The task that feeds one sink.
//!
//! Owns batches, retries and setting aside what the sink refuses. Must not know what it stores.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::rejected::Rejected;
use super::{Checkpoint, Sink, SinkError, SinkOptions};
use crate::error::TailError;
use crate::group::{Committed, Entry};
use crate::health::SinkState;
use crate::seq::Seq;
use crate::shared::Shared;
use crate::tail::Tail;

/// Feeds one sink.
pub(crate) struct SinkTask {
    sink: Arc<dyn Sink>,
    options: SinkOptions,
    shared: Arc<Shared>,
    tail: Tail,
    checkpoint: Checkpoint,
    rejected: Rejected,
}

impl SinkTask {
    pub(crate) fn new(
        sink: Arc<dyn Sink>,
        options: SinkOptions,
        shared: Arc<Shared>,
        from: Seq,
    ) -> Self {
        let folder = shared.folder.join("sinks");
        let checkpoint = Checkpoint::new(Arc::clone(&shared.disk), &folder, sink.name());
        let rejected = Rejected::new(Arc::clone(&shared.disk), &folder, sink.name());
        let tail = Tail::new(Arc::clone(&shared), from);
        Self { sink, options, shared, tail, checkpoint, rejected }
    }

    /// Feeds the sink until the journal is closed and all is taken.
    pub(crate) async fn run(mut self) {
        let mut failures = 0;
        loop {
            match self.gather().await {
                Ok(entries) => {
                    failures = 0;
                    self.deliver(entries).await;
                }
                Err(TailError::Closed) => break,
                Err(TailError::Removed { wanted, first }) => self.skip(wanted, first),
                Err(TailError::Io(failed)) => {
                    self.failed(format!("the log could not be read: {failed}"));
                    sleep(self.delay(failures)).await;
                    failures += 1;
                }
            }
        }
        self.health_state(SinkState::Stopped);
    }

    /// A batch: what is there, and what comes within the delay.
    async fn gather(&mut self) -> Result<Vec<Entry>, TailError> {
        let (records_max, bytes_max) =
            (self.options.batch_records_max, self.options.batch_bytes_max);
        let mut entries = self.tail.next_batch(records_max, bytes_max).await?;
        let until = Instant::now() + self.options.batch_delay_max;
        loop {
            let (records, bytes) = size(&entries);
            if records >= records_max || bytes >= bytes_max {
                return Ok(entries);
            }
            let more = self.tail.next_batch(records_max - records, bytes_max - bytes);
            match timeout_at(until, more).await {
                Ok(Ok(more)) => entries.extend(more),
                // It comes again with the next batch.
                Ok(Err(_)) | Err(_) => return Ok(entries),
            }
        }
    }

    async fn deliver(&mut self, entries: Vec<Entry>) {
        let Some(taken) = entries.last().and_then(|entry| entry.next().before()) else { return };
        let mut groups = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Group(group) => groups.push(group),
                Entry::Damaged(damaged) => {
                    let records = damaged.to.get() - damaged.from.get() + 1;
                    self.health(|health| health.damaged_records += records);
                }
            }
        }
        let written_ms = groups.last().map_or(0, |group| group.persisted_unix_ms);
        if !groups.is_empty() {
            self.write_all(groups).await;
        }
        self.save(taken).await;
        self.shared.positions.taken(self.sink.name(), taken, written_ms);
        self.health_state(SinkState::Running);
        self.shared.queue.nudge();
    }

    /// Writes all of it; what the sink refuses for good is found by halves and set aside.
    async fn write_all(&self, groups: Vec<Committed>) {
        let mut batches = VecDeque::from([groups]);
        while let Some(batch) = batches.pop_front() {
            let Err(refused) = self.write(&batch).await else { continue };
            match halves(&batch) {
                Some((one, other)) => {
                    batches.push_front(other);
                    batches.push_front(one);
                }
                None => self.reject(batch, refused.message).await,
            }
        }
    }

    /// Tries until the sink takes it, or refuses it for good.
    async fn write(&self, batch: &[Committed]) -> Result<(), SinkError> {
        let mut failures = 0;
        loop {
            let wrote = timeout(self.options.write_timeout, self.sink.write(batch)).await;
            let failed = match wrote {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(refused)) if !refused.retryable => return Err(refused),
                Ok(Err(failed)) => failed.message,
                Err(_) => "it did not answer in time".to_owned(),
            };
            self.failed(failed);
            sleep(self.delay(failures)).await;
            failures += 1;
        }
    }

    async fn reject(&self, batch: Vec<Committed>, reason: String) {
        let records = batch.iter().map(|group| group.records.len() as u64).sum::<u64>();
        tracing::warn!(sink = self.sink.name(), %reason, "a record was refused and set aside");
        let (rejected, why) = (self.rejected.clone(), reason.clone());
        self.store(move || batch.iter().try_for_each(|group| rejected.add(group, &why))).await;
        self.health(|health| {
            health.rejected_records += records;
            health.last_error = Some(reason);
        });
    }

    async fn save(&self, taken: Seq) {
        let checkpoint = self.checkpoint.clone();
        self.store(move || checkpoint.write(taken)).await;
    }

    /// Runs a change on disk until it is done.
    async fn store(&self, change: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
        let change = Arc::new(change);
        let mut failures = 0;
        loop {
            let this = Arc::clone(&change);
            match tokio::task::spawn_blocking(move || this()).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => self.failed(format!("its place could not be saved: {error}")),
                Err(_) => self.failed("its place could not be saved".to_owned()),
            }
            sleep(self.delay(failures)).await;
            failures += 1;
        }
    }

    /// Goes on behind records that are not kept any more.
    fn skip(&mut self, wanted: Seq, first: Seq) {
        let records = first.get().saturating_sub(wanted.get());
        self.tail = Tail::new(Arc::clone(&self.shared), first);
        self.health(|health| {
            health.state = SinkState::Behind;
            health.damaged_records += records;
        });
    }

    fn failed(&self, message: String) {
        self.health(|health| {
            if health.state != SinkState::Retrying {
                tracing::warn!(sink = health.name, %message, "a sink failed; it is tried again");
            }
            health.state = SinkState::Retrying;
            health.failures += 1;
            health.last_error = Some(message);
        });
    }

    fn health_state(&self, state: SinkState) {
        self.health(|health| health.state = state);
    }

    fn health(&self, change: impl FnOnce(&mut crate::health::SinkHealth)) {
        self.shared.positions.health(self.sink.name(), change);
    }

    fn delay(&self, failures: u32) -> Duration {
        let full = self.options.retry_delay_min.saturating_mul(1 << failures.min(16));
        full.min(self.options.retry_delay_max).mul_f64(rand::rng().random_range(0.5..1.0))
    }
}

fn size(entries: &[Entry]) -> (usize, usize) {
    entries.iter().fold((0, 0), |(records, bytes), entry| match entry {
        Entry::Group(group) => (records + group.records.len(), bytes + group.bytes()),
        Entry::Damaged(_) => (records, bytes),
    })
}

/// Splits by groups, and a lone group by its records; `None` for one record.
fn halves(batch: &[Committed]) -> Option<(Vec<Committed>, Vec<Committed>)> {
    if let [group] = batch {
        let half = group.records.len() / 2;
        let part = |at: usize, records: &[bytes::Bytes]| {
            vec![Committed {
                first: group.first.plus(at as u64),
                records: records.into(),
                ..group.clone()
            }]
        };
        let (one, other) = group.records.split_at(half);
        return (half > 0).then(|| (part(0, one), part(half, other)));
    }
    let (one, other) = batch.split_at(batch.len() / 2);
    Some((one.to_vec(), other.to_vec()))
}
