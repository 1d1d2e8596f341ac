//! Sinks that are slow, down, or refuse a record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use journal::{
    AppendError, AttachError, BoxFuture, Committed, Options, Sink, SinkError, SinkOptions,
    SinkState, State,
};
use parking_lot::Mutex;

use crate::support::{LONG, group, open, options, seq, until};

#[derive(Default)]
struct Rows {
    rows: Mutex<BTreeMap<u64, Bytes>>,
    writes: Mutex<Vec<u64>>,
    down: AtomicBool,
    refuse: Mutex<Option<u64>>,
}

impl Rows {
    fn count(&self) -> usize {
        self.rows.lock().len()
    }

    fn take(&self, batch: &[Committed]) -> Result<(), SinkError> {
        if self.down.load(SeqCst) {
            return Err(SinkError { retryable: true, message: "down".to_owned() });
        }
        let rows = || batch.iter().flat_map(Committed::numbered);
        let refuse = *self.refuse.lock();
        if refuse.is_some_and(|refuse| rows().any(|(seq, _)| seq.get() == refuse)) {
            return Err(SinkError { retryable: false, message: "no such colour".to_owned() });
        }
        for (seq, record) in rows() {
            self.rows.lock().insert(seq.get(), record.clone());
            self.writes.lock().push(seq.get());
        }
        Ok(())
    }
}

impl Sink for Rows {
    fn name(&self) -> &str {
        "rows"
    }

    fn write<'a>(&'a self, batch: &'a [Committed]) -> BoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move { self.take(batch) })
    }
}

fn quick() -> SinkOptions {
    SinkOptions {
        batch_delay_max: Duration::from_millis(1),
        retry_delay_min: Duration::from_millis(1),
        retry_delay_max: Duration::from_millis(10),
        ..SinkOptions::default()
    }
}

fn with_sink(folder: &std::path::Path) -> Options {
    Options { sinks: vec!["rows".to_owned()], ..options(folder) }
}

#[tokio::test]
async fn a_sink_that_was_down_gets_all_in_order_and_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Arc::new(Rows::default());
    let (journal, _) = open(with_sink(folder.path()));
    journal.attach(sink.clone(), quick()).unwrap();
    assert!(matches!(journal.attach(sink.clone(), quick()), Err(AttachError::Twice(_))));
    sink.down.store(true, SeqCst);
    for number in 0..50 {
        journal.writer().append(group(number, 4)).await.unwrap();
    }
    until("retrying", || journal.health().sinks[0].state == SinkState::Retrying).await;
    until("written", || journal.next_seq() == seq(201)).await;
    assert_eq!(journal.health().sinks[0].behind_records, 200);
    assert_eq!(journal.health().sinks[0].last_error.as_deref(), Some("down"));
    sink.down.store(false, SeqCst);
    until("all taken", || journal.health().sinks[0].behind_records == 0).await;
    assert_eq!(*sink.writes.lock(), (1..=200).collect::<Vec<_>>());
    sink.down.store(true, SeqCst);
    journal.writer().append(group(51, 3)).await.unwrap();
    until("retrying", || journal.health().sinks[0].state == SinkState::Retrying).await;
    assert_eq!(journal.close(LONG).await.sinks_behind, ["rows"]);
    drop(journal);

    sink.down.store(false, SeqCst);
    let (journal, _) = open(with_sink(folder.path()));
    journal.attach(sink.clone(), quick()).unwrap();
    until("all taken", || sink.count() == 203).await;
    assert!(journal.close(LONG).await.sinks_behind.is_empty());
    assert_eq!(*sink.writes.lock(), (1..=203).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_record_that_a_sink_refuses_is_set_aside_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Arc::new(Rows::default());
    *sink.refuse.lock() = Some(37);
    let (journal, _) = open(with_sink(folder.path()));
    for number in 0..30 {
        journal.writer().append(group(number, 3)).await.unwrap();
    }
    journal.attach(sink.clone(), quick()).unwrap();
    until("the others taken", || sink.count() == 89).await;
    until("counted", || journal.health().sinks[0].taken == Some(seq(90))).await;
    assert_eq!(journal.health().sinks[0].rejected_records, 1);
    assert_eq!(sink.writes.lock().len(), 89);
    let lines = std::fs::read_to_string(folder.path().join("sinks/rows.rejected")).unwrap();
    let line: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((line["seq"].as_u64(), line["reason"].as_str()), (Some(37), Some("no such colour")));
    journal.close(LONG).await;
}

#[tokio::test]
async fn what_a_sink_needs_is_kept_and_the_log_is_full_then() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Arc::new(Rows::default());
    sink.down.store(true, SeqCst);
    let small = Options {
        queue_records_max: 20,
        queue_bytes_max: 1_000,
        log_bytes_max: 8_000,
        retain_records: 10,
        ..with_sink(folder.path())
    };
    let (journal, _) = open(small);
    journal.attach(sink.clone(), quick()).unwrap();
    let is_full = || match journal.health().state {
        State::Degraded { reason } => reason.contains("limit") && reason.contains("rows"),
        State::Writing | State::Closed => false,
    };
    let (mut taken, mut refused) = (0, 0);
    while refused < 20 || !is_full() {
        match journal.writer().try_append(group(1, 2)) {
            Ok(()) => taken += 2,
            Err(error) => {
                assert_eq!(error, AppendError::Full);
                refused += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.first_seq(), seq(1));
    sink.down.store(false, SeqCst);
    until("all taken", || sink.count() == taken).await;
    journal.writer().append(group(1, 2)).await.unwrap();
    until("removed", || journal.first_seq() > seq(1)).await;
    assert!(journal.metrics().dropped.total() >= 40);
    journal.close(LONG).await;
}

#[tokio::test]
async fn only_known_sinks_are_attached() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(folder.path()));
    let attached = journal.attach(Arc::new(Rows::default()), quick());
    assert!(matches!(attached, Err(AttachError::Unknown(_))));
    journal.close(LONG).await;
}
