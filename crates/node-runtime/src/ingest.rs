//! The feed of chains: from what a source tells to what readers see.
//!
//! Owns: the tasks of each source, the one that decides what was found out and leaves it to the log,
//! and the one that shows what is on disk. A fact is shown once it is on disk, never before; a record
//! that was lost before is counted.

mod analyse;
mod decide;
mod feed;
mod foresee;
mod health;
mod latency;
mod log_name;
mod metrics;
mod recover;
mod rerun;
mod seek;
mod serve;
mod simulate;
mod sinks;
mod source;
mod start;
mod stream;

pub use self::{
    feed::Feed,
    health::IngestHealth,
    latency::Latency,
    rerun::{Rerun, RerunState, StateFileError, StateFileReader, StateFileWriter},
    simulate::{Simulation, SimulationError, Simulations},
    sinks::{HandedRecord, RecordSink, RecordSinkError},
    start::IngestError,
};
pub(crate) use self::{metrics::IngestMetrics, sinks::Wanted, start::Ingest, stream::ChainBroker};
