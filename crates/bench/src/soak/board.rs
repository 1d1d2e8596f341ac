//! What readers and publishers tell while they are at it, and what they are told.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::windows::Windows;
use crate::crowd::histogram;

/// Counters that threads write and the run reads; none of them orders anything else.
#[derive(Debug)]
pub(super) struct Board {
    /// Readers with an open stream.
    readers: AtomicI64,
    received: AtomicU64,
    published: AtomicU64,
    /// By stream: the number of the last event that was acknowledged.
    last: Vec<AtomicU64>,
    /// By thread: readers that do not have everything yet; all of them until they are counted.
    behind: Vec<AtomicU64>,
    told: Mutex<Counts>,
    /// Latencies since they were last taken.
    latency_us: Mutex<Histogram<u64>>,
    windows: Mutex<Windows>,
    settles: AtomicBool,
    ended: AtomicBool,
    /// Why the first reader failed, and how many times that happened.
    broken: Mutex<Option<(String, u64)>>,
}

/// What happened to readers' streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Streams that were opened.
    pub(super) opened: u64,
    /// Those of them that went on after a cursor.
    pub(super) resumed: u64,
    /// Readers that left.
    pub(super) left: u64,
    /// Readers that stopped reading.
    pub(super) stopped: u64,
    /// Streams that the server ended, as it does with a reader that is too far behind.
    pub(super) closed: u64,
    /// Holes that the server told of, by reason.
    pub(super) gaps: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds another's.
    pub(super) fn add(&mut self, other: Counts) {
        self.opened += other.opened;
        self.resumed += other.resumed;
        self.left += other.left;
        self.stopped += other.stopped;
        self.closed += other.closed;
        for (reason, count) in other.gaps {
            *self.gaps.entry(reason).or_default() += count;
        }
    }

    /// Returns how many holes were told of.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps.values().sum()
    }
}

/// What one thread of readers has to tell.
#[derive(Debug)]
pub(super) struct News {
    /// By how many the readers with an open stream have become more.
    pub(super) readers: i64,
    pub(super) received: u64,
    pub(super) counts: Counts,
    pub(super) latency_us: Histogram<u64>,
}

impl News {
    pub(super) fn new() -> Self {
        News { readers: 0, received: 0, counts: Counts::default(), latency_us: histogram() }
    }
}

impl Board {
    pub(super) fn new(threads: usize, windows: Windows, streams: u32) -> Self {
        Board {
            readers: AtomicI64::new(0),
            received: AtomicU64::new(0),
            published: AtomicU64::new(0),
            last: (0..streams).map(|_| AtomicU64::new(0)).collect(),
            behind: (0..threads).map(|_| AtomicU64::new(u64::MAX)).collect(),
            told: Mutex::default(),
            latency_us: Mutex::new(histogram()),
            windows: Mutex::new(windows),
            settles: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            broken: Mutex::new(None),
        }
    }

    pub(super) fn readers(&self) -> u64 {
        self.readers.load(Relaxed).max(0).unsigned_abs()
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(super) fn published(&self) -> u64 {
        self.published.load(Relaxed)
    }

    /// Returns the number of a stream's last event.
    pub(super) fn last(&self, stream: u32) -> u64 {
        self.last[stream as usize].load(Relaxed)
    }

    /// Returns what happened to readers' streams so far.
    pub(super) fn counts(&self) -> Counts {
        self.told.lock().expect("no holder panics").clone()
    }

    /// Takes the latencies since the last time.
    pub(super) fn take_latency_us(&self) -> Histogram<u64> {
        std::mem::replace(&mut *self.latency_us.lock().expect("no holder panics"), histogram())
    }

    pub(super) fn windows(&self) -> std::sync::MutexGuard<'_, Windows> {
        self.windows.lock().expect("no holder panics")
    }

    /// Notes events that the server acknowledged.
    pub(super) fn add_published(&self, stream: u32, last: u64, events: u64) {
        self.last[stream as usize].store(last, Relaxed);
        self.published.fetch_add(events, Relaxed);
    }

    /// Takes what one thread tells.
    pub(super) fn add(&self, news: &mut News) {
        self.readers.fetch_add(std::mem::take(&mut news.readers), Relaxed);
        self.received.fetch_add(std::mem::take(&mut news.received), Relaxed);
        if news.counts != Counts::default() {
            let counts = std::mem::take(&mut news.counts);
            self.told.lock().expect("no holder panics").add(counts);
        }
        if !news.latency_us.is_empty() {
            let mut all = self.latency_us.lock().expect("no holder panics");
            all.add(&news.latency_us).expect("all have the same bounds");
            news.latency_us.reset();
        }
    }

    pub(super) fn add_broken(&self, why: String) {
        let mut broken = self.broken.lock().expect("no holder panics");
        let (_, count) = broken.get_or_insert((why, 0));
        *count += 1;
    }

    /// Returns what happened to readers whose streams did not open, or broke.
    pub(super) fn broken(&self) -> Option<(String, u64)> {
        self.broken.lock().expect("no holder panics").clone()
    }

    /// Lets readers be counted that do not have everything: nothing more is published.
    pub(super) fn settle(&self) {
        self.settles.store(true, Relaxed);
    }

    pub(super) fn is_settling(&self) -> bool {
        self.settles.load(Relaxed)
    }

    pub(super) fn set_behind(&self, thread: usize, readers: u64) {
        self.behind[thread].store(readers, Relaxed);
    }

    /// Returns how many readers do not have everything.
    pub(super) fn behind(&self) -> u64 {
        self.behind.iter().fold(0, |sum, behind| sum.saturating_add(behind.load(Relaxed)))
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}
