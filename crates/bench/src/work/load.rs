//! Many connections that each publish, await the answer, and publish again; on one thread.

use std::{
    io,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};

use crate::{
    clock::{Clock, us},
    crowd::Tally,
    line::{Line, READ_BYTES, broke},
    process::thread_cpu,
    server::Server,
    stamp::Stamp,
    stop::Stop,
};

const WAIT_MAX: Duration = Duration::from_millis(20);

/// One connection, and the request that is under way on it.
struct Publisher {
    line: Line,
    awaited: usize,
    began: Instant,
}

/// The connections and their work.
pub(super) struct Load<'a> {
    server: &'a Server,
    clock: Clock,
    list: u32,
    poll: Poll,
    publishers: Vec<Publisher>,
    last: u64,
    events: u64,
    tally: Tally,
}

/// What was published.
pub(super) struct Loaded {
    pub(super) events: u64,
    pub(super) took: Duration,
    /// Its opening times are those of answers.
    pub(super) tally: Tally,
}

impl<'a> Load<'a> {
    /// Opens the connections.
    ///
    /// # Errors
    /// Fails where one can't be opened.
    pub(super) fn connect(
        server: &'a Server,
        clock: Clock,
        connections: u32,
        list: u32,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let publisher = |key: u32| {
            let line = Line::connect(&poll, server.publish_at, key as usize)?;
            Ok(Publisher { line, awaited: 0, began: Instant::now() })
        };
        let publishers = (0..connections).map(publisher).collect::<io::Result<_>>()?;
        let tally = Tally::new();
        Ok(Load { server, clock, list, poll, publishers, last: 0, events: 0, tally })
    }

    /// Publishes for a time.
    ///
    /// # Errors
    /// Fails with what the server did, where it refuses an event or breaks a connection.
    pub(super) fn run(mut self, time: Duration, stop: &Stop) -> Result<Loaded, String> {
        let (began, cpu, mut waited) = (Instant::now(), thread_cpu(), Duration::ZERO);
        let mut events = Events::with_capacity(self.publishers.len());
        let mut buffer = vec![0; READ_BYTES];
        for key in 0..self.publishers.len() {
            self.begin(key).map_err(|error| broke(&error))?;
        }
        while began.elapsed() < time && !stop.is_asked() {
            let before = Instant::now();
            let _interrupted = self.poll.poll(&mut events, Some(WAIT_MAX));
            let after = Instant::now();
            waited += after - before;
            for event in &events {
                let Token(key) = event.token();
                if event.is_writable() {
                    self.publishers[key].line.write().map_err(|error| broke(&error))?;
                }
                if event.is_readable() {
                    self.read(key, &mut buffer)?;
                }
            }
            if !events.is_empty() {
                let _too_long = self.tally.turn_us.record(us(after.elapsed()).max(1));
            }
        }
        let took = began.elapsed();
        self.tally.busy.push((took.saturating_sub(waited), took));
        self.tally.cpu = thread_cpu() - cpu;
        Ok(Loaded { events: self.events, took, tally: self.tally })
    }

    /// Begins a request.
    fn begin(&mut self, key: usize) -> io::Result<()> {
        let sent_us = self.clock.now_us();
        let first = self.last + 1;
        self.last += u64::from(self.list);
        let stamps: Vec<_> =
            (first..=self.last).map(|number| Stamp { stream: 0, number, sent_us }).collect();
        let publishing = self.server.dialect.publish(&stamps);
        let publisher = &mut self.publishers[key];
        publisher.awaited = publishing.answers;
        publisher.began = Instant::now();
        publisher.line.ask(publishing.bytes)
    }

    fn read(&mut self, key: usize, buffer: &mut [u8]) -> Result<(), String> {
        let Publisher { line, awaited, began } = &mut self.publishers[key];
        let was_awaited = *awaited;
        line.read(&self.poll, buffer, |answer| {
            *awaited = awaited.saturating_sub(1);
            answer.refusal().map_or(Ok(()), Err)
        })?;
        if was_awaited > 0 && *awaited == 0 {
            let _too_long = self.tally.open_us.record(us(began.elapsed()).max(1));
            self.events += u64::from(self.list);
            self.begin(key).map_err(|error| broke(&error))?;
        }
        Ok(())
    }
}
