//! Whoever asks the database asks here.
//!
//! Owns: the link and making it anew, the bound on what is under way, the deadline of each call,
//! repeating what met another transaction, and refusing at once while the database is known to be
//! away. Every request of this crate may be repeated: it reads, or it writes what its content
//! decides under an id that it decides too.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex as Briefly;
use tokio::{
    net::TcpStream,
    sync::{Mutex, Semaphore},
    time::{Duration, Instant, sleep_until, timeout_at},
};

use crate::{
    engine::Engine,
    error::QueryError,
    fault::Fault,
    link::Link,
    options::{Backend, StoreOptions},
    owner::PlaceHeld,
    query::{Answer, QUERY_BYTES_MAX, Query},
    retry::Backoff,
};

/// Most urgent requests that are under way.
const URGENT_MAX: usize = 4;

/// How long whoever reads tries to reach a database that is known to be away; who writes takes the time
/// that it has.
const TRY_MAX: Duration = Duration::from_secs(1);

/// How often a request may meet other transactions.
const CONFLICTS_MAX: u32 = 16;

const AFTER_CONFLICT: Backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
const AFTER_BREAK: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));

/// The way to the database.
pub(crate) struct Client {
    pub(crate) options: StoreOptions,
    turns: Semaphore,
    /// Those of writers and of the renewal of a place, which do not wait behind reads.
    urgent_turns: Semaphore,
    link: Mutex<Option<Arc<Link>>>,
    /// The threads of an engine in this process; they outlive the link, which it closes on them.
    engine: Option<Engine>,
    /// What marks the database that was opened; a server may be emptied or exchanged behind its
    /// address.
    mark: OnceLock<String>,
    /// The row by which this process serves the database, where it took one.
    place: OnceLock<PlaceHeld>,
    links_made: AtomicU64,
    /// Since when there is no link although somebody tries to make one.
    away_since: Briefly<Option<Instant>>,
    /// Why there is no link.
    problem: Briefly<Option<String>>,
    /// What chat asks for, while somebody wants to know.
    heard: Briefly<Option<Vec<Query>>>,
}

/// How one request fared so far.
#[derive(Default)]
struct Tries {
    conflicts: u32,
    breaks: u32,
    refusals: u32,
}

impl Client {
    /// # Errors
    /// Fails where no threads can be started.
    pub(crate) fn new(options: StoreOptions) -> io::Result<Self> {
        let engine = match options.backend {
            Backend::Memory | Backend::Embedded(_) => Some(Engine::start()?),
            Backend::Surreal(_) => None,
        };
        Ok(Client {
            engine,
            turns: Semaphore::new(options.in_flight_max.max(1)),
            urgent_turns: Semaphore::new(URGENT_MAX),
            options,
            link: Mutex::default(),
            mark: OnceLock::new(),
            place: OnceLock::new(),
            links_made: AtomicU64::new(0),
            away_since: Briefly::default(),
            problem: Briefly::default(),
            heard: Briefly::default(),
        })
    }

    /// Asks for this mark from now on; to be called once.
    pub(crate) fn expect_mark(&self, mark: String) {
        self.mark.get_or_init(|| mark);
    }

    /// Returns whether the database was opened, and so has a ledger.
    pub(crate) fn has_mark(&self) -> bool {
        self.mark.get().is_some()
    }

    /// Asks for this row of ours from now on; to be called once.
    pub(crate) fn expect_place(&self, place: PlaceHeld) {
        self.place.get_or_init(|| place);
    }

    /// Returns the row of ours.
    pub(crate) fn place(&self) -> Option<&PlaceHeld> {
        self.place.get()
    }

    /// Returns how often a connection was made.
    pub(crate) fn links_made(&self) -> u64 {
        self.links_made.load(Ordering::Relaxed)
    }

    /// Begins to note what chat asks for.
    pub(crate) fn listen(&self) {
        *self.heard.lock() = Some(Vec::new());
    }

    /// Returns what chat asked for since [`listen`](Self::listen), and notes no more.
    pub(crate) fn heard(&self) -> Vec<Query> {
        self.heard.lock().take().unwrap_or_default()
    }

    /// Asks, within the deadline of the options.
    pub(crate) async fn run(&self, query: &Query) -> Result<Answer, QueryError> {
        if let Some(heard) = &mut *self.heard.lock()
            && query.statement.is_some()
        {
            heard.push(query.clone());
        }
        self.run_until(query, Instant::now() + self.options.deadline).await
    }

