//! The database as a place behind the log of chains.

use std::sync::{Arc, OnceLock};

use broker::BoxFuture;
use node_runtime::{HandedRecord, RecordSink, RecordSinkError};
use store::{ChainRecord, QueryError};

use crate::service::Service;

/// The name under which the log knows how far the database is.
const NAME: &str = "surreal";

/// Hands the records of chains to the database, once it is open.
pub(crate) struct ChainSink {
    opened: Arc<OnceLock<Arc<Service>>>,
}

impl ChainSink {
    /// Returns the sink of a database that will be opened.
    pub(crate) fn new(opened: Arc<OnceLock<Arc<Service>>>) -> Self {
        ChainSink { opened }
    }
}

impl RecordSink for ChainSink {
    fn name(&self) -> &str {
        NAME
    }

    fn write(&self, records: Vec<HandedRecord>) -> BoxFuture<'_, Result<(), RecordSinkError>> {
        Box::pin(async move {
            let Some(service) = self.opened.get() else {
                let message = "the database is not open yet".to_owned();
                return Err(RecordSinkError { retryable: true, message });
            };
            let records: Vec<_> = records.into_iter().map(row).collect();
            service.chain_records().write(&records).await.map_err(|error| refused(&error))
        })
    }
}

fn row(record: HandedRecord) -> ChainRecord {
    ChainRecord {
        log: record.log,
        seq: record.seq,
        chain_key: record.chain_key,
        chain_seq: record.chain_seq,
        kind: record.kind.to_owned(),
        hash: record.hash,
        observed_unix_ms: record.observed_unix_ms,
        record: record.record,
    }
}

/// A database that refuses can be mended, so every failure is worth another attempt: nothing that it
/// does not take is given up.
fn refused(error: &QueryError) -> RecordSinkError {
    RecordSinkError { retryable: true, message: error.to_string() }
}
