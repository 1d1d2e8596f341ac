//! A record as it is handed to a sink, which knows neither the log nor its bytes.

use std::sync::Arc;

use broker::BoxFuture;
use event::Epoch;
use journal::{Committed, Seq, Sink, SinkError};
use projection::Event;
use serde_json::Value;

/// A record of a chain as it is handed to a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedRecord {
    /// The name of the log that it is of: rows of two logs are never the same.
    pub log: String,
    /// Its number there.
    pub seq: u64,
    /// Which chain it tells of.
    pub chain_key: String,
    /// Its number among the records of its chain.
    pub chain_seq: u64,
    /// What it tells, as events are named.
    pub kind: &'static str,
    /// The transaction that it is about, as 0x-hex.
    pub hash: Option<String>,
    /// When it was found out, in milliseconds since 1970.
    pub observed_unix_ms: u64,
    /// All of it, as the JSON that readers get.
    pub record: String,
}

/// Takes the records of chains, in their order, each at least once.
pub trait RecordSink: Send + Sync + 'static {
    /// Returns its name: letters, digits, `-` and `_`.
    fn name(&self) -> &str;

    /// Takes records; when that is done, all of them last.
    ///
    /// # Errors
    /// Fails where they were not taken, or nobody knows; they are handed again where that can help.
    ///
    /// # Cancel safety
    /// May be dropped; the records are handed again.
    fn write(&self, records: Vec<HandedRecord>) -> BoxFuture<'_, Result<(), RecordSinkError>>;
}

/// Why records were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecordSinkError {
    /// Whether the same records may be taken later.
    pub retryable: bool,
    /// What was wrong, without anything secret.
    pub message: String,
}

/// Hands the log's records to a sink.
pub(super) struct Handing {
    sink: Arc<dyn RecordSink>,
    log: String,
}

impl Handing {
    pub(super) fn new(sink: Arc<dyn RecordSink>, log: Epoch) -> Self {
        Handing { sink, log: log.to_string() }
    }
}

impl Sink for Handing {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn write<'a>(
        &'a self,
        batch: &'a [Committed],
    ) -> journal::BoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let numbered = batch.iter().flat_map(|group| {
                let persisted = group.persisted_unix_ms;
                group.numbered().map(move |(seq, bytes)| (seq, bytes, persisted))
            });
            let records: Result<Vec<_>, _> = numbered
                .map(|(seq, bytes, persisted)| handed(&self.log, seq, bytes, persisted))
                .collect();
            let refused = |error: RecordSinkError| {
                let RecordSinkError { retryable, message } = error;
                SinkError { retryable, message }
            };
            self.sink.write(records?).await.map_err(refused)
        })
    }
}

/// Returns the event that a record tells.
///
/// # Errors
/// Fails where its bytes can't be understood, which no other attempt changes.
pub(super) fn event(seq: Seq, bytes: &[u8], persisted_unix_ms: u64) -> Result<Event, SinkError> {
    let record = chain::decode(bytes)
        .map_err(|error| SinkError { retryable: false, message: error.to_string() })?;
    Ok(Event {
        seq: seq.get(),
        number: record.number,
        chain: record.chain,
        observed_unix_ms: record.observed_unix_ms,
        persisted_unix_ms,
        fact: record.fact,
    })
}

fn handed(
    log: &str,
    seq: Seq,
    bytes: &[u8],
    persisted_unix_ms: u64,
) -> Result<HandedRecord, SinkError> {
    let event = event(seq, bytes, persisted_unix_ms)?;
    let shown = serde_json::to_value(&event)
        .map_err(|error| SinkError { retryable: false, message: error.to_string() })?;
    Ok(HandedRecord {
        log: log.to_owned(),
        seq: event.seq,
        chain_key: event.chain.to_string(),
        chain_seq: event.number,
        kind: event.kind().as_str(),
        hash: shown.get("hash").and_then(Value::as_str).map(str::to_owned),
        observed_unix_ms: event.observed_unix_ms,
        record: shown.to_string(),
    })
}
