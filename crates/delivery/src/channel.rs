//! A stream that has readers here: where its pump leaves events for each worker.
//!
//! Invariants: a lane's queue goes on without a hole from `after`, or is marked broken; a queue
//! holds at most [`LANE_EVENTS_MAX`] events; a worker is told of a lane once until it looks.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use event::{Event, MonoMs, Position, StreamName};
use parking_lot::Mutex;

use crate::inbox::Inbox;

/// Most events that wait for one worker; beyond, the queue is dropped and the log read instead.
pub(crate) const LANE_EVENTS_MAX: usize = 4096;

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
    lanes: Box<[Mutex<Lane>]>,
}

#[derive(Debug)]
struct Lane {
    open: bool,
    told: bool,
    broken: bool,
    queue: VecDeque<Arrival>,
    through: Position,
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
    pub fn new(stream: StreamName, head: Position, workers: usize) -> Self {
        let lane = || {
            Mutex::new(Lane {
                open: false,
                told: false,
                broken: false,
                queue: VecDeque::new(),
                through: head,
            })
        };
        let lanes = (0..workers).map(|_| lane()).collect();
        Channel { stream, readers: AtomicUsize::new(0), lanes }
    }

    /// Returns the stream.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// Returns a number that tells which worker serves a small stream.
    pub fn home(&self) -> usize {
        let mut hasher = DefaultHasher::new();
        self.stream.hash(&mut hasher);
        hasher.finish() as usize
    }

    /// Returns how many readers hold a lease.
    pub fn readers(&self) -> usize {
        self.readers.load(Ordering::Acquire)
    }

    /// Begins to keep events for a worker; returns the place after which they come.
    pub fn open_lane(&self, worker: usize) -> Position {
        let mut lane = self.lanes[worker].lock();
        lane.open = true;
        lane.broken = false;
        lane.queue.clear();
        lane.through
    }

    /// Stops keeping events for a worker.
    pub fn close_lane(&self, worker: usize) {
        let mut lane = self.lanes[worker].lock();
        lane.open = false;
        lane.queue = VecDeque::new();
    }

    /// Takes what has come for a worker.
    pub fn look(&self, worker: usize) -> Look {
        let mut lane = self.lanes[worker].lock();
        lane.told = false;
        let arrivals = std::mem::take(&mut lane.queue);
        let restart_after = std::mem::take(&mut lane.broken).then_some(lane.through);
        Look { arrivals, restart_after }
    }

    /// Leaves events for every worker that has readers; returns the workers to be told.
    pub fn push(&self, arrivals: &[Arrival]) -> Vec<usize> {
        let mut to_tell = Vec::new();
        for (worker, lane) in self.lanes.iter().enumerate() {
            if lane.lock().push(arrivals) {
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

impl Lane {
    fn push(&mut self, arrivals: &[Arrival]) -> bool {
        let Some(last) = arrivals.last() else { return false };
        self.through = last.event.position;
        if !self.open {
            return false;
        }
        if self.broken || self.queue.len() + arrivals.len() > LANE_EVENTS_MAX {
            self.broken = true;
            self.queue.clear();
        } else {
            self.queue.extend(arrivals.iter().cloned());
        }
        !std::mem::replace(&mut self.told, true)
    }

    fn restart(&mut self, place: Position) -> bool {
        self.through = place;
        self.queue.clear();
        self.broken = self.open;
        self.open && !std::mem::replace(&mut self.told, true)
    }
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
