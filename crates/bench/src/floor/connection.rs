//! One connection of the floor.

use std::io::{IoSlice, Write};

use mio::net::TcpStream;

use super::{Writes, log::Log};

/// What a connection turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// It has asked for nothing yet.
    New,
    /// It publishes to a stream.
    Publisher { stream: usize },
    /// It reads a stream: up to which byte it was written, and where it sits among the readers.
    Reader { stream: usize, place: u64, seat: usize },
}

/// A socket and what it is for.
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) role: Role,
    pub(super) input: Vec<u8>,
}

impl Connection {
    pub(super) fn new(socket: TcpStream) -> Self {
        Connection { socket, role: Role::New, input: Vec::new() }
    }

    /// Returns up to where it was written.
    pub(super) fn place(&self) -> u64 {
        match self.role {
            Role::Reader { place, .. } => place,
            _ => u64::MAX,
        }
    }

    /// Returns whether it has all that is before this place, and nothing after it.
    pub(super) fn is_at(&self, place: u64) -> bool {
        self.place() == place
    }

    /// Notes that it sits elsewhere now.
    pub(super) fn sit(&mut self, at: usize) {
        if let Role::Reader { seat, .. } = &mut self.role {
            *seat = at;
        }
    }

    /// Writes the head of the answer and what is to be replayed; false where the peer is gone.
    pub(super) fn start(&mut self, head: &[u8], log: &Log, writes: Writes) -> bool {
        let ready = match writes {
            Writes::All => log.from(self.place()),
            Writes::One => &[],
        };
        let written = self.socket.write_vectored(&[IoSlice::new(head), IoSlice::new(ready)]);
        let Some(rest) = written.ok().and_then(|written| written.checked_sub(head.len())) else {
            return false;
        };
        self.advance(rest);
        self.write(log, writes);
        true
    }

    /// Writes until all is written or the socket takes no more.
    pub(super) fn write(&mut self, log: &Log, writes: Writes) {
        loop {
            let ready = match writes {
                Writes::All => log.from(self.place()),
                Writes::One => log.frame_at(self.place()),
            };
            if ready.is_empty() || !self.write_bytes(ready) {
                return;
            }
        }
    }

    /// Writes one frame.
    pub(super) fn write_frame(&mut self, log: &Log) {
        self.write_bytes(log.frame_at(self.place()));
    }

    /// Writes once; false where the socket takes no more, or is gone, which a read will tell.
    fn write_bytes(&mut self, bytes: &[u8]) -> bool {
        let written = self.socket.write(bytes).unwrap_or(0);
        self.advance(written);
        written == bytes.len()
    }

    fn advance(&mut self, bytes: usize) {
        if let Role::Reader { place, .. } = &mut self.role {
            *place += bytes as u64;
        }
    }
}
