//! One reader: a place in a ring, a socket, and what a full socket has left over.

use std::{io, sync::Arc};

use bytes::Bytes;
use event::{Event, MonoMs, Position};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    ReaderKey,
    catch_up::CatchUp,
    ring::{Mark, Place, Ring},
    socket::Sink,
};
use crate::{EndCause, Filter, Lease, Transport};

/// Most bytes that an event stream's reader may send; one that sends more is no reader.
const INPUT_BYTES_MAX: u32 = 64 << 10;

/// A reader that is ready to be served.
#[derive(Debug)]
pub struct Admission<S> {
    /// Its connection.
    pub socket: S,
    /// How it is connected.
    pub transport: Transport,
    /// Its share in the stream's channel.
    pub lease: Lease,
    /// What is written before any event.
    pub preamble: Bytes,
    /// The place after which it goes on.
    pub after: Position,
    /// The events after that place that were read when it attached.
    pub first: Vec<Arc<Event>>,
    /// The place up to which `first` reaches.
    pub first_through: Position,
    /// Which events it wants; all where there is none.
    pub filter: Option<Arc<Filter>>,
    /// When its credential expires.
    pub expires: Option<MonoMs>,
    /// Its share in its tenant's open streams.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// One reader.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) socket: S,
    pub(super) key: ReaderKey,
    pub(super) table: usize,
    pub(super) seat: u32,
    pub(super) transport: Transport,
    /// Everything up to here was written, is in `rest`, or was not wanted.
    pub(super) through: Position,
    /// The last place that the reader was told; behind `through` where its filter left out more.
    pub(super) told: Position,
    /// What the socket did not take.
    pub(super) rest: Bytes,
    pub(super) catch_up: Option<Box<CatchUp>>,
    pub(super) fetching: bool,
    /// Whether it stands among those who would take more.
    pub(super) unfinished: bool,
    /// Set once its farewell is the last thing that it is sent.
    pub(super) leaving: Option<EndCause>,
    /// When its socket last took something and then no more; none while it takes bytes.
    pub(super) blocked_since: Option<MonoMs>,
    /// Where its place was in the ring's account, when that was last known.
    pub(super) mark: Mark,
    pub(super) filter: Option<Arc<Filter>>,
    input_bytes: u32,
    _lease: Lease,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<S: Sink> Reader<S> {
    pub(super) fn new(
        admission: Admission<S>,
        key: ReaderKey,
        table: usize,
        seat: u32,
        mark: Mark,
    ) -> Self {
        let catch_up = CatchUp::opened(admission.first, admission.first_through, mark);
        Reader {
            socket: admission.socket,
            key,
            table,
            seat,
            transport: admission.transport,
            through: admission.after,
            told: admission.after,
            rest: admission.preamble,
            catch_up: Some(Box::new(catch_up)),
            fetching: false,
            unfinished: false,
            leaving: None,
            blocked_since: None,
            mark,
            filter: admission.filter,
            input_bytes: 0,
            _lease: admission.lease,
            _permit: admission.permit,
        }
    }

    /// Notes where its place is in the ring's account, as long as the ring knows it.
    pub(super) fn set_mark(&mut self, ring: &Ring) {
        let (place, mark) = match &mut self.catch_up {
            Some(page) => (page.end, &mut page.mark),
            None => (self.through, &mut self.mark),
        };
        if let Place::At(index) = ring.place(place) {
            *mark = ring.mark_before(index);
        }
    }

    /// Returns how many bytes of events have come that the reader has not been written; those of
    /// before it attached are not counted.
    pub(super) fn bytes_behind(&self, ring: &Ring) -> u64 {
        match &self.catch_up {
            Some(page) => ring.bytes_since(page.mark) + page.bytes_newer(self.mark.seq),
            None => ring.bytes_since(self.mark),
        }
    }

    /// Throws away what the peer sent.
    ///
    /// # Errors
    /// Fails where the peer is gone, or sends more than a reader has to say.
    pub(super) fn drain_input(&mut self) -> io::Result<()> {
        let mut buffer = [0; 512];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    self.input_bytes += bytes as u32;
                    if self.input_bytes > INPUT_BYTES_MAX {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
