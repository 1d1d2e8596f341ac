//! The readers of one stream in one worker, around its ring.

use std::sync::Arc;

use event::MonoMs;
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
    worker: usize,
    pub(super) ring: Ring,
    seats: Vec<u32>,
}

impl Table {
    /// Opens the worker's lane; it is closed when the table is dropped.
    pub(super) fn open(channel: Arc<Channel>, worker: usize) -> Self {
        let after = channel.open_lane(worker);
        Table { channel, worker, ring: Ring::new(after), seats: Vec::new() }
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
        let places = self.seats.iter().filter_map(|&index| readers.get(index as usize));
        if let Some(slowest) = places.map(|reader| reader.through.seq).min() {
            self.ring.forget_through(slowest);
        }
        self.ring.forget_before(before);
    }

    /// Returns how the first reader is connected; a round's latency is counted there.
    pub(super) fn transport<S>(&self, readers: &Slab<Reader<S>>) -> Transport {
        let first = self.seats.first().and_then(|&index| readers.get(index as usize));
        first.map_or(Transport::probe, |reader| reader.transport)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.channel.close_lane(self.worker);
    }
}
