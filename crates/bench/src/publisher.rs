//! Publishing on one connection: at a rate, or as fast as the slowest reader follows.

mod link;

use std::{
    num::NonZeroU64,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

pub(crate) use self::link::Link;
use crate::{
    clock::{Clock, us},
    crowd::histogram,
    error::BenchError,
    server::Dialect,
    stamp::Stamp,
    stop::Stop,
};

/// How long a publisher that must wait for readers waits before it looks again.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// With no reader coming on for so long, they will not any more.
const STALL_MAX: Duration = Duration::from_secs(10);

/// Lets this thread wake when it is due: the kernel may put timers off, by 50 microseconds otherwise.
pub(crate) fn exact_timers() {
    // Refused, events are that much later, as the report says.
    let _refused = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// Publishes a run's events, and knows what was published.
pub(crate) struct Publisher<'a> {
    pub(crate) link: Link,
    pub(crate) dialect: &'a dyn Dialect,
    pub(crate) clock: Clock,
    pub(crate) stop: &'a Stop,
    pub(crate) list_max: usize,
    /// By stream: the number of its last event.
    pub(crate) last: Vec<u64>,
    /// How late it was by its own doing, in microseconds.
    pub(crate) late_us: Histogram<u64>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(
        link: Link,
        dialect: &'a dyn Dialect,
        (clock, stop): (Clock, &'a Stop),
        (streams, list_max): (u32, usize),
    ) -> Self {
        let last = vec![0; streams as usize];
        Publisher { link, dialect, clock, stop, list_max, last, late_us: histogram() }
    }

    /// Returns how many events were published.
    pub(crate) fn count(&self) -> u64 {
        self.last.iter().sum()
    }

    /// Publishes so many events to each stream, and returns the answer to the last request.
    pub(crate) fn some(&mut self, each: u64) -> Result<Vec<u8>, BenchError> {
        let mut answer = Vec::new();
        for stream in 0..self.last.len() as u32 {
            let mut left = each;
            while left > 0 {
                let count = left.min(self.list_max as u64);
                let now_us = self.clock.now_us();
                let list = (0..count).map(|_| (stream, now_us)).collect();
                answer = self.publish(list)?;
                left -= count;
            }
        }
        Ok(answer)
    }

    /// Publishes at a rate, to the streams in turn. An event's stamp is when it was due: what it
    /// waits for because the server has not answered yet is part of its latency.
    pub(crate) fn paced(&mut self, rate: u32, time: Duration) -> Result<(), BenchError> {
        exact_timers();
        let began = self.clock.now();
        let due_of = |event: u64| began + Duration::from_secs_f64(event as f64 / f64::from(rate));
        let all = (time.as_secs_f64() * f64::from(rate)).round() as u64;
        let (mut event, mut answered) = (0, began);
        while event < all {
            self.stop.check()?;
            let due = due_of(event);
            let now = self.clock.now();
            if due > now {
                thread::park_timeout(due - now);
                continue;
            }
            let _too_long = self.late_us.record(us(now - due.max(answered)).max(1));
            let mut list = Vec::new();
            while event < all && list.len() < self.list_max && due_of(event) <= now {
                let stream = (event % self.last.len() as u64) as u32;
                list.push((stream, us(due_of(event))));
                event += 1;
            }
            self.publish(list)?;
            answered = self.clock.now();
        }
        Ok(())
    }

    /// Publishes lists to the streams in turn, with no more than a window of events before the
    /// slowest reader.
    pub(crate) fn windowed(
        &mut self,
        window: u64,
        time: Duration,
        all_have: impl Fn() -> u64,
    ) -> Result<(), BenchError> {
        let began = Instant::now();
        let mut stream = 0;
        while began.elapsed() < time {
            let list = self.list_max as u64;
            let waiting = Instant::now();
            while self.last[stream] + list > all_have() + window {
                self.stop.check()?;
                if began.elapsed() >= time || waiting.elapsed() >= STALL_MAX {
                    return Ok(());
                }
                thread::park_timeout(LOOK_EVERY);
            }
            let now_us = self.clock.now_us();
            self.publish((0..list).map(|_| (stream as u32, now_us)).collect())?;
            stream = (stream + 1) % self.last.len();
        }
        Ok(())
    }

    /// Gives events their numbers and sends them; those of one stream become neighbours.
    fn publish(&mut self, mut list: Vec<(u32, u64)>) -> Result<Vec<u8>, BenchError> {
        list.sort_by_key(|(stream, _)| *stream);
        let numbered = list.into_iter().map(|(stream, sent_us)| {
            let number = &mut self.last[stream as usize];
            *number += 1;
            Stamp { stream, number: *number, sent_us }
        });
        let stamps: Vec<_> = numbered.collect();
        self.link.publish(&self.dialect.publish(&stamps))
    }
}
