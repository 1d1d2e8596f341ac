//! What readers tell while they read, and what they are told.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// Counters that readers' threads write and the run reads; none of them orders anything else.
#[derive(Debug)]
pub(crate) struct Board {
    /// Streams that were opened, all in all.
    opened: AtomicU64,
    /// Readers that reached their goal for the last time.
    finished: AtomicU64,
    /// Events received.
    received: AtomicU64,
    /// By thread: the number that its slowest reader waits for.
    slowest: Vec<AtomicU64>,
    /// Events sent before this moment are not measured.
    measure_from_us: AtomicU64,
    ended: AtomicBool,
    /// Why the first reader failed, and how many did.
    broken: Mutex<Option<(String, u64)>>,
}

impl Board {
    pub(super) fn new(threads: usize) -> Self {
        Board {
            opened: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            received: AtomicU64::new(0),
            slowest: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            measure_from_us: AtomicU64::new(u64::MAX),
            ended: AtomicBool::new(false),
            broken: Mutex::new(None),
        }
    }

    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Relaxed)
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Returns the number of the last event that all readers have.
    pub(crate) fn all_have(&self) -> u64 {
        let slowest = self.slowest.iter().map(|number| number.load(Relaxed)).min();
        slowest.unwrap_or(0).saturating_sub(1)
    }

    /// Lets events count that are sent from now on.
    pub(crate) fn measure_from(&self, us: u64) {
        self.measure_from_us.store(us, Relaxed);
    }

    /// Returns what happened to readers whose streams did not open, or broke.
    pub(crate) fn broken(&self) -> Option<(String, u64)> {
        self.broken.lock().expect("no holder panics").clone()
    }

    pub(super) fn measured_from(&self) -> u64 {
        self.measure_from_us.load(Relaxed)
    }

    pub(super) fn is_measuring(&self) -> bool {
        self.measured_from() != u64::MAX
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    pub(super) fn add(&self, opened: u64, finished: u64, received: u64) {
        self.opened.fetch_add(opened, Relaxed);
        self.finished.fetch_add(finished, Relaxed);
        self.received.fetch_add(received, Relaxed);
    }

    pub(super) fn set_slowest(&self, thread: usize, number: u64) {
        self.slowest[thread].store(number, Relaxed);
    }

    pub(super) fn add_broken(&self, why: String) {
        let mut broken = self.broken.lock().expect("no holder panics");
        let (_, count) = broken.get_or_insert((why, 0));
        *count += 1;
    }
}
