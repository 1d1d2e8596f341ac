//! Who is told of what got written.
//!
//! Owns the hook alone; histograms are the caller's.

/// Told of each group once it is on disk; called by the writing thread, so it must not wait.
pub trait Observer: Send + Sync + 'static {
    /// `records` records that were observed at `stamp` were on disk at `persisted_unix_ms`.
    fn persisted(&self, records: u64, stamp: u64, persisted_unix_ms: u64);
}

/// Tells nobody.
pub(crate) struct NoObserver;

impl Observer for NoObserver {
    fn persisted(&self, _: u64, _: u64, _: u64) {}
}
