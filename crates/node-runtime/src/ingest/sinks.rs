//! Where the records of chains go behind the log: to whom they are handed, and as what.

mod clickhouse;
mod handed;

use std::sync::Arc;

use event::Epoch;
use journal::Sink;

use self::handed::Handing;
pub use self::handed::{HandedRecord, RecordSink, RecordSinkError};
use super::IngestError;
use crate::{State, settings::Secret};

/// A sink that is to be fed, once the log's name is known.
pub(crate) enum Wanted {
    Other(Arc<dyn RecordSink>),
    ClickHouse(Secret),
}

impl Wanted {
    fn name(&self) -> &str {
        match self {
            Wanted::Other(sink) => sink.name(),
            Wanted::ClickHouse(_) => "clickhouse",
        }
    }

    pub(super) fn make(self, log: Epoch) -> Result<Arc<dyn Sink>, IngestError> {
        match self {
            Wanted::Other(sink) => Ok(Arc::new(Handing::new(sink, log))),
            Wanted::ClickHouse(url) => Ok(Arc::new(clickhouse::sink(&url, log)?)),
        }
    }
}

impl State {
    /// Hands the records of chains to this sink too; before the process is started.
    pub fn add_sink(&self, sink: Arc<dyn RecordSink>) {
        self.sinks.lock().push(Wanted::Other(sink));
    }

    /// Returns all that are to be fed, those of the settings among them.
    pub(super) fn take_sinks(&self) -> Vec<Wanted> {
        let mut sinks = std::mem::take(&mut *self.sinks.lock());
        sinks.extend(self.settings.ingest.clickhouse_url.clone().map(Wanted::ClickHouse));
        sinks
    }
}

/// Returns the names under which the log knows how far each is.
pub(super) fn names(sinks: &[Wanted]) -> Vec<String> {
    sinks.iter().map(|wanted| wanted.name().to_owned()).collect()
}
