//! One thread of readers: opens them, reads whoever has bytes, and tells how it goes.

use std::{
    collections::VecDeque,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, event::Event, net::TcpStream};

use super::{
    Board, CrowdPlan, Ear, Goal, Tally,
    seat::{HEADROOM, Phase, Seat, Step},
};
use crate::{check::Check, clock::us, net, process::thread_cpu};

/// What one read takes at most. With edge-triggered polling a shorter read has taken all.
const READ_BYTES: usize = 256 << 10;
const EVENTS_PER_TURN: usize = 1024;

/// How long a turn waits for bytes.
const WAIT_MAX: Duration = Duration::from_millis(5);

/// How often the slowest reader is looked for.
const SLOWEST_EVERY: Duration = Duration::from_millis(1);

/// How a thread spends its time, from the moment at which measuring begins.
struct Use {
    is_measured: bool,
    began: Instant,
    cpu: Duration,
    waited: Duration,
}

impl Use {
    fn start() -> Self {
        let (began, cpu) = (Instant::now(), thread_cpu());
        Use { is_measured: false, began, cpu, waited: Duration::ZERO }
    }
}

/// One thread's readers.
pub(super) struct Loop<E> {
    plan: Arc<CrowdPlan>,
    ear: E,
    board: Arc<Board>,
    index: usize,
    threads: usize,
    poll: Poll,
    seats: Vec<Seat>,
    /// Those that are to be opened.
    queue: VecDeque<usize>,
    opening: usize,
    buffer: Vec<u8>,
    tally: Tally,
    /// What the board does not know yet.
    opened: u64,
    finished: u64,
    received: u64,
}

impl<E: Ear> Loop<E> {
    pub(super) fn new(
        plan: Arc<CrowdPlan>,
        board: Arc<Board>,
        ear: E,
        (index, threads): (usize, usize),
    ) -> io::Result<Self> {
        let rounds = match plan.goal {
            Goal::Until { rounds, .. } => rounds,
            Goal::Stay | Goal::Open => 0,
        };
        let streams = plan.openings.len();
        let seat =
            |reader: usize| Seat::new(Check::new((reader % streams) as u32, plan.first), rounds);
        let seats: Vec<_> = (index..plan.readers).step_by(threads).map(seat).collect();
        Ok(Loop {
            poll: Poll::new()?,
            queue: (0..seats.len()).collect(),
            seats,
            opening: 0,
            buffer: vec![0; HEADROOM + READ_BYTES],
            tally: Tally::new(),
            opened: 0,
            finished: 0,
            received: 0,
            plan,
            board,
            ear,
            index,
            threads,
        })
    }

    /// Reads until the end.
    pub(super) fn run(mut self) -> (Tally, E) {
        let mut use_of = Use::start();
        let mut looked = Instant::now();
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !self.board.is_ended() {
            self.open_more();
            if self.board.is_measuring() && !use_of.is_measured {
                use_of = Use { is_measured: true, ..Use::start() };
                self.tally.turn_us.reset();
            }
            let before = Instant::now();
            // An interruption leaves no events, and the next turn waits again.
            let _interrupted = self.poll.poll(&mut events, Some(WAIT_MAX));
            let after = Instant::now();
            use_of.waited += after - before;
            for event in &events {
                self.turn(event);
            }
            if !events.is_empty() {
                let _too_long = self.tally.turn_us.record(us(after.elapsed()).max(1));
            }
            self.tell();
            if looked.elapsed() >= SLOWEST_EVERY {
                looked = Instant::now();
                self.tell_slowest();
            }
        }
        let all = use_of.began.elapsed();
        self.tally.busy.push((all.saturating_sub(use_of.waited), all));
        self.tally.cpu = thread_cpu() - use_of.cpu;
        if self.plan.goal == Goal::Stay {
            self.tally.checks.extend(self.seats.drain(..).map(|seat| seat.check));
        }
        (self.tally, self.ear)
    }

    fn open_more(&mut self) {
        let most = self.plan.at_once.div_ceil(self.threads);
        while self.opening < most
            && let Some(key) = self.queue.pop_front()
        {
            match self.connect(key) {
                Ok(socket) => {
                    self.opening += 1;
                    let now = self.plan.clock.now_us();
                    self.seats[key].connect(socket, now, self.plan.is_ws);
                }
                Err(error) => self.board.add_broken(format!("can't be reached: {error}")),
            }
        }
    }

