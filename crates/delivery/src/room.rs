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
#[cfg(feature = "inject")]
mod inject;
mod key;
mod leave;
mod reader;
mod ring;
mod rounds;
mod run;
pub mod socket;
mod subscription;
mod table;
mod web;

use std::{
    cell::RefCell,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

use event::{MonoMs, Position, StreamName};
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use rand::{SeedableRng, rngs::SmallRng};
use slab::Slab;

pub(crate) use self::web::CLOSE_MAX;
pub use self::{
    catch_up::Fetched,
    holdings::Holdings,
    key::ReaderKey,
    leave::Departure,
    reader::Admission,
    rounds::Round,
    subscription::{Subscribing, SubscriptionId},
};
use self::{
    leave::Deadline,
    reader::Reader,
    run::Runs,
    socket::Sink,
    subscription::Subscription,
    table::{Seat, Table},
};
use crate::{
    DeliveryMetrics, DeliveryOptions, EndCause, Transport,
    channel::Channel,
    session::{ClientMessage, Session},
    ws::{Deflater, Inflater},
};

/// How much of what a client sent is read at a time.
const INPUT_BYTES: usize = 16 << 10;

/// What a room wants from its surroundings.
#[derive(Debug)]
pub enum Wish {
    /// Read a page after this place, and hand it to [`Room::on_page`].
    Fetch {
        /// For whom.
        reader: ReaderKey,
        /// For which of its subscriptions.
        subscription: SubscriptionId,
        /// Of which stream.
        stream: StreamName,
        /// After which place.
        after: Position,
    },
    /// Hand what a client sent to its session, and its answers to [`Room::on_reply`].
    Converse {
        /// From whom.
        reader: ReaderKey,
        /// To whom.
        session: Arc<dyn Session>,
        /// What it sent, in order; at least one message.
        messages: Vec<ClientMessage>,
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
    waiting: Vec<(ReaderKey, SubscriptionId)>,
    /// Readers that had their turn and would take or send more.
    unfinished: Vec<ReaderKey>,
    generation: u32,
    draining: Option<(MonoMs, Duration)>,
    rng: SmallRng,
    deflater: RefCell<Deflater>,
    /// Stretches of logs that several readers may come for.
    runs: Runs,
    inflater: Inflater,
    #[cfg(feature = "inject")]
    faults: crate::inject::Faults,
    #[cfg(feature = "inject")]
    cuts: crate::inject::Cuts,
    /// Where clients' bytes are read into.
    input: Box<[u8]>,
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
            deflater: RefCell::default(),
            runs: Runs::default(),
            inflater: Inflater::default(),
            #[cfg(feature = "inject")]
            faults: crate::inject::Faults::default(),
            #[cfg(feature = "inject")]
            cuts: crate::inject::Cuts::default(),
            input: vec![0; INPUT_BYTES].into(),
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
        self.generation = self.generation.wrapping_add(1);
        let entry = self.readers.vacant_entry();
        let key = ReaderKey { index: entry.key() as u32, generation: self.generation };
        let (reader, subscribing) = Reader::new(admission, key);
        let expires = reader.expires;
        self.metrics.opened(reader.transport);
        entry.insert(reader);
        let is_lost = subscribing.as_ref().is_some_and(|it| it.terms.are_broken());
        if let Some(subscribing) = subscribing {
            self.seat(key, subscribing, SubscriptionId::FIRST);
        }
        let slot = (u64::from(key.generation) + self.wheel_at) as usize % self.wheel.len();
        self.wheel[slot].push(key);
        if let Some(at) = expires {
            self.schedule(Deadline::new(at, key, Departure::TokenExpired));
        }
        if let Some((began, over)) = self.draining {
            self.schedule_departure(key, began, over);
        }
        if is_lost {
            self.revoke(key, now);
        }
        self.serve(key, now);
        self.read_on(key, now);
        key
    }

    /// Goes on with a reader whose socket takes bytes again.
    pub fn on_writable(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        reader.blocked_since = None;
        self.serve(key, now);
        self.read_on(key, now);
    }

    /// Looks at what a reader sent: an event stream has nothing to say but its end.
    pub fn on_readable(&mut self, key: ReaderKey, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        if reader.web.is_some() {
            self.read_web(key, now);
        } else if reader.drain_input().is_err() {
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
        #[cfg(feature = "inject")]
        self.tables[table].inject(&self.faults);
        self.table_of.insert(channel.stream().clone(), table);
        table
    }

    /// Gives a reader a place in a stream.
    fn seat(&mut self, key: ReaderKey, subscribing: Subscribing, id: SubscriptionId) {
        let table = self.table(&subscribing.lease.channel().clone());
        let reader = &mut self.readers[key.index as usize];
        let subscription = reader.subscriptions.len() as u32;
        let seat = self.tables[table].sit(Seat { reader: key.index, subscription });
        let mark = self.tables[table].ring.mark();
        let at = (table as u32, seat);
        reader.subscriptions.push(Subscription::new(subscribing, id, at, mark));
    }

    /// Takes one of a reader's places away.
    fn unseat(&mut self, key: ReaderKey, index: usize) {
        let reader = &mut self.readers[key.index as usize];
        let gone = reader.subscriptions.swap_remove(index);
        if let Some(moved) = reader.subscriptions.get(index) {
            self.tables[moved.table as usize].renumber(moved.seat, index as u32);
        }
        let table = gone.table as usize;
        if let Some(Seat { reader, subscription }) = self.tables[table].rise(gone.seat) {
            let moved = &mut self.readers[reader as usize].subscriptions[subscription as usize];
            moved.seat = gone.seat;
        }
        if self.tables[table].seats().is_empty() {
            let stream = self.tables.remove(table).channel().stream().clone();
            if self.table_of.get(&stream) == Some(&table) {
                self.table_of.remove(&stream);
            }
        }
    }

    /// Takes all of a reader's places away.
    fn unseat_all(&mut self, key: ReaderKey) {
        let Some(reader) = self.reader(key) else { return };
        for index in (0..reader.subscriptions.len()).rev() {
            self.unseat(key, index);
        }
    }

    /// Lets go of a reader; one that was told a cause ends for that.
    fn remove(&mut self, key: ReaderKey, cause: EndCause) {
        self.unseat_all(key);
        let Some(reader) = self.reader(key) else { return };
        let (transport, cause) = (reader.transport, reader.leaving.unwrap_or(cause));
        self.readers.remove(key.index as usize);
        self.metrics.ended(transport, cause);
    }
}
