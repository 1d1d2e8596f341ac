//! All readers: what they are given, the threads that they run on, and what they found.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use hdrhistogram::Histogram;

use super::{
    acts::{Acting, Due},
    audience::Part,
    board::Board,
    looper::Loop,
    phase::Phases,
    reader::Reader,
    seed::Seed,
};
use crate::{check::Faults, clock::Clock, crowd::histogram, server::Dialect, stamp::Mark};

/// How many readers that are behind a thread describes.
const BEHIND_SHOWN: usize = 5;

/// What readers do, and with what.
pub(super) struct Plan {
    pub(super) address: SocketAddr,
    /// For event streams, and for WebSockets.
    pub(super) dialects: [Box<dyn Dialect>; 2],
    /// The part of connections that are WebSockets.
    pub(super) ws_part: f64,
    /// Every reader's part.
    pub(super) parts: Vec<Part>,
    pub(super) phases: Phases,
    /// How far a reader may fall behind in time.
    pub(super) lag: Duration,
    pub(super) seed: Seed,
    pub(super) mark: Mark,
    pub(super) clock: Clock,
    pub(super) threads: usize,
    /// How many connect from one address.
    pub(super) per_address: usize,
}

impl Plan {
    /// Returns what a reader does.
    pub(super) fn acts_of(&self, reader: usize) -> Vec<Due> {
        let readers = self.parts.len() as u32;
        let acting = Acting { phases: &self.phases, readers, lag: self.lag };
        let mut rng = self.seed.rng("reader", reader as u64);
        acting.of(reader as u32, self.parts[reader].is_slow, &mut rng)
    }
}

/// What readers found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) faults: Faults,
    /// Events in holes that the server told of.
    pub(super) told_missing: u64,
    pub(super) garbled: u64,
    /// Readers that never had a stream.
    pub(super) absent: u64,
    /// Some of the readers that did not have everything at the end.
    pub(super) behind: Vec<String>,
    /// How long one turn of a thread's loop took, in microseconds: how late a read can be.
    pub(super) turn_us: Histogram<u64>,
    /// The share of its time for which the busiest thread was not waiting.
    pub(super) busy_share_max: f64,
    /// What the threads used.
    pub(super) cpu: Duration,
}

impl Found {
    pub(super) fn new() -> Self {
        Found {
            faults: Faults::default(),
            told_missing: 0,
            garbled: 0,
            absent: 0,
            behind: Vec::new(),
            turn_us: histogram(),
            busy_share_max: 0.0,
            cpu: Duration::ZERO,
        }
    }

    /// Adds what a reader found, given the number of its stream's last event.
    pub(super) fn add_reader(&mut self, reader: &Reader, last: u64) {
        let account = &reader.account;
        if !reader.has_all(last) && self.behind.len() < BEHIND_SHOWN {
            self.behind.push(format!("{reader}, of {last}"));
        }
        match account.faults(last) {
            Some(faults) => self.faults.add(faults),
            None => self.absent += 1,
        }
        self.told_missing += account.told_missing();
        self.garbled += account.garbled();
    }

    fn add(&mut self, other: Found) {
        self.faults.add(other.faults);
        self.told_missing += other.told_missing;
        self.garbled += other.garbled;
        self.absent += other.absent;
        self.behind.extend(other.behind);
        self.turn_us.add(&other.turn_us).expect("all have the same bounds");
        self.busy_share_max = self.busy_share_max.max(other.busy_share_max);
        self.cpu += other.cpu;
    }
}

/// The readers at work; they end when this is dropped.
pub(super) struct Crew {
    board: Arc<Board>,
    threads: Vec<JoinHandle<Found>>,
}

impl Crew {
    /// Lets them begin.
    ///
    /// # Errors
    /// Fails where a thread or a poller can't be had.
    pub(super) fn start(plan: Plan, board: &Arc<Board>) -> io::Result<Self> {
        let plan = Arc::new(plan);
        let mut crew = Crew { board: Arc::clone(board), threads: Vec::new() };
        for index in 0..plan.threads {
            let looper = Loop::new(&plan, board, index)?;
            let name = format!("readers-{index}");
            let thread = thread::Builder::new().name(name).spawn(move || looper.run())?;
            crew.threads.push(thread);
        }
        Ok(crew)
    }

    /// Ends them, and returns what they found.
    pub(super) fn end(mut self) -> Found {
        self.board.end();
        let mut sum = Found::new();
        for thread in self.threads.drain(..) {
            sum.add(thread.join().expect("a reader's thread does not panic"));
        }
        sum
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.board.end();
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}
