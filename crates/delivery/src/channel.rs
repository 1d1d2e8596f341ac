//! A stream that has readers here: where its pump leaves events for each worker.

mod lane;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use broker::Item;
use event::{Event, MonoMs, Position, StreamName};
use parking_lot::Mutex;

use self::lane::Lane;
pub use self::lane::LaneLimits;
use crate::inbox::Inbox;

/// An event on its way to a ring, with when the log hinted at it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The event.
    pub event: Arc<Event>,
    /// When this process learnt of it.
    pub at: MonoMs,
}

/// A stream with readers.
#[derive(Debug)]
pub struct Channel {
    stream: StreamName,
    readers: AtomicUsize,
    limits: LaneLimits,
    lanes: Box<[Mutex<Lane>]>,
}

/// What a worker finds when it looks into its lane.
#[derive(Debug)]
pub struct Look {
    /// The next events, oldest first.
    pub arrivals: VecDeque<Arrival>,
    /// Where the ring has to begin anew, since a hole lies before the arrivals.
    pub restart_after: Option<Position>,
}

impl Channel {
    /// Returns the channel of a stream whose pump begins after `head`.
    pub fn new(stream: StreamName, head: Position, workers: usize, limits: LaneLimits) -> Self {
        let lanes = (0..workers).map(|_| Mutex::new(Lane::closed(head))).collect();
        Channel { stream, readers: AtomicUsize::new(0), limits, lanes }
    }

    /// Returns the stream.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// Returns how many readers hold a lease.
    pub fn readers(&self) -> usize {
        self.readers.load(Ordering::Acquire)
    }

    /// Begins to keep events for a worker; returns the place after which they come.
    pub fn open_lane(&self, worker: usize) -> Position {
        self.lanes[worker].lock().open()
    }

    /// Stops keeping events for a worker.
    pub fn close_lane(&self, worker: usize) {
        self.lanes[worker].lock().close();
    }

    /// Takes what has come for a worker.
    pub fn look(&self, worker: usize) -> Look {
        self.lanes[worker].lock().look()
    }

    /// Leaves what the log has given for every worker that has readers; returns the workers to be
    /// told.
    pub fn take_in(&self, items: impl IntoIterator<Item = Item>, at: MonoMs) -> Vec<usize> {
        let mut to_tell = Vec::new();
        let mut arrivals = Vec::new();
        for item in items {
            match item {
                Item::Event(event) => arrivals.push(Arrival { event, at }),
                Item::Gap(gap) => {
                    // What came before it is read from the log, the gap with it.
                    arrivals.clear();
                    tracing::warn!(stream = %self.stream, reason = %gap.reason, "a gap in the log");
                    to_tell.extend(self.restart(gap.resumes_at));
                }
            }
        }
        to_tell.extend(self.push(&arrivals));
        to_tell
    }

    /// Leaves events for every worker that has readers; returns the workers to be told.
    pub fn push(&self, arrivals: &[Arrival]) -> Vec<usize> {
        let mut to_tell = Vec::new();
        for (worker, lane) in self.lanes.iter().enumerate() {
            if lane.lock().push(arrivals, &self.limits) {
                to_tell.push(worker);
            }
        }
        to_tell
    }

    /// Says that the log goes on elsewhere: every ring begins anew after `place`.
    pub fn restart(&self, place: Position) -> Vec<usize> {
        let mut to_tell = Vec::new();
        for (worker, lane) in self.lanes.iter().enumerate() {
            if lane.lock().restart(place) {
                to_tell.push(worker);
            }
        }
        to_tell
    }
}

/// Returns a number that tells which worker serves a small stream.
pub(crate) fn home(stream: &StreamName) -> usize {
    let mut hasher = DefaultHasher::new();
    stream.hash(&mut hasher);
    hasher.finish() as usize
}

/// A reader's share in a channel; the channel may end when the last one is dropped.
#[derive(Debug)]
pub struct Lease {
    channel: Arc<Channel>,
}

impl Lease {
    /// Takes a share.
    pub fn take(channel: &Arc<Channel>) -> Self {
        channel.readers.fetch_add(1, Ordering::AcqRel);
        Lease { channel: Arc::clone(channel) }
    }

    /// Returns the channel.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.channel.readers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tells workers that a channel has something for them.
pub(crate) fn tell(channel: &Arc<Channel>, workers: &[usize], inboxes: &[Arc<Inbox>]) {
    for &worker in workers {
        inboxes[worker].look_at(channel);
    }
}
