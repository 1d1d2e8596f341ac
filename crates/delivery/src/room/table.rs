//! The readers of one stream in one worker, around its ring.

use std::{cell::RefCell, sync::Arc};

use event::MonoMs;
use slab::Slab;

use super::{reader::Reader, ring::Ring, subscription::Subscription};
use crate::{
    DeliveryOptions, Transport,
    channel::{Channel, Look},
    encoder::{Encoder, Framing},
    ws::{self, Deflater},
};

/// The readers of one stream.
#[derive(Debug)]
pub(super) struct Table {
    channel: Arc<Channel>,
    worker: usize,
    pub(super) ring: Ring,
    /// The name by which clients know the stream.
    label: Box<str>,
    seats: Vec<Seat>,
    #[cfg(feature = "inject")]
    faults: crate::inject::OnStream,
}

/// Who sits at a table: a reader, with one of its subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) reader: u32,
    /// Where the subscription stands among the reader's.
    pub(super) subscription: u32,
}

impl Table {
    /// Opens the worker's lane; it is closed when the table is dropped.
    pub(super) fn open(channel: Arc<Channel>, worker: usize) -> Self {
        let after = channel.open_lane(worker);
        let label = ws::stream_label(channel.stream()).into();
        Table {
            channel,
            worker,
            ring: Ring::new(after),
            label,
            seats: Vec::new(),
            #[cfg(feature = "inject")]
            faults: crate::inject::OnStream::default(),
        }
    }

    /// Makes what is delivered from it go wrong.
    #[cfg(feature = "inject")]
    pub(super) fn inject(&mut self, faults: &crate::inject::Faults) {
        self.faults = faults.on(self.channel.stream());
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Returns what encodes this stream's events for a framing.
    pub(super) fn encoder<'a>(
        &'a self,
        framing: Framing,
        deflater: &'a RefCell<Deflater>,
    ) -> Encoder<'a> {
        let encoder = Encoder::new(framing, &self.label, deflater);
        #[cfg(feature = "inject")]
        let encoder = Encoder { faults: self.faults, ..encoder };
        encoder
    }

    /// Seats a reader; returns the seat's number.
    pub(super) fn sit(&mut self, seat: Seat) -> u32 {
        self.seats.push(seat);
        (self.seats.len() - 1) as u32
    }

    /// Notes that a subscription stands elsewhere among its reader's.
    pub(super) fn renumber(&mut self, seat: u32, subscription: u32) {
        self.seats[seat as usize].subscription = subscription;
    }

    /// Frees a seat; returns who took it over, if anybody.
    pub(super) fn rise(&mut self, seat: u32) -> Option<Seat> {
        self.seats.swap_remove(seat as usize);
        self.seats.get(seat as usize).copied()
    }

    pub(super) fn take_in(&mut self, look: Look) {
        if let Some(place) = look.restart_after {
            self.ring.restart(place);
        }
        for arrival in look.arrivals {
            self.ring.push(arrival);
        }
    }

    /// Keeps the ring to its limits.
    pub(super) fn trim(&mut self, options: &DeliveryOptions) {
        self.ring.trim(options.ring_events_max, options.ring_bytes_max);
    }

    /// Forgets what every reader has had, and what came before an instant.
    pub(super) fn forget<S>(&mut self, readers: &Slab<Reader<S>>, before: MonoMs) {
        let places = self.seats.iter().filter_map(|&seat| subscription(readers, seat));
        if let Some(slowest) = places.map(|subscription| subscription.through.seq).min() {
            self.ring.forget_through(slowest);
        }
        self.ring.forget_before(before);
        self.ring.shrink();
    }

    /// Returns how the first reader is connected; a round's latency is counted there.
    pub(super) fn transport<S>(&self, readers: &Slab<Reader<S>>) -> Transport {
        let first = self.seats.first().and_then(|seat| readers.get(seat.reader as usize));
        first.map_or(Transport::probe, |reader| reader.transport)
    }
}

fn subscription<S>(readers: &Slab<Reader<S>>, seat: Seat) -> Option<&Subscription> {
    readers.get(seat.reader as usize)?.subscriptions.get(seat.subscription as usize)
}

impl Drop for Table {
    fn drop(&mut self) {
        self.channel.close_lane(self.worker);
    }
}
