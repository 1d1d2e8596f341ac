//! The load: readers, publishers and members of chat, each with an account of what it was given.
//!
//! Owns: who the clients are, what they send, what they have to be given, and the verdict over all of it.
//! Everything goes through the router, which decides what goes where. Memory is bounded by the number of
//! clients. Must not know: which server it is, or what is being done to it.

mod chat;
mod facts;
mod keys;
mod ledger;
mod probe;
mod reader;
mod record;
mod seat;
mod sender;
mod stamp;
mod wire;

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use self::{
    facts::Facts,
    probe::Pairs,
    seat::{Seat, SeatState, millis},
    sender::{Lane, Sender, Traffic},
    stamp::RunName,
    wire::{Target, Transport, Way},
};
pub use self::{
    keys::{Crowd, Keys},
    ledger::{ArmCounts, ChatLedger, Ledger, Pair, Shortfall, Verdict},
};
use crate::http::Http;

/// How long readers may take to have a stream each.
const OPEN_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long is listened on when everything has come: something may come again.
const LISTEN_ON: Duration = Duration::from_millis(300);

/// What the load is.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// Where clients come to.
    pub router: SocketAddr,
    /// Who they are; the replicas have to be given [`Keys::setting`].
    pub keys: Keys,
    /// Events a second, of all publishers together.
    pub events_per_second: f64,
    /// After how many events, and messages, one is sent once more under its key; 0 for never.
    pub repeat_every: u64,
    /// Chat, where the replicas serve it.
    pub chat: Option<ChatLoad>,
    /// Pairs of measurements a second; 0 for none.
    pub pairs_per_second: f64,
    /// What is asked for in a measurement.
    pub probe_path: String,
}

/// What members of chat do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChatLoad {
    /// How many threads there are; everybody is a member of each.
    pub threads: usize,
    /// Messages a second, of all members together.
    pub messages_per_second: f64,
}

/// A load that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Readers could not open their streams.
    #[error("{open} of {of} readers have a stream after {} s: {why}", OPEN_MAX.as_secs())]
    NotOpen {
        /// How many could.
        open: usize,
        /// How many there are.
        of: usize,
        /// What one of the others was told.
        why: String,
    },
    /// Chat's threads could not be made.
    #[error("no thread can be made: {0}; chat needs a server that has it, and a database")]
    Chat(String),
    /// Settings that make no load.
    #[error("{0}")]
    Settings(String),
}

/// Whether something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    Quiet,
    Over,
}

/// A load that goes on. Dropping it ends it at once.
pub struct Load {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    threads: Vec<String>,
    key: String,
    tasks: JoinSet<()>,
}

/// What all clients share.
#[derive(Debug)]
struct Shared {
    router: SocketAddr,
    http: Http,
    run: RunName,
    began: Instant,
    seats: Vec<Seat>,
    facts: Mutex<Facts>,
    traffic: Mutex<Traffic>,
    pairs: Pairs,
}

impl LoadSettings {
    /// Returns a load without chat: ten events a second, every fifth once more, ten pairs a second.
    pub fn new(router: SocketAddr, keys: Keys) -> Self {
        LoadSettings {
            router,
            keys,
            events_per_second: 10.0,
            repeat_every: 5,
            chat: None,
            pairs_per_second: 10.0,
            probe_path: "/api/events?limit=1".to_owned(),
        }
    }

    fn check(&self) -> Result<(), LoadError> {
        let rates = [Some(self.events_per_second), Some(self.pairs_per_second)];
        let rates = rates.into_iter().chain([self.chat.map(|chat| chat.messages_per_second)]);
        if rates.flatten().any(|rate| !(rate.is_finite() && (0.0..=100_000.0).contains(&rate))) {
            return Err(LoadError::Settings(
                "a rate is a number from 0 to 100,000 a second".into(),
            ));
        }
        Ok(())
    }
}

