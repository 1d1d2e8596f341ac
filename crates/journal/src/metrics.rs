//! Counters of the journal.
//!
//! Owns the counting; names of metric families are the caller's, except for the drop reasons.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why records were lost before they got to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The queue had no room.
    QueueFull,
    /// The journal was closing.
    QueueClosed,
    /// The group would never fit.
    TooLarge,
}

impl DropReason {
    /// Each reason, in the order of [`Dropped`].
    pub const ALL: [Self; 3] = [Self::QueueFull, Self::QueueClosed, Self::TooLarge];

    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "storage_queue_full",
            Self::QueueClosed => "storage_queue_closed",
            Self::TooLarge => "storage_group_too_large",
        }
    }
}

/// Records lost before they got to the log, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped(pub(crate) [u64; 3]);

impl Dropped {
    /// How many for that reason.
    pub const fn of(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Records that wait for the disk.
    pub queue_records: u64,
    /// Bytes that wait for the disk.
    pub queue_bytes: u64,
    /// Records lost since the journal was opened.
    pub dropped: Dropped,
    /// Records lost since the log began.
    pub dropped_ever: Dropped,
    /// Records written since it was opened.
    pub records_written: u64,
    /// Bytes written since it was opened.
    pub bytes_written: u64,
    /// Groups of writes made durable since it was opened.
    pub fsyncs: u64,
    /// Failed writes since it was opened.
    pub write_failures: u64,
    /// Segments that are kept.
    pub segments: u64,
    /// Bytes of all segments.
    pub log_bytes: u64,
    /// The number that the next record gets.
    pub next_seq: u64,
}

/// The counters as they run.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) dropped: [AtomicU64; 3],
    pub(crate) records_written: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    pub(crate) fsyncs: AtomicU64,
    pub(crate) write_failures: AtomicU64,
}

impl Counters {
    pub(crate) fn drop_records(&self, reason: DropReason, records: usize) {
        self.dropped[reason as usize].fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn dropped(&self) -> Dropped {
        Dropped(std::array::from_fn(|at| self.dropped[at].load(Relaxed)))
    }
}
