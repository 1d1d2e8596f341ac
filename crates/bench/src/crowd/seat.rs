//! One reader: from connecting to its goal, as a state machine over the bytes that come.

use std::io::Write;

use memchr::memmem;
use mio::net::TcpStream;

use super::Ear;
use crate::{
    check::Check,
    server::Opening,
    stamp::STAMP_BYTES,
    ws::{self, Control, Walk},
};

/// More than any head and first frames have together.
const OPENING_BYTES_MAX: usize = 1 << 20;

/// Room before what is read, for the end of what was read before.
pub(super) const HEADROOM: usize = STAMP_BYTES;

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is no connection.
    Closed,
    /// The request is not sent yet.
    Connecting,
    /// The head of the answer is awaited.
    Head,
    /// The first frame is awaited.
    First,
    /// Events come.
    Live,
}

/// What bytes led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More of the same.
    On,
    /// The stream has just been opened.
    Opened,
    /// It will not go on.
    Broken(String),
}

/// One reader.
pub(super) struct Seat {
    pub(super) socket: Option<TcpStream>,
    pub(super) phase: Phase,
    pub(super) check: Check,
    /// When connecting began, in microseconds of the run.
    pub(super) began_us: u64,
    /// How many times it still comes again.
    pub(super) rounds: u32,
    /// What has come while the stream was being opened.
    opening: Vec<u8>,
    /// The end of what was read, in which a stamp may be cut.
    cut: [u8; STAMP_BYTES],
    cut_bytes: u8,
    walk: Option<Box<Walk>>,
}

impl Seat {
    pub(super) fn new(check: Check, rounds: u32) -> Self {
        Seat {
            socket: None,
            phase: Phase::Closed,
            check,
            began_us: 0,
            rounds,
            opening: Vec::new(),
            cut: [0; STAMP_BYTES],
            cut_bytes: 0,
            walk: None,
        }
    }

    /// Takes a new connection.
    pub(super) fn connect(&mut self, socket: TcpStream, now_us: u64, is_ws: bool) {
        self.socket = Some(socket);
        self.phase = Phase::Connecting;
        self.began_us = now_us;
        self.walk = is_ws.then(Box::default);
    }

    /// Lets the connection go.
    pub(super) fn close(&mut self) {
        self.socket = None;
        self.phase = Phase::Closed;
        self.opening = Vec::new();
        self.cut_bytes = 0;
    }

