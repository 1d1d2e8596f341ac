//! One worker's readers as a state machine without IO of its own: sockets, time and pages come in,
//! writes and wishes go out. A simulation drives the same code as a thread with `epoll`.
//!
//! Invariants: a reader's `through` only grows, except over a gap that it was told of; what is
//! written to it is, in order, all events after `through` that its filter wants; an event that is
//! not the next one makes the log be read, never a hole.

mod catch_up;
mod flush;
mod leave;
mod reader;
mod ring;
pub mod socket;
mod table;

use std::{
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

use event::{MonoMs, Position, StreamName};
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use rand::{SeedableRng, rngs::SmallRng};
use slab::Slab;

pub use self::{catch_up::Fetched, leave::Departure, reader::Admission};
use self::{leave::Deadline, reader::Reader, socket::Sink, table::Table};
use crate::{DeliveryMetrics, DeliveryOptions, EndCause, Transport, channel::Channel};

/// Names a reader of a room; one that has left is not mistaken for its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReaderKey {
    index: u32,
    generation: u32,
}

impl ReaderKey {
    /// Returns the key as one number, for a poller's token.
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// Returns the key with this number.
    pub const fn from_bits(bits: u64) -> Self {
        ReaderKey { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// What a room wants from its surroundings.
#[derive(Debug)]
pub enum Wish {
    /// Read a page after this place, and hand it to [`Room::on_page`].
    Fetch {
        /// For whom.
        reader: ReaderKey,
        /// Of which stream.
        stream: StreamName,
        /// After which place.
        after: Position,
    },
}

/// One worker's readers.
pub struct Room<S> {
    worker: usize,
    options: DeliveryOptions,
    metrics: DeliveryMetrics,
    /// What a round counts, by transport.
    counts: [(Counter, Histogram); 3],
    readers: Slab<Reader<S>>,
    tables: Slab<Table>,
    table_of: HashMap<StreamName, usize>,
    wheel: Vec<Vec<ReaderKey>>,
    wheel_at: u64,
    deadlines: BinaryHeap<Deadline>,
    wishes: Vec<Wish>,
    /// Readers whose page could not be had; they ask again at the next tick.
    waiting: Vec<ReaderKey>,
    /// Readers that had their turn and would take more.
    unfinished: Vec<ReaderKey>,
    generation: u32,
    draining: Option<(MonoMs, Duration)>,
    rng: SmallRng,
}

impl<S: Sink> Room<S> {
    /// Returns an empty room; the seed decides who leaves when.
    pub fn new(
        worker: usize,
        options: DeliveryOptions,
        metrics: DeliveryMetrics,
        seed: u64,
    ) -> Self {
        let slots = options.heartbeat.as_secs().max(1) as usize;
        let families = |transport| (metrics.deliveries(transport), metrics.latency(transport));
        Room {
            worker,
            options,
            counts: [Transport::sse, Transport::websocket, Transport::probe].map(families),
            metrics,
            readers: Slab::new(),
            tables: Slab::new(),
            table_of: HashMap::new(),
            wheel: vec![Vec::new(); slots],
            wheel_at: 0,
            deadlines: BinaryHeap::new(),
            wishes: Vec::new(),
            waiting: Vec::new(),
            unfinished: Vec::new(),
            generation: 0,
            draining: None,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// Returns how many readers there are.
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Returns a reader's socket, to be registered with a poller.
    pub fn socket_mut(&mut self, key: ReaderKey) -> Option<&mut S> {
        self.reader(key)?;
        Some(&mut self.readers[key.index as usize].socket)
    }

    /// Takes the wishes that have come up.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// Begins to serve a reader: what is at hand is written at once.
    pub fn admit(&mut self, admission: Admission<S>, now: MonoMs) -> ReaderKey {
        let transport = admission.transport;
        let table = self.table(&admission.lease.channel().clone());
        self.generation = self.generation.wrapping_add(1);
        let expires = admission.expires;
        let entry = self.readers.vacant_entry();
        let key = ReaderKey { index: entry.key() as u32, generation: self.generation };
        let place = self.tables[table].sit(key.index);
        let behind_from = self.tables[table].ring.total();
        entry.insert(Reader::new(admission, key, table, place, behind_from));
        self.metrics.opened(transport);
        let slot = (u64::from(key.generation) + self.wheel_at) as usize % self.wheel.len();
        self.wheel[slot].push(key);
        if let Some(at) = expires {
            self.deadlines.push(Deadline::new(at, key, Departure::TokenExpired));
        }
        if let Some((began, over)) = self.draining {
            self.schedule_departure(key, began, over);
        }
        self.serve(key, now);
        key
    }

    /// Takes in what a stream's pump has left for this worker, and writes it to who is ready.
    pub fn on_channel(&mut self, channel: &Arc<Channel>, now: MonoMs) {
        let look = channel.look(self.worker);
        let Some(&table) = self.table_of.get(channel.stream()) else { return };
        if !Arc::ptr_eq(self.tables[table].channel(), channel) {
            return;
        }
        let oldest = look.arrivals.front().map(|arrival| arrival.at);
        self.tables[table].take_in(look, &self.options);
        let delivered = self.serve_table(table, now);
        if let (Some(oldest), true) = (oldest, delivered) {
            let transport = self.tables[table].transport(&self.readers);
            self.counts[transport as usize].1.observe(now.since(oldest).as_secs_f64());
        }
    }

    /// Goes on with a reader whose socket takes bytes again.
    pub fn on_writable(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        reader.blocked_since = None;
        self.serve(key, now);
    }

    /// Looks at what a reader sent: an event stream has nothing to say but its end.
    pub fn on_readable(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        if reader.drain_input().is_err() {
            self.remove(key, EndCause::Client);
        } else {
            self.serve(key, now);
        }
    }

    /// Lets go of a reader whose connection turned out to be of no use.
    pub fn on_lost(&mut self, key: ReaderKey) {
        self.remove(key, EndCause::Client);
    }

    /// Returns whether a reader would take more at once.
    pub fn is_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Gives those who would take more another turn.
    pub fn go_on(&mut self, now: MonoMs) {
        for key in std::mem::take(&mut self.unfinished) {
            self.serve(key, now);
        }
    }

    /// Does what is due each second: heartbeats, lag, departures, pages asked for again.
    pub fn on_tick(&mut self, now: MonoMs) {
        for key in std::mem::take(&mut self.waiting) {
            if let Some(reader) = self.reader_mut(key) {
                reader.fetching = false;
                self.serve(key, now);
            }
        }
        self.close_the_lagging(now);
        for table in self.tables.iter_mut().map(|(_, table)| table) {
            table.forget_before(now.minus(self.options.lag_max));
        }
        self.beat(now);
    }

    fn beat(&mut self, now: MonoMs) {
        self.wheel_at += 1;
        let slot = self.wheel_at as usize % self.wheel.len();
        let mut keys = std::mem::take(&mut self.wheel[slot]);
        keys.retain(|&key| self.reader(key).is_some());
        for &key in &keys {
            self.heartbeat(key, now);
        }
        // A heartbeat that failed removed its reader; the next turn of the wheel forgets the key.
        self.wheel[slot] = keys;
    }

    fn serve_table(&mut self, table: usize, now: MonoMs) -> bool {
        let mut delivered = false;
        let mut seat = 0;
        while let Some(index) = self.tables[table].seats().get(seat).copied() {
            let key = self.readers[index as usize].key;
            delivered |= self.serve(key, now);
            // A reader that was removed left its seat to the last one.
            if self.tables.get(table).and_then(|t| t.seats().get(seat)) == Some(&index) {
                seat += 1;
            }
            if !self.tables.contains(table) {
                break;
            }
        }
        delivered
    }

    fn reader(&self, key: ReaderKey) -> Option<&Reader<S>> {
        self.readers.get(key.index as usize).filter(|reader| reader.key == key)
    }

    fn reader_mut(&mut self, key: ReaderKey) -> Option<&mut Reader<S>> {
        self.readers.get_mut(key.index as usize).filter(|reader| reader.key == key)
    }

    fn table(&mut self, channel: &Arc<Channel>) -> usize {
        if let Some(&table) = self.table_of.get(channel.stream())
            && Arc::ptr_eq(self.tables[table].channel(), channel)
        {
            return table;
        }
        let after = channel.open_lane(self.worker);
        let table = self.tables.insert(Table::new(Arc::clone(channel), after));
        self.table_of.insert(channel.stream().clone(), table);
        table
    }

    fn remove(&mut self, key: ReaderKey, cause: EndCause) {
        let Some(reader) = self.reader(key) else { return };
        let (table, seat, transport) = (reader.table, reader.seat, reader.transport);
        if let Some(moved) = self.tables[table].rise(seat) {
            self.readers[moved as usize].seat = seat;
        }
        self.readers.remove(key.index as usize);
        self.metrics.ended(transport, cause);
        if self.tables[table].seats().is_empty() {
            let table_key = table;
            let table = self.tables.remove(table_key);
            table.channel().close_lane(self.worker);
            if self.table_of.get(table.channel().stream()) == Some(&table_key) {
                self.table_of.remove(table.channel().stream());
            }
        }
    }
}
