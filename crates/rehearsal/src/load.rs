//! The load: readers, publishers and members of chat, each with an account of what it was given.
//!
//! Owns: who the clients are, what they send, what they have to be given, and the verdict over all of it.
//! Everything goes through the router, which decides what goes where. Memory is bounded by the number of
//! clients. Must not know: which server it is, or what is being done to it.

mod cast;
mod chat;
mod facts;
mod keys;
mod ledger;
mod probe;
mod reader;
mod record;
mod resume;
mod seat;
mod sender;
mod settings;
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

pub(crate) use self::settings::check_rate;
use self::{
    facts::Facts,
    probe::Pairs,
    seat::{Seat, millis},
    sender::Traffic,
    settings::OPEN_MAX,
    stamp::RunName,
};
pub use self::{
    keys::{Crowd, Keys},
    ledger::{ArmCounts, ChatLedger, Ledger, OnCanary, Pair, Shortfall, Verdict},
    settings::{ChatLoad, Churn, LoadError, LoadSettings},
};
use crate::http::Http;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long is listened on when everything has come: something may come again.
const LISTEN_ON: Duration = Duration::from_millis(300);

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
        let (streams, senders) = cast::senders(&settings, &threads);
        let shared = Arc::new(Shared {
            router,
            http,
            run: RunName::draw(),
            began: Instant::now(),
            seats: cast::seats(&settings, &threads),
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
            ledger.on_canary.double_effects = facts.double_effects_on_canary();
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

    /// Returns who lacks what. What was lost, or lay in a gap, at a stream's end left no hole, and is
    /// counted now.
    fn shortfalls(&self, ledger: &mut Ledger) -> Vec<Shortfall> {
        let mut found = Vec::new();
        for seat in &self.seats {
            let state = seat.state.lock();
            let lack = state.record.lacks(&self.facts.lock(), seat.stream);
            if lack.count > 0 {
                let untold = lack.count - lack.told.min(lack.count);
                let at_the_end = untold.saturating_sub(state.record.counts.lost);
                let is_of_canary = state.record.is_on_canary;
                let of_canary = if is_of_canary { at_the_end } else { 0 };
                ledger.lost += at_the_end;
                ledger.on_canary.lost += of_canary;
                ledger.told_missing += lack.told;
                found.push(Shortfall {
                    reader: seat.name.clone(),
                    lacks: lack.count,
                    told: lack.told,
                    on_canary: untold.min(state.record.counts.on_canary.lost + of_canary),
                    first: lack.first.iter().map(|it| format!("{}/{}", it.lane, it.n)).collect(),
                });
            }
        }
        found
    }
}