impl Load {
    /// Makes the threads, opens a stream for every reader, and then begins to send.
    ///
    /// # Errors
    /// Fails where not every reader has a stream in time, and where chat's threads can't be made.
    pub async fn start(settings: LoadSettings) -> Result<Self, LoadError> {
        settings.check()?;
        let (http, router) = (Http::new(), settings.router);
        let threads = match settings.chat {
            Some(chat) => chat::make(&http, router, &settings.keys.members, chat.threads).await?,
            None => Vec::new(),
        };
        let (streams, senders) = senders(&settings, &threads);
        let shared = Arc::new(Shared {
            router,
            http,
            run: RunName::draw(),
            began: Instant::now(),
            seats: seats(&settings, &threads),
            facts: Mutex::new(Facts::new(streams)),
            traffic: Mutex::default(),
            pairs: Pairs::default(),
        });
        let phase = watch::Sender::new(Phase::Quiet);
        let mut tasks = JoinSet::new();
        for index in 0..shared.seats.len() {
            tasks.spawn(reader::read(Arc::clone(&shared), index));
        }
        shared.wait_until_open().await?;
        for sender in senders {
            tasks.spawn(sender.run(Arc::clone(&shared), phase.subscribe()));
        }
        if settings.pairs_per_second > 0.0 {
            let every = Duration::from_secs_f64(1.0 / settings.pairs_per_second);
            let keys = settings.keys.probes.clone();
            tasks.spawn(probe::measure(Arc::clone(&shared), keys, settings.probe_path, every));
        }
        phase.send_replace(Phase::Sending);
        let key = settings.keys.any().to_owned();
        Ok(Load { shared, phase, threads, key, tasks })
    }

    /// Returns what clients saw until now.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// Takes the pairs of measurements since the last call.
    pub fn pairs(&self) -> Vec<Pair> {
        self.shared.pairs.take()
    }

    /// Stops sending for a while, waits until every reader has had every acknowledged event, says who
    /// lacks what, and goes on. Takes a little longer than `within` where something does not come.
    pub async fn settle(&self, within: Duration) -> Verdict {
        let verdict = self.account(within).await;
        self.phase.send_replace(Phase::Sending);
        verdict
    }

    /// As [`Load::settle`], and ends the load.
    pub async fn finish(mut self, within: Duration) -> Verdict {
        let verdict = self.account(within).await;
        self.phase.send_replace(Phase::Over);
        self.tasks.shutdown().await;
        verdict
    }

    async fn account(&self, within: Duration) -> Verdict {
        self.phase.send_replace(Phase::Quiet);
        let began = Instant::now();
        while !self.shared.is_settled() && began.elapsed() < within {
            sleep(LOOK_EVERY).await;
        }
        let waited_ms = millis(began.elapsed());
        sleep(LISTEN_ON).await;
        let chat = match self.threads.as_slice() {
            [] => None,
            threads => Some(chat::read_back(&self.shared, threads, &self.key).await),
        };
        let mut ledger = self.shared.ledger();
        let shortfalls = self.shared.shortfalls(&mut ledger);
        Verdict::of(ledger, shortfalls, chat, waited_ms)
    }
}

