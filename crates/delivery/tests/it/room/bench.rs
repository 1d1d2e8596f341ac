//! A room with one stream, and hands to move it with.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use broker::{Events, Item, NewEvent};
use bytes::Bytes;
use delivery::{
    DeliveryMetrics, DeliveryOptions, Lease, Subscribing, Transport,
    channel::{Channel, LaneLimits},
    room::{Admission, ReaderKey, Room},
};
use event::{Clock, Epoch, Event, Gap, GapReason, Position, Seq, StreamName};
use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::support::{
    clock::FakeClock,
    events::event_numbered,
    socket::{SimSocket, Wire},
};

pub(crate) type Shared = Rc<RefCell<Wire>>;

/// Four thousand events, and some.
const LANE: LaneLimits = LaneLimits { events_max: 4096, bytes_max: 8 << 20 };

/// What a room needs, and the room.
pub(crate) struct Bench {
    pub(crate) clock: FakeClock,
    pub(crate) channel: Arc<Channel>,
    pub(crate) room: Room<SimSocket>,
    pub(crate) epoch: Epoch,
    head: Seq,
    registry: Registry,
}

pub(crate) fn options() -> DeliveryOptions {
    DeliveryOptions {
        workers: 1,
        lag_bytes_max: 10_000,
        lag_max: Duration::from_secs(30),
        heartbeat: Duration::from_secs(3),
        ring_events_max: 1000,
        ring_bytes_max: 1 << 20,
    }
}

impl Bench {
    pub(crate) fn new(options: DeliveryOptions) -> Self {
        let epoch = Epoch::from_bits(7);
        let head = Position::new(epoch, Seq::ZERO);
        let mut registry = Registry::default();
        let metrics = DeliveryMetrics::register(&mut registry);
        Bench {
            clock: FakeClock::new(),
            channel: Arc::new(Channel::new(StreamName::Ops, head, 1, LANE)),
            room: Room::new(0, options, metrics, 1),
            epoch,
            head: Seq::ZERO,
            registry,
        }
    }

    pub(crate) fn at(&self, seq: u64) -> Position {
        Position::new(self.epoch, Seq(seq))
    }

    /// Returns a reader that begins at the head with a socket that takes so many bytes.
    pub(crate) fn newcomer(&self, takes: usize) -> (Shared, Admission<SimSocket>) {
        let wire = Rc::new(RefCell::new(Wire { takes, now: self.clock.mono(), ..Wire::default() }));
        let at = Position::new(self.epoch, self.head);
        let admission = Admission {
            socket: SimSocket(Rc::clone(&wire)),
            transport: Transport::sse,
            preamble: Bytes::new(),
            subscribing: Some(Subscribing {
                lease: Lease::take(&self.channel),
                after: at,
                first: Events::default(),
                first_through: at,
                filter: None,
                permit: None,
                terms: delivery::Terms::default(),
            }),
            web_socket: None,
            expires: None,
            permit: None,
        };
        (wire, admission)
    }

    pub(crate) fn admit(&mut self, admission: Admission<SimSocket>) -> ReaderKey {
        self.room.admit(admission, self.clock.mono())
    }

    /// Admits a reader at the head.
    pub(crate) fn reader(&mut self, takes: usize) -> (Shared, ReaderKey) {
        let (wire, admission) = self.newcomer(takes);
        (wire, self.admit(admission))
    }

    /// Returns the next event of the log.
    pub(crate) fn next_event(&mut self, name: &str, pad: usize) -> Arc<Event> {
        self.head = self.head.next();
        let NewEvent { id, name, json } = event_numbered(self.head.0, name, pad);
        Arc::new(Event::new(Position::new(self.epoch, self.head), id, name, json))
    }

    /// Appends so many events; the room is not told yet.
    pub(crate) fn append(&mut self, count: usize, name: &str, pad: usize) -> Vec<usize> {
        let items: Vec<_> = (0..count).map(|_| Item::Event(self.next_event(name, pad))).collect();
        self.channel.take_in(items, self.clock.mono())
    }

    /// Lets the room look at its lane.
    pub(crate) fn tell(&mut self) {
        self.room.on_channel(&self.channel, self.clock.mono());
    }

    pub(crate) fn publish(&mut self, count: usize, name: &str, pad: usize) {
        self.append(count, name, pad);
        self.tell();
    }

    /// The log goes on after `seq` of another epoch.
    pub(crate) fn lose_from(&mut self, seq: u64) -> Gap {
        self.epoch = Epoch::from_bits(self.epoch.bits() + 1);
        self.head = Seq(seq);
        let resumes_at = self.at(seq);
        let gap = Gap { reason: GapReason::DataLoss, after: None, resumes_at, missed: None };
        self.channel.take_in([Item::Gap(gap.clone())], self.clock.mono());
        gap
    }

    pub(crate) fn tick(&mut self, by: Duration) {
        self.clock.advance(by);
        self.room.on_deadline(self.clock.mono());
        self.room.on_tick(self.clock.mono());
    }

    /// Lets a socket take more, and reports it where a poller would.
    pub(crate) fn writable(&mut self, wire: &Shared, key: ReaderKey, takes: usize) {
        wire.borrow_mut().takes = takes;
        let edge = wire.borrow_mut().full_since.take().is_some();
        if edge {
            self.room.on_writable(key, self.clock.mono());
        }
    }

    /// Returns one line of the metrics' text.
    pub(crate) fn metric(&self, line_begins: &str) -> Option<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes it");
        let line = text.lines().find_map(|line| line.strip_prefix(line_begins))?;
        Some(line.trim().to_owned())
    }
}

/// Returns what the client has been sent since it last looked.
pub(crate) fn text(wire: &Shared) -> String {
    let bytes = std::mem::take(&mut wire.borrow_mut().written);
    String::from_utf8(bytes).expect("an event stream is UTF-8")
}

/// Returns the numbers of the events in a text.
pub(crate) fn numbers(text: &str) -> Vec<u64> {
    let data = text.lines().filter_map(|line| line.strip_prefix(r#"data: {"n":"#));
    data.map(|rest| rest.split(',').next().and_then(|n| n.parse().ok()).expect("a number"))
        .collect()
}
