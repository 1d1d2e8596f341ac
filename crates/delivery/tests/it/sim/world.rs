//! The world around two rooms: the backend, the pumps, the letters under way, the clock.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use broker::{
    Attachment, Broker, MemoryBroker,
    memory::{EpochSource, log::WindowLimits},
};
use delivery::{
    DeliveryMetrics, DeliveryOptions,
    channel::{Channel, LaneLimits},
    room::{Admission, Fetched, ReaderKey, Room, SubscriptionId, Wish},
    session::Reply,
};
use event::{After, Clock, MonoMs, Position, StreamName};
use futures_util::FutureExt;
use prometheus_client::registry::Registry;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{Totals, client::Client, talk::MESSAGE_BYTES_MAX, truth::Truth};
use crate::support::{
    clock::{FakeClock, SeededEpochs},
    socket::SimSocket,
};

pub(crate) const ROOMS: usize = 2;
const STREAMS: usize = 2;
const TICK: Duration = Duration::from_secs(1);

/// Wire forms of an event.
const FRAMINGS: usize = 3;

/// What the longest frame of an event here has beyond what the ring counts for it.
const FRAME_BYTES_MORE: usize = 40;

/// A stream: its truth, its channel, its pump.
pub(crate) struct Stream {
    pub(crate) truth: Truth,
    pub(crate) channel: Arc<Channel>,
    pump: Option<Attachment>,
    pump_at: Position,
    /// For each room, events that wait in its lane.
    waiting: [usize; ROOMS],
}