impl fmt::Debug for Load {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = self.shared.seats.len();
        f.debug_struct("Load").field("readers", &readers).finish_non_exhaustive()
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        millis(self.began.elapsed())
    }

    async fn wait_until_open(&self) -> Result<(), LoadError> {
        let until = Instant::now() + OPEN_MAX;
        loop {
            let waiting = self.seats.iter().filter(|seat| !seat.state.lock().has_begun);
            let waiting: Vec<_> = waiting.collect();
            let Some(one) = waiting.first() else { return Ok(()) };
            if Instant::now() > until {
                let why = one.state.lock().last_trouble.clone();
                let why = why.unwrap_or_else(|| "no answer yet".to_owned());
                let of = self.seats.len();
                return Err(LoadError::NotOpen { open: of - waiting.len(), of, why });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let now_ms = self.now_ms();
        for seat in &self.seats {
            seat.state.lock().add_to(&mut ledger, now_ms);
        }
        {
            let facts = self.facts.lock();
            ledger.double_effects = facts.double_effects;
            ledger.acknowledged = facts.acknowledged();
            ledger.under_way = facts.under_way();
        }
        let traffic = self.traffic.lock().clone();
        ledger.requests = traffic.requests;
        ledger.failures = traffic.failures;
        ledger.unexpected = traffic.unexpected;
        ledger.last_unexpected = traffic.last_unexpected;
        ledger.pairs_dropped = self.pairs.dropped();
        ledger
    }

    /// Returns whether everything was acknowledged and has come to everybody.
    fn is_settled(&self) -> bool {
        if self.facts.lock().under_way() > 0 {
            return false;
        }
        let lacks = |seat: &Seat| {
            let state = seat.state.lock();
            state.record.lacks(&self.facts.lock(), seat.stream).count > 0
        };
        !self.seats.iter().any(lacks)
    }

    /// Returns who lacks what. What was lost at a stream's end left no hole, and is counted now.
    fn shortfalls(&self, ledger: &mut Ledger) -> Vec<Shortfall> {
        let mut found = Vec::new();
        for seat in &self.seats {
            let state = seat.state.lock();
            let lack = state.record.lacks(&self.facts.lock(), seat.stream);
            if lack.count > 0 {
                let untold = lack.count - lack.told.min(lack.count);
                ledger.lost += untold.saturating_sub(state.record.counts.lost);
                found.push(Shortfall {
                    reader: seat.name.clone(),
                    lacks: lack.count,
                    told: lack.told,
                    first: lack.first.iter().map(|it| format!("{}/{}", it.lane, it.n)).collect(),
                });
            }
        }
        found
    }
}

/// Returns the seats: readers of the organisation's events, and every member in one thread.
fn seats(settings: &LoadSettings, threads: &[String]) -> Vec<Seat> {
    let seat = |name: String, key: &String, transport, target, stream| Seat {
        name,
        way: Way { router: settings.router, key: key.clone(), transport, target },
        stream,
        state: Mutex::new(SeatState::default()),
    };
    let readers = settings.keys.readers.iter().enumerate().map(|(index, key)| {
        let (word, transport) = match index % 2 {
            0 => ("sse", Transport::Sse),
            _ => ("websocket", Transport::WebSocket),
        };
        seat(format!("reader-{index} ({word})"), key, transport, Target::Events, 0)
    });
    let members = settings.keys.members.iter().enumerate();
    let members = members.filter(|_| !threads.is_empty()).map(|(index, key)| {
        let thread = index % threads.len();
        let name = format!("{} (thread {thread})", keys::member_name(index));
        let target = Target::Thread(threads[thread].clone());
        seat(name, key, Transport::Sse, target, thread + 1)
    });
    readers.chain(members).collect()
}

/// Returns to which stream each lane goes, and who sends. Stream 0 is the organisation's, the threads
/// follow.
fn senders(settings: &LoadSettings, threads: &[String]) -> (Vec<usize>, Vec<Sender>) {
    let (mut streams, mut senders) = (Vec::new(), Vec::new());
    let mut lane = |stream: usize, thread: Option<&String>| {
        let number = u32::try_from(streams.len()).unwrap_or(u32::MAX);
        streams.push(stream);
        Lane { number, thread: thread.cloned() }
    };
    let repeat_every = settings.repeat_every;
    let publishers = &settings.keys.publishers;
    if let Some(every) = every(publishers.len(), settings.events_per_second) {
        for key in publishers {
            let lanes = vec![lane(0, None)];
            senders.push(Sender { key: key.clone(), lanes, every, repeat_every });
        }
    }
    let members = &settings.keys.members;
    let rate = settings.chat.map_or(0.0, |chat| chat.messages_per_second);
    if let Some(every) = every(members.len(), rate).filter(|_| !threads.is_empty()) {
        for key in members {
            let lanes = threads.iter().enumerate();
            let lanes = lanes.map(|(index, thread)| lane(index + 1, Some(thread))).collect();
            senders.push(Sender { key: key.clone(), lanes, every, repeat_every });
        }
    }
    (streams, senders)
}

/// Returns how often each of so many sends, for a rate of all of them.
fn every(count: usize, per_second: f64) -> Option<Duration> {
    let is_some = count > 0 && per_second > 0.0;
    is_some.then(|| Duration::from_secs_f64(count as f64 / per_second))
}
