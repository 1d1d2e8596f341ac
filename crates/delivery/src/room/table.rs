//! The readers of one stream in one worker, around its ring.

use std::sync::Arc;

use event::{MonoMs, Position};
use slab::Slab;

use super::{reader::Reader, ring::Ring};
use crate::{
    DeliveryOptions, Transport,
    channel::{Channel, Look},
};

/// The readers of one stream.
#[derive(Debug)]
pub(super) struct Table {
    channel: Arc<Channel>,
    pub(super) ring: Ring,
    seats: Vec<u32>,
}

impl Table {
    pub(super) fn new(channel: Arc<Channel>, after: Position) -> Self {
        Table { channel, ring: Ring::new(after), seats: Vec::new() }
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    pub(super) fn seats(&self) -> &[u32] {
        &self.seats
    }

    /// Seats a reader; returns its seat.
    pub(super) fn sit(&mut self, reader: u32) -> u32 {
        self.seats.push(reader);
        (self.seats.len() - 1) as u32
    }

    /// Frees a seat; returns the reader that took it over, if any.
    pub(super) fn rise(&mut self, seat: u32) -> Option<u32> {
        self.seats.swap_remove(seat as usize);
        self.seats.get(seat as usize).copied()
    }

    pub(super) fn take_in(&mut self, look: Look, options: &DeliveryOptions) {
        if let Some(place) = look.restart_after {
            self.ring.restart(place);
        }
        for arrival in look.arrivals {
            self.ring.push(arrival);
        }
        self.ring.trim(options.ring_events_max, options.ring_bytes_max);
    }

    pub(super) fn forget_before(&mut self, at: MonoMs) {
        self.ring.forget_before(at);
    }

    /// Returns how the first reader is connected; a round's latency is counted there.
    pub(super) fn transport<S>(&self, readers: &Slab<Reader<S>>) -> Transport {
        let first = self.seats.first().and_then(|&index| readers.get(index as usize));
        first.map_or(Transport::probe, |reader| reader.transport)
    }
}
