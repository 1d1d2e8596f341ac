//! Connections on one thread, each of which asks, awaits the answer, and asks again.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

use crate::{
    clock::{Clock, us},
    crowd::{Tally, histogram},
    http::Answer,
    line::{Line, READ_BYTES, broke},
    process::thread_cpu,
    publisher::exact_timers,
    stop::Stop,
};

/// How long a turn waits, so that the wish to stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// With no answer for so long, none will come.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A connection on which nothing was asked for so long may have been closed by the server.
const IDLE_US_MAX: u64 = 10_000_000;

/// What there is to ask.
pub(super) enum Next<A> {
    /// This; the answer comes with what it was.
    Ask { bytes: Vec<u8>, what: A },
    /// Nothing before this moment, on any connection.
    At(u64),
    /// Nothing now, on this connection.
    Nothing,
}

/// What is asked, and what the answers are good for.
pub(super) trait Job {
    /// What an answer is to.
    type What;

    /// Returns what a connection that is free, since a moment, asks next.
    fn next(&mut self, line: usize, free_us: u64, now_us: u64) -> Next<Self::What>;

    /// Takes an answer.
    ///
    /// # Errors
    /// Fails where it ends the job, with what the server did.
    fn answered(&mut self, what: Self::What, answer: &Answer, now_us: u64) -> Result<(), String>;
}

/// The connections.
pub(super) struct Exchange {
    poll: Poll,
    lines: Vec<Line>,
}

/// How a thread of the generator spent its time.
pub(super) struct Spent {
    busy: (Duration, Duration),
    cpu: Duration,
    turn_us: Histogram<u64>,
}

impl Spent {
    /// Adds it to what readers' threads did.
    pub(super) fn add_to(self, tally: &mut Tally) {
        tally.busy.push(self.busy);
        tally.cpu += self.cpu;
        tally.turn_us.add(&self.turn_us).expect("all have the same bounds");
    }
}

impl Exchange {
    /// Opens so many connections, dealt out to the replicas in turn.
    ///
    /// # Errors
    /// Fails where one can't be opened.
    pub(super) fn connect(replicas: &[SocketAddr], lines: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let addresses = replicas.iter().cycle().take(lines).enumerate();
        let lines = addresses.map(|(key, address)| Line::connect(&poll, *address, key));
        let lines = lines.collect::<io::Result<_>>()?;
        Ok(Exchange { poll, lines })
    }

    /// Carries a job out: until nothing is left to ask, and nothing is awaited.
    ///
    /// # Errors
    /// Fails with what the server did, where it refuses something or breaks a connection.
    pub(super) fn run<J: Job>(
        &mut self,
        job: &mut J,
        clock: Clock,
        stop: &Stop,
    ) -> Result<Spent, String> {
        exact_timers();
        let (began, cpu, mut waited) = (Instant::now(), thread_cpu(), Duration::ZERO);
        let mut turn = Turn {
            asked: self.lines.iter().map(|_| None).collect(),
            free: (0..self.lines.len()).map(|key| (key, clock.now_us())).collect(),
            heard: Instant::now(),
            buffer: vec![0; READ_BYTES],
        };
        let mut turn_us = histogram();
        let mut events = Events::with_capacity(self.lines.len().max(1));
        while !stop.is_asked() {
            let until_us = turn.ask(self, job, clock)?;
            if turn.free.len() == self.lines.len() && until_us.is_none() {
                break;
            }
            let wait = until_us.map_or(WAIT_MAX, |until_us| {
                Duration::from_micros(until_us.saturating_sub(clock.now_us())).min(WAIT_MAX)
            });
            let before = Instant::now();
            let _interrupted = self.poll.poll(&mut events, Some(wait));
            let after = Instant::now();
            waited += after - before;
            for event in &events {
                let Token(key) = event.token();
                if event.is_writable() {
                    self.lines[key].write().map_err(|error| broke(&error))?;
                }
                if event.is_readable() {
                    turn.read(self, key, job, clock)?;
                }
            }
            if !events.is_empty() {
                let _too_long = turn_us.record(us(after.elapsed()).max(1));
            } else if turn.heard.elapsed() > SILENCE_MAX && turn.free.len() < self.lines.len() {
                return Err(format!("did not answer for {} s", SILENCE_MAX.as_secs()));
            }
        }
        let all = began.elapsed();
        let busy = (all.saturating_sub(waited), all);
        Ok(Spent { busy, cpu: thread_cpu() - cpu, turn_us })
    }
}

/// What is under way.
struct Turn<A> {
    /// By connection: what its answer is awaited for.
    asked: Vec<Option<A>>,
    /// Connections that await nothing, with the moment since when.
    free: VecDeque<(usize, u64)>,
    heard: Instant,
    buffer: Vec<u8>,
}

impl<A> Turn<A> {
    /// Lets free connections ask; returns until when there is nothing to ask, if that is known.
    fn ask<J: Job<What = A>>(
        &mut self,
        exchange: &mut Exchange,
        job: &mut J,
        clock: Clock,
    ) -> Result<Option<u64>, String> {
        for _ in 0..self.free.len() {
            let Some((key, free_us)) = self.free.pop_front() else { break };
            let now_us = clock.now_us();
            match job.next(key, free_us, now_us) {
                Next::Ask { bytes, what } => {
                    self.asked[key] = Some(what);
                    let Exchange { poll, lines } = &mut *exchange;
                    if now_us.saturating_sub(free_us) > IDLE_US_MAX {
                        lines[key].renew(poll).map_err(|error| broke(&error))?;
                    }
                    lines[key].ask(bytes).map_err(|error| broke(&error))?;
                }
                Next::At(until_us) => {
                    self.free.push_front((key, free_us));
                    return Ok(Some(until_us));
                }
                Next::Nothing => self.free.push_back((key, free_us)),
            }
        }
        Ok(None)
    }

    fn read<J: Job<What = A>>(
        &mut self,
        exchange: &mut Exchange,
        key: usize,
        job: &mut J,
        clock: Clock,
    ) -> Result<(), String> {
        let Exchange { poll, lines } = exchange;
        let Turn { asked, free, heard, buffer } = self;
        if asked[key].is_none() {
            // The server closed it, or will be found to have when something is asked.
            return Ok(());
        }
        lines[key].read(poll, buffer, |answer| {
            let unasked = || "answers what nobody asked".to_owned();
            let what = asked[key].take().ok_or_else(unasked)?;
            let now_us = clock.now_us();
            (*heard, _) = (Instant::now(), free.push_back((key, now_us)));
            job.answered(what, &answer, now_us)
        })
    }
}
