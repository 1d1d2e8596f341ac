//! A socket that the schedule governs: it takes what it is told to, and its edges are edges.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, IoSlice},
    rc::Rc,
};

use delivery::room::socket::Sink;
use event::MonoMs;

/// Both ends of a connection.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// What the room wrote and the client has not looked at.
    pub(crate) written: Vec<u8>,
    /// Bytes that it takes before it is full.
    pub(crate) takes: usize,
    /// Calls that a signal interrupts.
    pub(crate) interrupts: usize,
    /// Since when the room has known it to be full; an edge is due once it takes bytes again.
    pub(crate) full_since: Option<MonoMs>,
    /// Whether the room has not been told of what there is to read.
    pub(crate) unread_edge: bool,
    /// What the client sent and the room has not read.
    pub(crate) input: VecDeque<u8>,
    /// Most bytes that one read gives; all that there are where it is 0.
    pub(crate) gives: usize,
    /// Bytes that the room read.
    pub(crate) read: usize,
    /// The client closed its half.
    pub(crate) half_closed: bool,
    /// The next write is the last one that the connection takes.
    pub(crate) dies_next: bool,
    /// The connection is gone.
    pub(crate) dead: bool,
    /// The room says that it writes no more.
    pub(crate) ended: bool,
    /// The room let go of it.
    pub(crate) closed: bool,
    pub(crate) now: MonoMs,
}

/// The near end.
pub(crate) struct SimSocket(pub(crate) Rc<RefCell<Wire>>);

impl Wire {
    /// Returns whether a poller would report it as writable, once.
    pub(crate) fn writable_edge(&self) -> bool {
        self.full_since.is_some() && (self.takes > 0 || self.dead)
    }

    /// Sends what a client sends; a poller would report it, once.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        self.unread_edge = true;
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.dead {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(io::ErrorKind::Interrupted.into());
        }
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let taken = offered.min(self.takes);
        let mut left = taken;
        for slice in slices {
            let part = left.min(slice.len());
            self.written.extend_from_slice(&slice[..part]);
            left -= part;
        }
        self.takes -= taken;
        self.dead = self.dies_next && taken > 0;
        if taken < offered {
            self.full_since.get_or_insert(self.now);
        }
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.dead {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let most = if self.gives == 0 { buffer.len() } else { self.gives.min(buffer.len()) };
        let bytes = self.input.len().min(most);
        for (to, from) in buffer.iter_mut().zip(self.input.drain(..bytes)) {
            *to = from;
        }
        self.read += bytes;
        match bytes {
            0 if self.half_closed => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            bytes => Ok(bytes),
        }
    }
}

impl Sink for SimSocket {
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.borrow_mut().write(slices)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }

    fn end(&mut self) {
        self.0.borrow_mut().ended = true;
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        self.0.borrow_mut().closed = true;
    }
}