    /// Asks, until then at the latest.
    pub(crate) async fn run_until(
        &self,
        query: &Query,
        deadline: Instant,
    ) -> Result<Answer, QueryError> {
        let bytes = query.bytes();
        if bytes > QUERY_BYTES_MAX {
            return Err(QueryError::TooLarge { bytes, bytes_max: QUERY_BYTES_MAX });
        }
        self.try_where_away(query, deadline).await?;
        let began = Instant::now();
        let late = || self.late(deadline.saturating_duration_since(began));
        let turns = if query.is_urgent { &self.urgent_turns } else { &self.turns };
        let turn = timeout_at(deadline, turns.acquire()).await;
        let _turn = turn.map_err(|_| late())?.map_err(|_| QueryError::Closed)?;
        let mut tries = Tries::default();
        loop {
            let link = match timeout_at(deadline, self.link()).await {
                Err(_) => return Err(late()),
                Ok(Err(fault)) => {
                    self.pause_after(fault, &mut tries, query, deadline).await?;
                    continue;
                }
                Ok(Ok(link)) => link,
            };
            let mark = self.mark.get().map(String::as_str);
            let place = self.place.get().filter(|_| !query.is_of_places);
            let attempt = link.run(query, mark, place);
            let Ok(answered) = timeout_at(deadline, attempt).await else {
                // It may hang for ever: nobody tells the client library.
                link.give_up();
                return Err(late());
            };
            let fault = match answered {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if !matches!(fault, Fault::Conflict | Fault::Taken | Fault::Rejected { .. }) {
                link.give_up();
            }
            self.pause_after(fault, &mut tries, query, deadline).await?;
        }
    }

    /// Refuses at once while the database has been away for longer than a call waits. One caller at a
    /// time tries to reach it, so that whoever comes finds it as soon as it is back.
    async fn try_where_away(&self, query: &Query, deadline: Instant) -> Result<(), QueryError> {
        let lasts = |since: Instant| since.elapsed() >= self.options.deadline;
        // While it is opened all of the time that is given for that is used.
        if !self.has_mark() || !self.away_since.lock().is_some_and(lasts) {
            return Ok(());
        }
        let away = || QueryError::Away { what: self.words() };
        let Ok(mut slot) = self.link.try_lock() else { return Err(away()) };
        let deadline = match query.is_urgent {
            true => deadline,
            false => deadline.min(Instant::now() + TRY_MAX),
        };
        match timeout_at(deadline, self.linked(&mut slot)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(Fault::Broken(what))) => {
                *self.problem.lock() = Some(what);
                Err(away())
            }
            // Whatever else it says, it is there: the request is told.
            Ok(Err(_)) => Ok(()),
            Err(_) => Err(away()),
        }
    }

    /// Knocks at a server's door: where nobody opens, the connection is of no use any more, whatever the
    /// client library still hopes for.
    pub(crate) async fn knock(&self, deadline: Instant) {
        let Backend::Surreal(server) = &self.options.backend else { return };
        let door = server.endpoint.host_and_port();
        let Ok(Err(error)) = timeout_at(deadline, TcpStream::connect(door)).await else { return };
        // Whoever has it now makes another one.
        let Ok(slot) = self.link.try_lock() else { return };
        slot.iter().for_each(|link| link.give_up());
        *self.problem.lock() = Some(error.to_string());
        self.away_since.lock().get_or_insert_with(Instant::now);
    }

    /// Returns what the connection said last, if anything, while there is none although somebody tries.
    pub(crate) fn cut_off(&self) -> Option<String> {
        let is_away = self.away_since.lock().is_some();
        is_away.then(|| self.problem.lock().clone().unwrap_or_default())
    }

    fn words(&self) -> String {
        self.problem.lock().clone().unwrap_or_else(|| "no answer".to_owned())
    }

    /// Waits where another attempt makes sense.
    async fn pause_after(
        &self,
        fault: Fault,
        tries: &mut Tries,
        query: &Query,
        deadline: Instant,
    ) -> Result<(), QueryError> {
        let (pause, give_up) = match fault {
            Fault::Conflict => {
                tries.conflicts += 1;
                let give_up = QueryError::Conflict { attempts: tries.conflicts };
                if tries.conflicts == CONFLICTS_MAX {
                    return Err(give_up);
                }
                (AFTER_CONFLICT.pause(tries.conflicts), give_up)
            }
            Fault::Broken(what) => {
                tries.breaks += 1;
                *self.problem.lock() = Some(what.clone());
                (AFTER_BREAK.pause(tries.breaks), QueryError::Unreachable { what })
            }
            // The client library may have connected again without signing in.
            Fault::Refused if tries.refusals == 0 => {
                tries.refusals += 1;
                (AFTER_BREAK.pause(1), QueryError::Refused)
            }
            Fault::Refused => return Err(QueryError::Refused),
            Fault::Other => return Err(QueryError::Other),
            Fault::Taken => return Err(QueryError::Taken),
            Fault::Rejected { kind, what } => {
                return Err(QueryError::Rejected { operation: query.operation, kind, what });
            }
        };
        let next = Instant::now() + pause;
        if next >= deadline {
            return Err(give_up);
        }
        sleep_until(next).await;
        Ok(())
    }

    /// Returns the link, made by one caller for all who wait.
    pub(crate) async fn link(&self) -> Result<Arc<Link>, Fault> {
        self.linked(&mut *self.link.lock().await).await
    }

    async fn linked(&self, slot: &mut Option<Arc<Link>>) -> Result<Arc<Link>, Fault> {
        if let Some(link) = slot.as_ref().filter(|link| link.is_good()) {
            return Ok(Arc::clone(link));
        }
        // Stays where this is given up.
        self.away_since.lock().get_or_insert_with(Instant::now);
        let link = Arc::new(Link::connect(&self.options.backend, self.engine.as_ref()).await?);
        *self.away_since.lock() = None;
        self.links_made.fetch_add(1, Ordering::Relaxed);
        *self.problem.lock() = None;
        *slot = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Takes no more requests, and lets the link go once those under way have ended.
    pub(crate) async fn close(&self) {
        self.turns.close();
        self.urgent_turns.close();
        *self.link.lock().await = None;
    }

    fn late(&self, after: Duration) -> QueryError {
        match self.problem.lock().clone() {
            Some(what) => QueryError::Unreachable { what },
            None => QueryError::Late { after },
        }
    }
}
