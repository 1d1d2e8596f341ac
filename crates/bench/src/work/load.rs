//! Many connections that each publish, await the answer, and publish again; on one thread.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    clock::{Clock, us},
    crowd::Tally,
    http::Answers,
    net,
    process::thread_cpu,
    server::Server,
    stamp::Stamp,
    stop::Stop,
};

const WAIT_MAX: Duration = Duration::from_millis(20);
const READ_BYTES: usize = 64 << 10;

/// One connection.
struct Line {
    socket: TcpStream,
    answers: Answers,
    /// What is still to be written of the request.
    unsent: Vec<u8>,
    sent: usize,
    awaited: usize,
    began: Instant,
}

/// The connections and their work.
pub(super) struct Load<'a> {
    server: &'a Server,
    clock: Clock,
    list: u32,
    poll: Poll,
    lines: Vec<Line>,
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
        let line = |index: u32| {
            let socket = connect(&poll, server, index as usize)?;
            let (answers, unsent, began) = (Answers::default(), Vec::new(), Instant::now());
            Ok(Line { socket, answers, unsent, sent: 0, awaited: 0, began })
        };
        let lines = (0..connections).map(line).collect::<io::Result<_>>()?;
        let tally = Tally::new();
        Ok(Load { server, clock, list, poll, lines, last: 0, events: 0, tally })
    }

    /// Publishes for a time.
    ///
    /// # Errors
    /// Fails with what the server did, where it refuses an event or breaks a connection.
    pub(super) fn run(mut self, time: Duration, stop: &Stop) -> Result<Loaded, String> {
        let broke = |error: io::Error| format!("broke a publisher's connection: {error}");
        let (began, cpu, mut waited) = (Instant::now(), thread_cpu(), Duration::ZERO);
        let mut events = Events::with_capacity(self.lines.len());
        let mut buffer = vec![0; READ_BYTES];
        for key in 0..self.lines.len() {
            self.begin(key).map_err(broke)?;
        }
        while began.elapsed() < time && !stop.is_asked() {
            let before = Instant::now();
            let _interrupted = self.poll.poll(&mut events, Some(WAIT_MAX));
            let after = Instant::now();
            waited += after - before;
            for event in &events {
                let Token(key) = event.token();
                if event.is_writable() {
                    self.lines[key].write().map_err(broke)?;
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
        let line = &mut self.lines[key];
        (line.unsent, line.sent) = (publishing.bytes, 0);
        line.awaited = publishing.answers;
        line.began = Instant::now();
        line.write()
    }

    fn read(&mut self, key: usize, buffer: &mut [u8]) -> Result<(), String> {
        let broke = |error: io::Error| format!("broke a publisher's connection: {error}");
        loop {
            let line = &mut self.lines[key];
            let read = match line.socket.read(buffer) {
                Ok(0) => return Err("closed a publisher's connection".to_owned()),
                Ok(read) => read,
                Err(error) if is_early(&error) => return Ok(()),
                Err(error) => return Err(broke(error)),
            };
            line.answers.feed(&buffer[..read]);
            let mut closes = false;
            while let Some(answer) = line.answers.next().map_err(|error| error.to_string())? {
                if let Some(refusal) = answer.refusal() {
                    return Err(refusal);
                }
                line.awaited = line.awaited.saturating_sub(1);
                closes |= answer.closes;
            }
            if line.awaited == 0 {
                let took_us = us(line.began.elapsed()).max(1);
                let _too_long = self.tally.open_us.record(took_us);
                self.events += u64::from(self.list);
                if closes {
                    line.socket = connect(&self.poll, self.server, key).map_err(broke)?;
                    line.answers = Answers::default();
                }
                self.begin(key).map_err(broke)?;
            }
            if closes || read < buffer.len() {
                return Ok(());
            }
        }
    }
}

/// Opens a connection for publishing.
fn connect(poll: &Poll, server: &Server, key: usize) -> io::Result<TcpStream> {
    let mut socket = net::connect(server.publish_at, None)?;
    socket.set_nodelay(true)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut socket, Token(key), interest)?;
    Ok(socket)
}

/// Returns whether a socket takes nothing yet.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

impl Line {
    fn write(&mut self) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match self.socket.write(&self.unsent[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