/// Everything.
pub(crate) struct World {
    pub(crate) rng: SmallRng,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) epochs: SeededEpochs,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) options: DeliveryOptions,
    pub(crate) lane_events_max: usize,
    pub(crate) streams: Vec<Stream>,
    pub(crate) rooms: Vec<Room<SimSocket>>,
    pub(crate) clients: Vec<Client>,
    /// Readers that are attached and wait for their worker, with their client.
    pub(crate) coming: Vec<(Client, Admission<SimSocket>)>,
    pub(crate) cursors: Vec<(usize, Position)>,
    pub(crate) tells: Vec<(usize, usize)>,
    pub(crate) wishes: Vec<(usize, Wish)>,
    /// What sessions have answered.
    pub(crate) answers: VecDeque<(usize, ReaderKey, Reply)>,
    pub(crate) pages: Vec<(usize, (ReaderKey, SubscriptionId), Fetched)>,
    pub(crate) next_number: u64,
    pub(crate) next_subscription: u32,
    pub(crate) draining: bool,
    pub(crate) totals: Totals,
    next_tick: MonoMs,
    trace: DefaultHasher,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let clock = Arc::new(FakeClock::new());
        let window = WindowLimits {
            events_max: rng.random_range(4..120),
            age_max: Duration::from_secs(rng.random_range(5..40)),
        };
        let broker = Arc::new(MemoryBroker::new(window, clock.clone()));
        let epochs = SeededEpochs::new(seed);
        let options = options(&mut rng);
        let lane_events_max = rng.random_range(3..120);
        let limits = LaneLimits { events_max: lane_events_max, bytes_max: 200_000 };
        let streams = (0..STREAMS).map(|number| {
            let name = StreamName::thread(&number.to_string()).expect("a short key");
            let truth =
                Truth::new(name.clone(), broker.clone(), clock.clone(), window, epochs.draw());
            let head = truth.head();
            let channel = Arc::new(Channel::new(name, head, ROOMS, limits));
            Stream { truth, channel, pump: None, pump_at: head, waiting: [0; ROOMS] }
        });
        let streams = streams.collect();
        let metrics = DeliveryMetrics::register(&mut Registry::default());
        let room = |number| Room::new(number, options, metrics.clone(), seed);
        World {
            rng,
            epochs,
            broker,
            options,
            lane_events_max,
            streams,
            rooms: (0..ROOMS).map(room).collect(),
            clients: Vec::new(),
            coming: Vec::new(),
            cursors: Vec::new(),
            tells: Vec::new(),
            wishes: Vec::new(),
            pages: Vec::new(),
            answers: VecDeque::new(),
            next_number: 1,
            next_subscription: 0,
            draining: false,
            totals: Totals::default(),
            next_tick: clock.mono().plus(TICK),
            trace: DefaultHasher::new(),
            clock,
        }
    }

    pub(crate) fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.trace);
    }

    pub(crate) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// Lets a stream's pump take what its log has, and leave it in the lanes.
    pub(crate) fn pump(&mut self, stream: usize) {
        let at = self.clock.mono();
        let Stream { channel, pump, pump_at, waiting, truth, .. } = &mut self.streams[stream];
        let mut log = pump.take().unwrap_or_else(|| {
            let attached = self.broker.attach(&truth.stream, &After::At(*pump_at)).now_or_never();
            let (opening, log) = attached.expect("memory does not wait").expect("it answers");
            if let Some(gap) = opening.gap {
                let to_tell = channel.restart(gap.resumes_at);
                self.tells.extend(to_tell.into_iter().map(|room| (room, stream)));
                self.totals.restarts += 1;
            }
            log
        });
        let mut items = Vec::new();
        let more = log.next_ready(&mut items).now_or_never();
        *pump_at = log.at();
        if !matches!(more, Some(Ok(false))) {
            *pump = Some(log);
        }
        let arrived = items.len();
        let to_tell = channel.take_in(items, at);
        self.tells.extend(to_tell.into_iter().map(|room| (room, stream)));
        for (room, waiting) in waiting.iter_mut().enumerate() {
            let follows = |c: &Client| c.follows().iter().any(|follow| follow.stream == stream);
            let is_open = self.clients.iter().any(|c| c.room == room && follows(c));
            *waiting = if is_open { *waiting + arrived } else { 0 };
            self.totals.lane_overflows += usize::from(*waiting > self.lane_events_max);
        }
    }

    /// Makes the rings begin anew where the pump is, as after a gap.
    pub(crate) fn restart_channel(&mut self, stream: usize) {
        let Stream { channel, pump_at, waiting, .. } = &mut self.streams[stream];
        let to_tell = channel.restart(*pump_at);
        *waiting = [0; ROOMS];
        self.tells.extend(to_tell.into_iter().map(|room| (room, stream)));
        self.totals.restarts += 1;
    }

    /// Lets a room look at a channel that it was told of.
    pub(crate) fn tell(&mut self, tell: usize) {
        let (room, stream) = self.tells.swap_remove(tell);
        let arrived = std::mem::take(&mut self.streams[stream].waiting[room]);
        let expected = self.rooms[room].holdings().ring_events + arrived;
        let now = self.clock.mono();
        self.rooms[room].on_channel(&self.streams[stream].channel, now);
        let is_over = self.rooms[room].holdings().ring_events < expected;
        self.totals.ring_overflows += usize::from(is_over && arrived <= self.lane_events_max);
        self.turn(room);
    }

    /// Does what a worker does at the end of each turn.
    pub(crate) fn turn(&mut self, room: usize) {
        let now = self.clock.mono();
        self.rooms[room].go_on(now);
        self.rooms[room].on_deadline(now);
        let wishes = self.rooms[room].take_wishes();
        for wish in &wishes {
            if let Wish::Converse { reader, .. } = wish {
                self.note_batch(room, *reader);
            }
        }
        self.wishes.extend(wishes.into_iter().map(|wish| (room, wish)));
        self.look();
    }

    /// Moves the clock; a tick that is due happens.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        let now = self.clock.mono();
        let ticks = now >= self.next_tick;
        for index in 0..self.clients.len() {
            let lags = ticks && self.lags(&self.clients[index]);
            let client = &mut self.clients[index];
            client.wire.borrow_mut().now = now;
            client.was_lagging |= lags;
            client.was_expired |= client.expires.is_some_and(|at| at <= now);
        }
        for room in 0..ROOMS {
            if ticks {
                self.next_tick = now.plus(TICK);
                self.rooms[room].on_tick(now);
            }
            self.turn(room);
        }
    }

    /// Reads what came out, and asserts that the rooms keep to their limits.
    fn look(&mut self) {
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            let bytes = client.look(&self.streams, &mut self.totals);
            self.note((index, bytes));
        }
        self.bury();
        for room in &self.rooms {
            let held = room.holdings();
            let (tables, readers) = (held.tables, held.readers);
            let places: usize = self.streams.iter().map(|s| s.channel.readers()).sum();
            let most = MESSAGE_BYTES_MAX + (64 << 10) + (16 << 10) + 6000;
            assert!(held.web_bytes <= readers * most, "{held:?}");
            assert!(held.ring_events <= tables * self.options.ring_events_max, "{held:?}");
            assert!(held.ring_bytes <= tables as u64 * self.options.ring_bytes_max, "{held:?}");
            let framed = held.ring_bytes as usize + held.ring_events * FRAME_BYTES_MORE;
            assert!(held.frame_bytes <= FRAMINGS * framed, "{held:?}");
            assert!(held.runs <= Room::<SimSocket>::RUNS_MAX, "{held:?}");
            assert!(held.page_events <= places * 21, "{held:?}");
            // Keys of readers that have left are forgotten at their next turn.
            assert!(held.turns <= readers + places + self.totals.admitted, "{held:?}");
            assert!(held.deadlines <= 4 * readers + 64, "{held:?}");
            assert!(tables <= STREAMS.min(places), "{held:?}");
        }
    }
}

fn options(rng: &mut SmallRng) -> DeliveryOptions {
    let big = rng.random_bool(0.3);
    DeliveryOptions {
        workers: ROOMS,
        lag_bytes_max: rng.random_range(1_000..30_000),
        lag_max: Duration::from_secs(rng.random_range(2..8)),
        heartbeat: Duration::from_secs(rng.random_range(1..5)),
        ring_events_max: rng.random_range(1..if big { 120 } else { 16 }),
        ring_bytes_max: rng.random_range(100..if big { 60_000 } else { 6_000 }),
    }
}
