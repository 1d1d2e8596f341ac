//! One worker's readers as a state machine without IO of its own: sockets, time and pages come in,
//! writes and wishes go out. A simulation drives the same code as a thread with `epoll`.
//!
//! Invariants: a reader's `through` only grows, except over a gap that it was told of; what is
//! written to it is, in order, all events after `through` that its filter wants; an event that is
//! not the next one makes the log be read, never a hole.

mod catch_up;
mod flush;
mod gathered;
mod holdings;
mod key;
mod leave;
mod reader;
mod ring;
mod rounds;
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

pub use self::{
    catch_up::Fetched, holdings::Holdings, key::ReaderKey, leave::Departure, reader::Admission,
    rounds::Round,
};
use self::{leave::Deadline, reader::Reader, socket::Sink, table::Table};
use crate::{DeliveryMetrics, DeliveryOptions, EndCause, Transport, channel::Channel};

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
        let mark = self.tables[table].ring.mark();
        entry.insert(Reader::new(admission, key, table, place, mark));
        self.metrics.opened(transport);
        let slot = (u64::from(key.generation) + self.wheel_at) as usize % self.wheel.len();
        self.wheel[slot].push(key);
        if let Some(at) = expires {
            self.schedule(Deadline::new(at, key, Departure::TokenExpired));
        }
        if let Some((began, over)) = self.draining {
            self.schedule_departure(key, began, over);
        }
        self.serve(key, now);
        key
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
        let table = self.tables.insert(Table::open(Arc::clone(channel), self.worker));
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
            let stream = self.tables.remove(table).channel().stream().clone();
            if self.table_of.get(&stream) == Some(&table) {
                self.table_of.remove(&stream);
            }
        }
    }
}