    fn connect(&self, key: usize) -> io::Result<TcpStream> {
        let reader = key * self.threads + self.index;
        let is_other = (reader / self.plan.openings.len()) % 2 == 1;
        let also_at = self.plan.also_at.filter(|_| is_other);
        let to = also_at.unwrap_or(self.plan.address);
        let from = reader / self.plan.per_address;
        let is_loopback = to.is_ipv4() && to.ip().is_loopback();
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + from as u32);
        let from = (from > 0 && is_loopback).then(|| SocketAddr::from((address, 0)));
        let mut stream = net::connect(to, from)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(key), interest)?;
        Ok(stream)
    }

    fn turn(&mut self, event: &Event) {
        let Token(key) = event.token();
        if self.seats[key].phase == Phase::Connecting && event.is_writable() {
            let plan = Arc::clone(&self.plan);
            let seat = &mut self.seats[key];
            let step = seat.request(&plan.openings[seat.check.stream() as usize]);
            self.after(key, step);
        }
        while event.is_readable() && self.seats[key].socket.is_some() {
            if !self.read(key) {
                break;
            }
        }
    }

    /// Reads once; false where nothing more is there now.
    fn read(&mut self, key: usize) -> bool {
        let seat = &mut self.seats[key];
        let Some(socket) = &mut seat.socket else { return false };
        let read = match socket.read(&mut self.buffer[HEADROOM..]) {
            Ok(0) => Err("closed a reader's stream".to_owned()),
            Ok(read) => Ok(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => Err(format!("broke a reader's stream: {error}")),
        };
        let read = match read {
            Ok(read) => read,
            Err(why) => {
                self.after(key, Step::Broken(why));
                return false;
            }
        };
        let now_us = self.plan.clock.now_us();
        let from_us = self.board.measured_from();
        let (received, latency_us) = (&mut self.received, &mut self.tally.latency_us);
        let bytes = &mut self.buffer[..HEADROOM + read];
        let opening = &self.plan.openings[seat.check.stream() as usize];
        let step = seat.on_bytes(bytes, opening, (key, &mut self.ear), |sent_us| {
            *received += 1;
            if sent_us >= from_us {
                let _too_long = latency_us.record(now_us.saturating_sub(sent_us).max(1));
            }
        });
        self.after(key, step);
        self.meet_goal(key);
        read == READ_BYTES
    }

    fn after(&mut self, key: usize, step: Step) {
        match step {
            Step::On => {}
            Step::Opened => {
                self.opened += 1;
                let took = self.plan.clock.now_us().saturating_sub(self.seats[key].began_us);
                let _too_long = self.tally.open_us.record(took.max(1));
                if !matches!(self.plan.goal, Goal::Until { .. }) {
                    self.opening -= 1;
                }
            }
            Step::Broken(why) => {
                let is_held = matches!(self.plan.goal, Goal::Until { .. });
                if is_held || self.seats[key].phase != Phase::Live {
                    self.opening = self.opening.saturating_sub(1);
                }
                self.seats[key].close();
                self.board.add_broken(why);
            }
        }
    }

    /// Closes a reader that has what it came for, and lets it come again.
    fn meet_goal(&mut self, key: usize) {
        let seat = &mut self.seats[key];
        if seat.phase != Phase::Live {
            return;
        }
        match self.plan.goal {
            Goal::Stay => {}
            Goal::Open => {
                seat.close();
                self.queue.push_back(key);
            }
            Goal::Until { last, .. } if seat.check.next() > last => {
                self.tally.faults.add(seat.check.faults(last));
                seat.check = Check::new(seat.check.stream(), self.plan.first);
                seat.close();
                self.opening -= 1;
                if seat.rounds > 1 {
                    seat.rounds -= 1;
                    self.queue.push_back(key);
                } else {
                    self.finished += 1;
                }
            }
            Goal::Until { .. } => {}
        }
    }

    fn tell(&mut self) {
        if self.opened + self.finished + self.received > 0 {
            self.board.add(self.opened, self.finished, self.received);
            (self.opened, self.finished, self.received) = (0, 0, 0);
        }
    }

    fn tell_slowest(&self) {
        let slowest = self.seats.iter().map(|seat| seat.check.next()).min();
        self.board.set_slowest(self.index, slowest.unwrap_or(u64::MAX));
    }
}
