//! The physical limit: one thread with `epoll` that writes ready bytes to its readers.
//!
//! It takes frames as they are, in HTTP requests of a fixed form, and checks nothing. One thread is
//! the strongest form for a CPU-second: no lock, no wake-up between threads.

mod connection;
mod log;
mod request;

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::Duration,
};

use mio::{Events, Interest, Poll, Token, net::TcpListener};
use slab::Slab;

use self::{
    connection::{Connection, Role},
    log::Log,
    request::Request,
};
use crate::{net, stop::Stop, ws};

const LISTENER: Token = Token(usize::MAX);
const TURN_MAX: Duration = Duration::from_millis(100);
const EVENTS_PER_TURN: usize = 4096;

/// With so much before the slowest reader, nothing more is taken from publishers.
const PENDING_BYTES_MAX: usize = 64 << 20;

const PUBLISHED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const SSE_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    cache-control: no-cache, no-transform\r\n\r\n\
    event: connected\ndata: {\"status\":\"ok\",\"resume\":\"fresh\",\"replayed\":0}\n\n";
const WS_READY: &[u8] = br#"{"type":"subscribed"}"#;

/// How much is written at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Writes {
    /// One event.
    One,
    /// All that is there.
    All,
}

impl Writes {
    /// Returns the word of the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Writes::One => "one",
            Writes::All => "all",
        }
    }
}

/// The readers of one stream, and what is written to them.
struct Channel {
    log: Log,
    readers: Vec<usize>,
}

/// The loop and what it owns.
pub(crate) struct Floor {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    channels: Vec<Channel>,
    /// The streams with frames that no reader was served.
    fresh: Vec<usize>,
    /// Publishers that wait until the slowest reader has come on.
    paused: Vec<usize>,
    writes: Writes,
    kept_bytes: usize,
    ws_head: Vec<u8>,
    buffer: Vec<u8>,
}