    /// Sends the request once the connection is there.
    pub(super) fn request(&mut self, opening: &Opening) -> Step {
        let Some(socket) = &self.socket else { return Step::On };
        match socket.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return Step::Broken(format!("refused: {error}")),
        }
        if socket.peer_addr().is_err() {
            return Step::On;
        }
        self.phase = Phase::Head;
        self.send(&opening.request)
    }

    /// Writes what a socket that was never written to always takes whole.
    fn send(&mut self, bytes: &[u8]) -> Step {
        let written = self.socket.as_mut().map(|socket| socket.write_all(bytes));
        match written {
            Some(Err(error)) => Step::Broken(format!("took no request: {error}")),
            _ => Step::On,
        }
    }

    /// Takes bytes in that begin at `HEADROOM` of the buffer; `key` is the reader's among its ear's.
    pub(super) fn on_bytes(
        &mut self,
        buffer: &mut [u8],
        opening: &Opening,
        (key, ear): (usize, &mut impl Ear),
        see: impl FnMut(u64),
    ) -> Step {
        if self.phase != Phase::Live {
            return self.on_opening(&buffer[HEADROOM..], opening, (key, ear), see);
        }
        let start = HEADROOM - usize::from(self.cut_bytes);
        buffer[start..HEADROOM].copy_from_slice(&self.cut[..usize::from(self.cut_bytes)]);
        let step = self.walk(&buffer[HEADROOM..]);
        self.hear(&buffer[start..], (key, ear), see).unwrap_or(step)
    }

    fn on_opening(
        &mut self,
        bytes: &[u8],
        opening: &Opening,
        ear: (usize, &mut impl Ear),
        see: impl FnMut(u64),
    ) -> Step {
        self.opening.extend_from_slice(bytes);
        if self.phase == Phase::Head {
            let Some(end) = memmem::find(&self.opening, b"\r\n\r\n") else { return Step::On };
            let line = String::from_utf8_lossy(&self.opening[..end]);
            let line = line.lines().next().unwrap_or_default();
            if line.split(' ').nth(1) != Some(&opening.status.to_string()) {
                return Step::Broken(format!("answered a reader with {line:?}"));
            }
            self.opening.drain(..end + 4);
            self.phase = Phase::First;
            if let Some(then) = &opening.then
                && let Step::Broken(why) = self.send(then)
            {
                return Step::Broken(why);
            }
        }
        if memmem::find(&self.opening, &opening.ready).is_none() {
            let is_too_long = self.opening.len() > OPENING_BYTES_MAX;
            return if is_too_long { Step::Broken("sent no first frame".into()) } else { Step::On };
        }
        self.phase = Phase::Live;
        let bytes = std::mem::take(&mut self.opening);
        let step = self.walk(&bytes);
        let step = self.hear(&bytes, ear, see).unwrap_or(step);
        if step == Step::On { Step::Opened } else { step }
    }

    /// Answers pings; finds the end.
    fn walk(&mut self, bytes: &[u8]) -> Step {
        let (Some(walk), Some(socket)) = (&mut self.walk, &mut self.socket) else {
            return Step::On;
        };
        let mut step = Step::On;
        walk.feed(bytes, |control| match control {
            Control::Ping(payload) => {
                // A pong that does not fit is one of many.
                let _full = socket.write(&ws::pong(&payload));
            }
            Control::Close => step = Step::Broken("closed a reader's WebSocket".to_owned()),
        });
        step
    }

    /// Lets the ear hear; returns why the stream can't go on, if so.
    fn hear(
        &mut self,
        bytes: &[u8],
        (key, ear): (usize, &mut impl Ear),
        see: impl FnMut(u64),
    ) -> Option<Step> {
        match ear.hear(key, &mut self.check, bytes, see) {
            Ok(used) => {
                let rest = &bytes[used..];
                self.cut[..rest.len()].copy_from_slice(rest);
                self.cut_bytes = rest.len() as u8;
                None
            }
            Err(why) => Some(Step::Broken(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::Faults,
        crowd::Stamps,
        stamp::{Mark, Stamp},
    };

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n";

    fn opening() -> Opening {
        Opening { request: Vec::new(), status: 200, then: None, ready: b": hi".to_vec() }
    }

    fn ear() -> Stamps {
        Stamps(Mark::new(3))
    }

    fn bytes() -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        bytes.extend_from_slice(b": hi\n\n");
        for number in 1..=4 {
            bytes.extend_from_slice(b"data: ");
            Mark::new(3).write(Stamp { stream: 0, number, sent_us: 1 }, &mut bytes);
            bytes.extend_from_slice(b"\n\n");
        }
        bytes
    }

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        for size in [1, 3, 40, 41, 1000] {
            let mut seat = Seat::new(Check::new(0, 1), 0);
            seat.phase = Phase::Head;
            let (mut opened, mut seen) = (0, 0);
            for piece in bytes().chunks(size) {
                let mut buffer = vec![0; HEADROOM];
                buffer.extend_from_slice(piece);
                let step = seat.on_bytes(&mut buffer, &opening(), (0, &mut ear()), |_| seen += 1);
                opened += usize::from(step == Step::Opened);
                assert!(!matches!(step, Step::Broken(_)), "{step:?}");
            }
            assert_eq!((opened, seen), (1, 4), "{size}");
            assert_eq!(seat.check.faults(4), Faults::default(), "{size}");
        }
    }

    #[test]
    fn another_status_is_a_refusal() {
        let mut seat = Seat::new(Check::new(0, 1), 0);
        seat.phase = Phase::Head;
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(b"HTTP/1.1 503 Nope\r\n\r\n");
        let step = seat.on_bytes(&mut buffer, &opening(), (0, &mut ear()), |_| {});
        assert_eq!(step, Step::Broken("answered a reader with \"HTTP/1.1 503 Nope\"".to_owned()));
    }
}
