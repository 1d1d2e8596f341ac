//! One reader's connection and account: from connecting to an end, and over all its connections.

#[cfg(test)]
mod tests;

use std::{fmt, io::Write};

use memchr::memmem;
use mio::net::TcpStream;

use super::{
    account::Account,
    audience::Part,
    board::News,
    told::{self, Told},
};
use crate::{
    messages::{BEGINNING_BYTES, Messages},
    server::Opening,
    stamp::Mark,
    ws,
};

/// More than any head has.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Away,
    /// The request is not sent yet.
    Connecting,
    /// The head of the answer is awaited.
    Head,
    /// The beginning of the stream is awaited.
    First,
    /// Events come.
    Live,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server ended it, as it does with a reader that is too far behind.
    Closed,
    /// It should not have ended so.
    Broken(String),
}

/// With what a reader hears.
pub(super) struct Ear<'a> {
    pub(super) mark: &'a Mark,
    pub(super) now_us: u64,
    pub(super) news: &'a mut News,
}

/// One reader.
pub(super) struct Reader {
    pub(super) account: Account,
    pub(super) is_slow: bool,
    pub(super) socket: Option<TcpStream>,
    pub(super) state: State,
    /// Whether it is to have a connection.
    pub(super) is_here: bool,
    /// Whether it leaves what comes in its socket.
    pub(super) is_stopped: bool,
    /// When its stream was opened, in microseconds of the run.
    opened_us: u64,
    /// When bytes came for the last time.
    heard_us: u64,
    opening: Option<Opening>,
    /// The beginning of the answer.
    head: Vec<u8>,
    messages: Messages,
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reader { account, state, is_slow, opened_us, heard_us, messages, .. } = self;
        let (stream, cursor) = (account.stream(), account.cursor().unwrap_or_default());
        let transport = messages.transport();
        write!(
            f,
            "{}reader of stream {stream} over {transport}, {state:?} since {} s, heard of at {} s, \
             after {cursor}",
            if *is_slow { "slow " } else { "" },
            opened_us / 1_000_000,
            heard_us / 1_000_000,
        )
    }
}

impl Reader {
    pub(super) fn new(part: Part) -> Self {
        Reader {
            account: Account::new(part.stream),
            is_slow: part.is_slow,
            socket: None,
            state: State::Away,
            is_here: false,
            is_stopped: false,
            opened_us: 0,
            heard_us: 0,
            opening: None,
            head: Vec::new(),
            messages: Messages::sse(BEGINNING_BYTES),
        }
    }

    /// Takes a new connection.
    pub(super) fn connect(&mut self, socket: TcpStream, opening: Opening, messages: Messages) {
        self.socket = Some(socket);
        self.state = State::Connecting;
        self.is_stopped = false;
        self.opening = Some(opening);
        self.messages = messages;
    }

    /// Lets the connection go; returns how far it was.
    pub(super) fn close(&mut self) -> State {
        self.socket = None;
        self.opening = None;
        self.head = Vec::new();
        std::mem::replace(&mut self.state, State::Away)
    }

    /// Returns whether a stream is being opened.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.state, State::Connecting | State::Head | State::First)
    }

    /// Returns whether it has a stream, and everything up to a number.
    pub(super) fn has_all(&self, last: u64) -> bool {
        self.state == State::Live && self.account.has(last)
    }

    /// Sends the request once the connection is there.
    pub(super) fn request(&mut self) -> Option<End> {
        let socket = self.socket.as_mut()?;
        let broken = |what: &str, error| Some(End::Broken(format!("{what} a reader: {error}")));
        match socket.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return broken("refused", error),
        }
        if socket.peer_addr().is_err() {
            return None;
        }
        self.state = State::Head;
        let request = &self.opening.as_ref()?.request;
        // A socket that was never written to always takes it whole.
        socket.write_all(request).err().and_then(|error| broken("took no request of", error))
    }

    /// Takes bytes in.
    pub(super) fn take(&mut self, bytes: &[u8], ear: &mut Ear<'_>) -> Option<End> {
        self.heard_us = ear.now_us;
        if self.state != State::Head {
            return self.hear(bytes, ear);
        }
        self.head.extend_from_slice(bytes);
        let opening = self.opening.as_ref()?;
        let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else {
            let is_too_long = self.head.len() > HEAD_BYTES_MAX;
            return is_too_long.then(|| End::Broken("sent no end of a head".to_owned()));
        };
        let text = String::from_utf8_lossy(&self.head[..end]);
        let line = text.lines().next().unwrap_or_default();
        if line.split(' ').nth(1) != Some(&opening.status.to_string()) {
            return Some(End::Broken(format!("answered a reader with {line:?}")));
        }
        self.state = State::First;
        if let (Some(then), Some(socket)) = (&opening.then, &mut self.socket)
            && let Err(error) = socket.write_all(then)
        {
            return Some(End::Broken(format!("took no subscription: {error}")));
        }
        let head = std::mem::take(&mut self.head);
        self.hear(&head[end + 4..], ear)
    }

    /// Takes a stream's bytes in.
    fn hear(&mut self, bytes: &[u8], ear: &mut Ear<'_>) -> Option<End> {
        let Reader { account, socket, state, messages, opened_us, is_slow, .. } = self;
        let Ear { mark, now_us, news } = ear;
        let mut end = None;
        messages.feed(bytes, |message| match told::read(message, mark) {
            Told::Event { cursor, stamp } => {
                account.event(cursor, stamp);
                news.received += 1;
                // What was published before the stream was opened is late by the reader's own doing.
                if !*is_slow && stamp.sent_us >= *opened_us {
                    let _too_long =
                        news.latency_us.record(now_us.saturating_sub(stamp.sent_us).max(1));
                }
            }
            Told::Opened { head } => {
                news.counts.opened += 1;
                news.counts.resumed += u64::from(account.cursor().is_some());
                news.readers += i64::from(*state != State::Live);
                account.opened(head.as_bytes());
                (*state, *opened_us) = (State::Live, *now_us);
            }
            Told::Gap { reason, resumes_at } => {
                account.gap(resumes_at.as_bytes());
                *news.counts.gaps.entry(reason).or_default() += 1;
            }
            Told::Ping(payload) => {
                if let Some(socket) = socket {
                    // A pong that does not fit is one of many.
                    let _full = socket.write(&ws::pong(payload));
                }
            }
            Told::LagClose => end = Some(End::Closed),
            Told::Goodbye => end = Some(End::Broken("said goodbye in mid-run".to_owned())),
            Told::Wrong(what) => end = Some(End::Broken(what)),
            Told::Nothing => {}
        });
        end
    }
}