impl Floor {
    /// Binds an address.
    ///
    /// # Errors
    /// Fails where the address or a poller can't be had.
    pub(crate) fn bind(address: SocketAddr, writes: Writes, kept_bytes: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let listener = net::listen(address)?;
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut ws_head = ws::ACCEPT.as_bytes().to_vec();
        ws::text_head(WS_READY.len(), &mut ws_head);
        ws_head.extend_from_slice(WS_READY);
        Ok(Floor {
            poll,
            listener,
            connections: Slab::new(),
            channels: Vec::new(),
            fresh: Vec::new(),
            paused: Vec::new(),
            writes,
            kept_bytes,
            ws_head,
            buffer: vec![0; 256 << 10],
        })
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// Fails where the poller does.
    pub(crate) fn run(mut self, stop: &Stop) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !stop.is_asked() {
            match self.poll.poll(&mut events, Some(TURN_MAX)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    Token(key) => self.turn(key, event.is_readable(), event.is_writable()),
                }
            }
            self.deliver();
            for key in std::mem::take(&mut self.paused) {
                self.turn(key, true, false);
            }
        }
        Ok(())
    }

    fn accept(&mut self) {
        while let Ok((mut socket, _)) = self.listener.accept() {
            let entry = self.connections.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered =
                self.poll.registry().register(&mut socket, Token(entry.key()), interest);
            if socket.set_nodelay(true).is_ok() && registered.is_ok() {
                entry.insert(Connection::new(socket));
            }
        }
    }

    fn turn(&mut self, key: usize, readable: bool, writable: bool) {
        let Some(connection) = self.connections.get(key) else { return };
        if writable && let Role::Reader { stream, .. } = connection.role {
            self.serve(stream, key);
        }
        if readable && !self.read(key) {
            self.close(key);
        }
    }

    /// Reads what is there and carries out what is whole; false where the peer is gone.
    fn read(&mut self, key: usize) -> bool {
        loop {
            let connection = &mut self.connections[key];
            if let Role::Publisher { stream } = connection.role
                && self.channels[stream].log.len() > PENDING_BYTES_MAX
            {
                self.paused.push(key);
                return true;
            }
            match connection.socket.read(&mut self.buffer) {
                Ok(0) => return false,
                Ok(read) => {
                    connection.input.extend_from_slice(&self.buffer[..read]);
                    if !self.carry_out(key) {
                        return false;
                    }
                    if read < self.buffer.len() {
                        return true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
    }

    /// Carries out the requests that are whole; false where one makes no sense.
    fn carry_out(&mut self, key: usize) -> bool {
        if matches!(self.connections[key].role, Role::Reader { .. }) {
            // What a WebSocket's reader says is not for us.
            self.connections[key].input = Vec::new();
            return true;
        }
        let input = std::mem::take(&mut self.connections[key].input);
        let mut rest = &input[..];
        loop {
            match Request::parse(rest) {
                Ok(Some((request, used))) => {
                    if !self.answer(key, &request) {
                        return false;
                    }
                    rest = &rest[used..];
                }
                Ok(None) => break,
                Err(_) => return false,
            }
        }
        self.connections[key].input = rest.to_vec();
        true
    }

    fn answer(&mut self, key: usize, request: &Request<'_>) -> bool {
        let stream = request.stream();
        while self.channels.len() <= stream {
            let log = Log::default();
            self.channels.push(Channel { log, readers: Vec::new() });
        }
        match request {
            Request::Publish { frames, events, .. } => {
                self.channels[stream].log.push(frames, *events);
                if !self.fresh.contains(&stream) {
                    self.fresh.push(stream);
                }
                let connection = &mut self.connections[key];
                connection.role = Role::Publisher { stream };
                connection.socket.write_all(PUBLISHED).is_ok()
            }
            Request::Subscribe { back, upgrade, .. } => self.open(key, stream, *back, *upgrade),
        }
    }

    fn open(&mut self, key: usize, stream: usize, back: u64, upgrade: bool) -> bool {
        let Channel { log, readers } = &mut self.channels[stream];
        let place = log.back(back);
        let seat = readers.len();
        readers.push(key);
        let connection = &mut self.connections[key];
        connection.role = Role::Reader { stream, place, seat };
        let head = if upgrade { &self.ws_head } else { SSE_HEAD };
        connection.start(head, log, self.writes)
    }

    /// Writes to all readers of all streams that have something new.
    fn deliver(&mut self) {
        for stream in std::mem::take(&mut self.fresh) {
            let Channel { log, readers } = &mut self.channels[stream];
            let connections = &mut self.connections;
            match self.writes {
                Writes::All => {
                    readers.iter().for_each(|key| connections[*key].write(log, Writes::All));
                }
                Writes::One => {
                    for start in log.new_frames() {
                        for key in readers.iter() {
                            let connection = &mut connections[*key];
                            if connection.is_at(start) {
                                connection.write_frame(log);
                            }
                        }
                    }
                }
            }
            log.served();
            self.trim(stream);
        }
    }

    fn serve(&mut self, stream: usize, key: usize) {
        self.connections[key].write(&self.channels[stream].log, self.writes);
        self.trim(stream);
    }

    fn trim(&mut self, stream: usize) {
        let Channel { log, readers } = &mut self.channels[stream];
        if log.is_long(self.kept_bytes) {
            let slowest = readers.iter().map(|key| self.connections[*key].place()).min();
            log.trim(slowest, self.kept_bytes);
        }
    }

    fn close(&mut self, key: usize) {
        let connection = self.connections.remove(key);
        if let Role::Reader { stream, seat, .. } = connection.role {
            let readers = &mut self.channels[stream].readers;
            readers.swap_remove(seat);
            if let Some(moved) = readers.get(seat).copied() {
                self.connections[moved].sit(seat);
            }
        }
    }
}

#[cfg(test)]
mod tests;
