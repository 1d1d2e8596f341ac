//! From what is kept to what readers see: the task that follows the log.

use std::{sync::Arc, time::Duration};

use chain::Record;
use journal::{Committed, Entry, Journal, Seq, Tail, TailError};
use projection::{Event, View};

use super::{feed::Feed, metrics::IngestMetrics};

/// Records that are shown at once, at most.
const RECORDS_AT_ONCE: usize = 8_192;
const BYTES_AT_ONCE: usize = 8 << 20;

/// How long it waits before it reads again where the disk failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Shows what is on disk.
pub(super) struct Shower {
    pub(super) feed: Arc<Feed>,
    pub(super) view: View,
    pub(super) metrics: Arc<IngestMetrics>,
    pub(super) now_unix_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Shower {
    /// Shows everything that gets on disk, until the log is closed and all of it was shown.
    pub(super) async fn run(mut self, journal: Arc<Journal>, mut tail: Tail) {
        loop {
            match tail.next_batch(RECORDS_AT_ONCE, BYTES_AT_ONCE).await {
                Ok(entries) => self.show(&entries),
                Err(TailError::Closed) => return,
                Err(TailError::Removed { wanted, first }) => {
                    tracing::error!(%wanted, %first, "records were removed before they were shown");
                    tail = journal.tail(first);
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the log of chains can't be read, and is tried again"
                    );
                    drop(error);
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    fn show(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Group(group) => fold(&mut self.view, group, |_| {}),
                Entry::Damaged(damaged) => tracing::error!(
                    from = damaged.from.get(),
                    to = damaged.to.get(),
                    "records of chains can't be read any more; readers are told data_loss"
                ),
            }
        }
        self.feed.publish(self.view.snapshot());
        let now = (self.now_unix_ms)();
        for entry in entries {
            if let Entry::Group(group) = entry {
                self.note_times(group, now);
            }
        }
    }

    fn note_times(&self, group: &Committed, now: u64) {
        let persisted = Duration::from_millis(group.persisted_unix_ms.saturating_sub(group.stamp));
        let served = Duration::from_millis(now.saturating_sub(group.persisted_unix_ms));
        self.metrics.served(served);
        if let Some(record) = group.records.first().and_then(|bytes| chain::decode(bytes).ok()) {
            self.feed.latencies.took(&record.chain, persisted, served);
        }
    }
}

/// Folds a group into what is shown, and hands each record to somebody else.
pub(super) fn fold(view: &mut View, group: &Committed, mut also: impl FnMut(&Record)) {
    for (seq, bytes) in group.numbered() {
        match chain::decode(bytes) {
            Ok(record) => {
                also(&record);
                view.apply(event(seq, group.persisted_unix_ms, record));
            }
            Err(error) => tracing::error!(seq = seq.get(), %error, "a record can't be understood"),
        }
    }
}

fn event(seq: Seq, persisted_unix_ms: u64, record: Record) -> Event {
    let Record { chain, number, observed_unix_ms, fact } = record;
    Event { seq: seq.get(), number, chain, observed_unix_ms, persisted_unix_ms, fact }
}
