//! The limits of delivery.

use std::time::Duration;

/// How delivery behaves at its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryOptions {
    /// Threads that write to sockets; at least one.
    pub workers: usize,
    /// How many bytes of events a reader may be behind; beyond it is closed.
    pub lag_bytes_max: u64,
    /// How old the next event of a reader may get; beyond it is closed.
    pub lag_max: Duration,
    /// Time between two heartbeats of a reader.
    pub heartbeat: Duration,
    /// Most events in a worker's ring of one stream; a reader behind it is served from the log.
    pub ring_events_max: usize,
    /// Most bytes of events in a worker's ring of one stream. Their frames are not counted: each of
    /// the three framings that has readers adds about as much again.
    pub ring_bytes_max: u64,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        DeliveryOptions {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            lag_bytes_max: 8 << 20,
            lag_max: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            ring_events_max: 65_536,
            ring_bytes_max: 8 << 20,
        }
    }
}
