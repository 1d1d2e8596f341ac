//! From one log to many sockets.
//!
//! Owns: the sockets of attached readers, the rings of events that they are about to receive, the
//! lag policy, heartbeats, the drain. A stream with readers has one attachment to its log; its
//! events go to each worker's ring once, and a reader is a place in that ring. There is no task,
//! timer or queue for a reader, and no allocation for an (event, reader).
//! Must not know: who publishes, HTTP routes, which backend holds the log.

pub mod channel;
mod delivery;
mod encoder;
mod fetch;
mod filter;
mod inbox;
#[cfg(feature = "inject")]
pub mod inject;
mod metrics;
mod options;
mod probe;
mod pump;
pub mod room;
pub mod session;
pub mod sse;
mod terms;
mod worker;
pub mod ws;

pub use channel::Lease;
pub use delivery::{
    Delivery, DrainReport, OpenRequest, Opened, Reader, Resume, StartError, WebReader,
};
pub use filter::{Filter, FilterError};
pub use metrics::{DeliveryMetrics, EndCause, Transport};
pub use options::DeliveryOptions;
pub use probe::{Probe, ProbeError, Probed};
pub use room::{Subscribing, socket::Socket};
pub use terms::{Dialect, Pass, Terms};
