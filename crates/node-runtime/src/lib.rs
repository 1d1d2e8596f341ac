//! The composition root: settings become a state, the state is started, serves, drains and stops.
//!
//! Owns: the typed settings, every task and thread of the process, the order of start and
//! shutdown, the metrics registry. Must not know: routes, or what an endpoint answers.

mod evidence;
pub mod health;
mod ingest;
mod live;
pub mod local_key;
mod logging;
mod metrics;
mod ops;
mod peers;
mod phase;
mod replica;
pub mod runtime;
pub mod settings;
mod soak;
mod state;
mod switch;
mod tasks;

pub use evidence::KeyFileError;
pub use ingest::{
    Feed, HandedRecord, IngestError, IngestHealth, Latency, RecordSink, RecordSinkError, Rerun,
    RerunState, Simulation, SimulationError, Simulations, StateFileError, StateFileReader,
    StateFileWriter,
};
pub use logging::{LoggingError, init_logging};
pub use metrics::{HttpMetrics, IdempotencyResult, Metrics, PublishResult};
pub use phase::Phase;
pub use replica::read_or_make as replica_name;
pub use runtime::{Running, RuntimeBuilder, StartError, StopReport, TASKS_SHARE};
pub use settings::{Scope, Scopes, Settings, SettingsError};
pub use soak::{SOAK_MAX, SOAK_MIN, Soak, SoakStatus};
pub use state::State;
pub use switch::SwitchRefusal;
pub use tasks::{Shutdown, Tasks};

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this build was made of, as whoever built it said in `SOURCE_COMMIT`.
pub const COMMIT: Option<&str> = match option_env!("SOURCE_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};
