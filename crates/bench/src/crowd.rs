//! The readers: threads with `epoll` that each serve a share of them, and what they found.

mod board;
mod ear;
mod looper;
mod seat;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use hdrhistogram::Histogram;

use self::looper::Loop;
pub(crate) use self::{
    board::Board,
    ear::{Ear, Stamps},
};
use crate::{
    check::{Check, Faults},
    clock::Clock,
    server::Opening,
};

/// The longest time that is told from longer ones, in microseconds.
const TIME_US_MAX: u64 = 600_000_000;

/// What a reader is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// It stays until the end.
    Stay,
    /// It closes with the event of this number, and comes again so many times.
    Until { last: u64, rounds: u32 },
    /// It closes as soon as it is open, and comes again until the end.
    Open,
}

/// What readers do.
#[derive(Clone, Debug)]
pub(crate) struct CrowdPlan {
    pub(crate) address: SocketAddr,
    /// Where every other reader of a stream goes, if not there too.
    pub(crate) also_at: Option<SocketAddr>,
    /// How each stream is opened; readers are dealt out to them in turn.
    pub(crate) openings: Arc<[Opening]>,
    pub(crate) readers: usize,
    pub(crate) goal: Goal,
    /// The number of the first event that each is to receive.
    pub(crate) first: u64,
    pub(crate) clock: Clock,
    /// Whether frames are WebSocket's.
    pub(crate) is_ws: bool,
    pub(crate) threads: usize,
    /// How many are opened at one time.
    pub(crate) at_once: usize,
    /// How many connect from one address.
    pub(crate) per_address: usize,
}

/// What the readers of one thread, or of all, found.
#[derive(Debug)]
pub(crate) struct Tally {
    /// From an event's stamp to its read, in microseconds; of measured events only.
    pub(crate) latency_us: Histogram<u64>,
    /// From connecting to the first frame, in microseconds.
    pub(crate) open_us: Histogram<u64>,
    /// How long one turn of a thread's loop took, in microseconds: how late a read can be.
    pub(crate) turn_us: Histogram<u64>,
    /// What is wrong with streams that were read to their end.
    pub(crate) faults: Faults,
    /// The accounts of streams that are still open.
    pub(crate) checks: Vec<Check>,
    /// How long each thread was not waiting, and for how long it was there.
    pub(crate) busy: Vec<(Duration, Duration)>,
    /// What the threads used.
    pub(crate) cpu: Duration,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Tally {
            latency_us: histogram(),
            open_us: histogram(),
            turn_us: histogram(),
            faults: Faults::default(),
            checks: Vec::new(),
            busy: Vec::new(),
            cpu: Duration::ZERO,
        }
    }

    fn add(&mut self, other: Tally) {
        let pairs = [
            (&mut self.latency_us, &other.latency_us),
            (&mut self.open_us, &other.open_us),
            (&mut self.turn_us, &other.turn_us),
        ];
        for (sum, part) in pairs {
            sum.add(part).expect("all have the same bounds");
        }
        self.faults.add(other.faults);
        self.checks.extend(other.checks);
        self.busy.extend(other.busy);
        self.cpu += other.cpu;
    }

    /// Returns the share of its time for which the busiest thread was not waiting.
    pub(crate) fn busy_max(&self) -> f64 {
        let share = |(busy, all): &(Duration, Duration)| busy.as_secs_f64() / all.as_secs_f64();
        self.busy.iter().map(share).fold(0.0, f64::max)
    }
}

/// Returns a histogram of microseconds that holds three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, TIME_US_MAX, 3).expect("the bounds are in order")
}

/// The readers at work.
pub(crate) struct Crowd<E = Stamps> {
    board: Arc<Board>,
    threads: Vec<JoinHandle<(Tally, E)>>,
}

impl<E: Ear> Crowd<E> {
    /// Begins to open them; each thread of readers has an ear of its own.
    ///
    /// # Errors
    /// Fails where a thread or a poller can't be had.
    pub(crate) fn open(plan: CrowdPlan, mut ear: impl FnMut() -> E) -> io::Result<Self> {
        let plan = Arc::new(plan);
        let threads = plan.threads.clamp(1, plan.readers.max(1));
        let board = Arc::new(Board::new(threads));
        let mut crowd = Crowd { board: Arc::clone(&board), threads: Vec::new() };
        for index in 0..threads {
            let looper = Loop::new(Arc::clone(&plan), Arc::clone(&board), ear(), (index, threads))?;
            let name = format!("readers-{index}");
            let thread = thread::Builder::new().name(name).spawn(move || looper.run())?;
            crowd.threads.push(thread);
        }
        Ok(crowd)
    }

    /// Returns what is known of them while they read.
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// Closes them, and returns what they found.
    pub(crate) fn close(self) -> Tally {
        self.close_with_ears().0
    }

    /// Closes them, and returns what they found together with their ears.
    pub(crate) fn close_with_ears(mut self) -> (Tally, Vec<E>) {
        self.board.end();
        let (mut sum, mut ears) = (Tally::new(), Vec::new());
        for thread in self.threads.drain(..) {
            let (tally, ear) = thread.join().expect("a reader's thread does not panic");
            sum.add(tally);
            ears.push(ear);
        }
        (sum, ears)
    }
}

impl<E> Drop for Crowd<E> {
    fn drop(&mut self) {
        self.board.end();
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}
