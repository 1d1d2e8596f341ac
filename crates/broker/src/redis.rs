//! The backend that keeps its logs in Redis, shared by all replicas.
//!
//! Owns: the server-side functions (`library`), the connection that commands share (`link`),
//! the one subscription of the process (`subscription`), and what this process knew of each log
//! (`state`), by which it finds out that Redis has lost something. Where the servers are (one, a
//! primary that sentinels name, the nodes of a cluster) is known to `address` and `fleet` alone.
//!
//! Keys and channels of one log. `BASE` is `dashclaw:org:ID`, `dashclaw:thread:ID`,
//! `dashclaw:chain:KEY`, `dashclaw:ops` or `dashclaw:probe:REPLICA`; in Cluster mode the last part
//! stands in braces.
//!
//! | name | type | what |
//! |---|---|---|
//! | `BASE:stream` | stream | the window: ids `SEQ-0`, fields `envelope` and `epoch` |
//! | `BASE:meta` | hash | the log's state, below |
//! | `BASE:ages` | list | marks `BEGAN:AT:SEQ`, one a second at most: up to SEQ was there at AT |
//! | `BASE:digests` | list | SHA-256 of each event after `hashed` |
//! | `BASE:keys` | hash | idempotency key → fingerprint, time, epoch, first, count, ids |
//! | `BASE:keyq` | list | idempotency keys in the order of their use, with the time |
//! | `BASE:heal` | hash | after a loss: number → epoch, SHA-256, envelope; `best` → head, lineage |
//! | `BASE:branches` | hash | a branch's name → what became of it (`trunk/record.rs`) |
//! | `BASE:next:…` | | a copy of a log on its way here (`switching`); goes after an hour |
//! | `BASE:events` | channel | the envelope's JSON, for others |
//! | `BASE:mark` | string | written after appends whose replicas are waited for; goes after a minute |
//! | `BASE:wake` | channel | for us: `EPOCH-SEQ`, a hint; after one small event `EPOCH-SEQ JSON` (`wake`) |
//! | `dashclaw:ops:replicas` | hash | a replica, or `:RUN` → when it last was there, and the run |
//! | `dashclaw:ops:healed:RUN` | set | who offered what it had to this run; `*`, `<`: see `healing` |
//! | `dashclaw:ops:runs` | set | runs whose logs nothing was lost of since, see `run` |
//! | `dashclaw:ops:notices` | hash | what each replica says of itself, see `notices` |
//! | `dashclaw:ops:switch` | hash | the lease of the one switch that may be under way |
//!
//! Fields of `BASE:meta`: `lineage` (`EPOCH:AFTER:w` or `l`, oldest first), `epoch` (the last of
//! it), `head`, `run` (of the server that the epoch belongs to), `time` (of the last append), the
//! account's `first`, `count`, `hash` and `hashed` (up to where the hash goes), `kept` (how many
//! events the idempotency keys remember), and `lost` (up to where nobody could give back what an
//! emptied server had). It outlives the window; one of a log that never had an event goes after a
//! day. Stream, marks and keys go by themselves where nobody appends.
//!
//! The account's rolling hash is SHA-256, which Redis has not. Computed here before an append it
//! would need the head that the append will find, so that writers of one stream could not be in
//! flight together; in Lua it costs more than all the rest. So an append leaves each event's digest
//! (a part of the formula), and whoever reads the account, or appends after 1,024 of them, folds
//! them into the hash: compared and swapped, so that it happens once.

mod account;
mod address;
mod answer;
pub(crate) mod appending;
mod cluster;
mod damage;
mod envelope;
pub(crate) mod failure;
mod fleet;
pub(crate) mod healing;
mod known;
mod library;
mod link;
pub(crate) mod merging;
mod names;
mod notices;
mod options;
mod paging;
mod probing;
mod raising;
mod registry;
pub(crate) mod run;
mod scope;
mod sentinel;
mod slots;
pub(crate) mod state;
mod subscription;
pub(crate) mod switching;
mod viewing;
mod wake;

use std::sync::{Arc, atomic::Ordering};

use event::{After, Epoch, ForkKind, Ledger, Lineage, Position, Seq, StreamName};
use redis::Cmd;
use tokio::{task::JoinSet, time::Instant};

use self::{
    address::{Address, Kind},
    answer::Words,
    damage::Damaged,
    failure::Failure,
    fleet::Fleet,
    known::{Following, Known},
    library::Function,
    link::{Answered, Arguments, Call},
    names::{Channels, Names, Naming},
    registry::Registry,
    run::{Guard, On, unless_elsewhere},
    state::{State, Verdict, unservable},
};
pub use self::{
    names::HashTag,
    notices::{Notice, Notices},
    options::{RedisAddressError, RedisIdentity, RedisOptions},
};
use crate::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, Page, PageLimit, ReadError,
    Watch,
    lineage_text::{lineage_text, lineage_text_at_any_head},
};

/// How often a call begins again because the log changed under it.
const TRIES_MAX: u32 = 16;

/// At which head a log may fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ForkAt {
    /// Only at the one that was seen.
    Seen,
    /// At whichever it has by then.
    Any,
}

impl ForkAt {
    /// Appends may go on meanwhile. An epoch that took none leaves no trace, so then the head has to
    /// be as it was seen.
    fn while_in_use(state: &State) -> Self {
        let last = state.lineage.forks().last().map(|fork| fork.after);
        if last == Some(state.head) { ForkAt::Seen } else { ForkAt::Any }
    }
}

/// The Redis backend.
pub struct RedisBroker {
    options: RedisOptions,
    naming: Naming,
    fleet: Fleet,
    registry: Arc<Registry>,
    known: Arc<Known>,
    guard: Guard,
    damaged: Damaged,
    /// The keepers of the two connections; they end with the backend.
    _keepers: JoinSet<()>,
}

impl RedisBroker {
    /// Returns the backend and begins to connect; a server that can't be reached is waited for.
    ///
    /// To be called within a runtime.
    ///
    /// # Errors
    /// Fails on an address that is none, and on a file of certificates that can't be read.
    pub fn start(options: RedisOptions) -> Result<Self, RedisAddressError> {
        let address =
            Address::read(&options.url, options.ca_file.as_deref(), options.identity.as_ref())?;
        let in_cluster = address.kind == Kind::Cluster;
        if in_cluster && (options.hash_tag == HashTag::Bare || options.prefix.contains('{')) {
            let what = "in a cluster keys need a hash tag, and their prefix can't have one";
            return Err(RedisAddressError(what.to_owned()));
        }
        let channels = if in_cluster { Channels::Sharded } else { Channels::Plain };
        let registry = Arc::new(Registry::default());
        let mut keepers = JoinSet::new();
        let fleet = Fleet::start(address, &options, &registry, &mut keepers);
        let fleet = fleet.map_err(|failure| RedisAddressError(failure.reason))?;
        Ok(RedisBroker {
            naming: Naming::new(&options.prefix, options.hash_tag, channels)
                .with_replica(&options.replica),
            options,
            fleet,
            registry,
            known: Arc::default(),
            guard: Guard::default(),
            damaged: Damaged::default(),
            _keepers: keepers,
        })
    }

    /// Returns how many connections for commands were made until now.
    pub fn connections_made(&self) -> u64 {
        self.fleet.connections_made()
    }

    /// Begins a new epoch at the log's head: its owner changes, and nothing is lost.
    ///
    /// # Errors
    /// Fails where Redis can't answer.
    pub async fn fork(&self, stream: &StreamName) -> Result<Position, ReadError> {
        let names = self.naming.of(stream);
        for _ in 0..TRIES_MAX {
            let state = self.state(stream, &names).await?;
            if self.fork_on(stream, &names, &state, ForkKind::Whole).await? {
                return Ok(self.state(stream, &names).await?.place());
            }
        }
        Err(restless().into())
    }

    /// Calls a function whose arguments are few.
    async fn call(
        &self,
        names: &Names,
        function: Function,
        keys: &[&str],
        arguments: Arguments<'_>,
    ) -> Result<Answered, Failure> {
        self.call_on(On::Any, names, function, keys, arguments).await
    }

    /// Calls a function, where its log is on such a server.
    async fn call_on(
        &self,
        on: On<'_>,
        names: &Names,
        function: Function,
        keys: &[&str],
        arguments: Arguments<'_>,
    ) -> Result<Answered, Failure> {
        let call = Call { function, keys, arguments, on, bytes: 0 };
        self.fleet.call(names, &call, self.deadline()).await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.command_time_max
    }

    /// Begins a new epoch unless the log has another one already: what was sent under that one and
    /// not answered can't take effect any more.
    pub(crate) async fn fence(
        &self,
        stream: &StreamName,
        sent_under: Epoch,
    ) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        for _ in 0..TRIES_MAX {
            let state = self.state(stream, &names).await?;
            let is_done = state.lineage.current() != sent_under
                || self.fork_on(stream, &names, &state, ForkKind::Whole).await?;
            if is_done {
                return Ok(());
            }
        }
        Err(restless())
    }

    /// Begins a new epoch of a log that lacks what was acknowledged.
    pub(crate) async fn fork_after_loss(&self, stream: &StreamName) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        for _ in 0..TRIES_MAX {
            let state = self.state(stream, &names).await?;
            if self.fork_on(stream, &names, &state, ForkKind::Lossy).await? {
                return Ok(());
            }
        }
        Err(restless())
    }

    /// Begins a new epoch of a log that still is as it was seen; returns whether it was.
    async fn fork_on(
        &self,
        stream: &StreamName,
        names: &Names,
        state: &State,
        kind: ForkKind,
    ) -> Result<bool, Failure> {
        let mut lineage = state.lineage.clone();
        lineage.fork(new_epoch(), state.head, kind);
        let at = ForkAt::while_in_use(state);
        let on = On::Server(&state.run);
        Ok(self.fork_to(on, stream, names, state, &lineage, at).await?.is_some())
    }

    /// Waits until there is a connection, or none.
    pub(crate) async fn until_connected(&self, is_connected: bool) {
        self.fleet.until_connected(is_connected).await;
    }

    /// Returns the epochs and the head of a log, as this process last knew them.
    pub(crate) fn last_known(&self, stream: &StreamName) -> Option<(Lineage, Seq)> {
        self.known(stream).map(|state| (state.lineage.clone(), state.head))
    }

    /// Returns the epoch that a log has, as this process last knew it.
    pub(crate) fn last_epoch(&self, stream: &StreamName) -> Option<Epoch> {
        self.known(stream).map(|state| state.lineage.current())
    }

    /// Returns the place at which a log ended, as this process last knew it.
    pub(crate) fn last_end(&self, stream: &StreamName) -> Option<Position> {
        self.known(stream).map(|state| state.lineage.position_at(state.head))
    }

    pub(crate) async fn head_now(&self, stream: &StreamName) -> Result<Position, Failure> {
        let state = self.state(stream, &self.naming.of(stream)).await;
        Ok(self.noting(stream, state).await?.place())
    }

    /// Hears the wake-ups of a log that is watched.
    pub(crate) async fn hear(&self, stream: &StreamName) -> Result<(), Failure> {
        match self.registry.of_channel(&self.naming.of(stream).wake) {
            Some(level) => self.fleet.hear(&level, self.deadline()).await,
            None => Ok(()),
        }
    }

    /// Begins to watch a log without waiting for Redis: its hints come once there is a connection.
    pub(crate) fn watch_anyway(&self, stream: &StreamName) -> Result<Box<dyn Watch>, ReadError> {
        let hints = self.registry.watch(stream, &self.naming.of(stream));
        let hints = hints.ok_or(ReadError::StreamsFull)?;
        Ok(Box::new(Following { known: Arc::clone(&self.known), stream: stream.clone(), hints }))
    }

    fn clock_ahead_ms(&self) -> u64 {
        self.options.clock_ahead.as_ref().map_or(0, |ahead| ahead.load(Ordering::Relaxed))
    }

    fn age_max_ms(&self) -> u64 {
        u64::try_from(self.options.window.age_max.as_millis()).unwrap_or(u64::MAX >> 12)
    }

    fn known(&self, stream: &StreamName) -> Option<Arc<State>> {
        self.known.get(stream)
    }

    /// Remembers a log's state, and hints at it.
    fn learn(&self, stream: &StreamName, state: State, seen: Option<&Arc<State>>) -> Arc<State> {
        // Under the current epoch, as in wake-ups: another name would look like another owner.
        self.registry.raise(stream, Position::new(state.lineage.current(), state.head), None);
        self.known.learn(stream, state, seen)
    }

    /// Makes sure that a state which Redis gave may be used; `false` where it was changed instead,
    /// and Redis has to be asked again.
    async fn settle(
        &self,
        stream: &StreamName,
        names: &Names,
        state: &State,
        seen: Option<&Arc<State>>,
        run: &str,
    ) -> Result<bool, Failure> {
        let kind = self.guard.check(&names.stream, run, Some(&state.run))?;
        match state.judge(seen.map(|seen| &**seen), run, kind, new_epoch()) {
            Verdict::Use => {
                self.learn(stream, state.clone(), seen);
                Ok(true)
            }
            Verdict::Fork(lineage) => {
                let at = if state.run == run { ForkAt::while_in_use(state) } else { ForkAt::Seen };
                self.fork_to(On::Server(run), stream, names, state, &lineage, at).await?;
                Ok(false)
            }
        }
    }

    /// Replaces a log's lineage, if it still is as it was seen, and there; `None` where it was not.
    async fn fork_to(
        &self,
        on: On<'_>,
        stream: &StreamName,
        names: &Names,
        state: &State,
        lineage: &Lineage,
        at: ForkAt,
    ) -> Result<Option<State>, Failure> {
        let seen = self.known(stream);
        let (head, text) = match at {
            ForkAt::Seen => (state.head.to_string(), lineage_text(lineage)),
            ForkAt::Any => ("*".to_owned(), lineage_text_at_any_head(lineage)),
        };
        let keys = [names.stream.as_str(), &names.meta];
        let arguments = |command: &mut Cmd, run: &str| {
            command.arg(state.lineage.current().to_string()).arg(&head).arg(&state.run);
            command.arg(&text).arg(lineage.current().to_string()).arg(run);
            command.arg(unservable(lineage).0).arg(&names.wake).arg(names.publish);
        };
        let answered = self.call_on(on, names, Function::Fork, &keys, &arguments).await;
        let Some(answered) = unless_elsewhere(answered)? else { return Ok(None) };
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "forked" => {
                let forked = words.state()?;
                tracing::info!(%stream, place = %forked.place(), "the log begins a new epoch");
                self.learn(stream, forked.clone(), seen.as_ref());
                Ok(Some(forked))
            }
            "state" | "absent" | "orphan" => Ok(None),
            "offered" => self.settle_offered(stream).await.map(|()| None),
            _ => Err(words.unexpected()),
        }
    }

    /// Settles a log of which somebody offered what Redis lacks.
    async fn settle_offered(&self, stream: &StreamName) -> Result<(), Failure> {
        match self.fleet.run() {
            Some(run) => self.settle_log(&run, stream, self.guard.who()).await,
            None => Err(Failure::refused("the connection to Redis broke")),
        }
    }

    /// Begins a log that Redis said it has not, or not whole.
    async fn begin(
        &self,
        stream: &StreamName,
        names: &Names,
        seen: Option<&Arc<State>>,
        mut said: Words,
        run: &str,
    ) -> Result<(), Failure> {
        self.guard.check(&names.stream, run, None)?;
        let orphans = if said.word() == "orphan" { said.seq()? } else { Seq::ZERO };
        let epoch = new_epoch();
        let begin = |run: &str| State::begin(seen.map(|seen| &**seen), orphans, run, epoch);
        let keys = [names.stream.as_str(), &names.meta, &names.ages, &names.digests, &names.heal];
        let arguments = |command: &mut Cmd, run: &str| {
            let state = begin(run);
            command.arg(lineage_text(&state.lineage)).arg(epoch.to_string());
            command.arg(state.head.0).arg(run);
        };
        let on = On::Server(run);
        let answered = self.call_on(on, names, Function::Begin, &keys, &arguments).await;
        // Then the other one is asked.
        let Some(answered) = unless_elsewhere(answered)? else { return Ok(()) };
        let words = Words::read(answered.value)?;
        match words.word() {
            // What is there now is judged when Redis is asked again.
            "state" | "orphan" => Ok(()),
            "offered" => self.settle_offered(stream).await,
            _ => Err(words.unexpected()),
        }
    }

    /// Returns a log's state, settled.
    async fn state(&self, stream: &StreamName, names: &Names) -> Result<State, Failure> {
        for _ in 0..TRIES_MAX {
            let seen = self.known(stream);
            let keys = [names.stream.as_str(), &names.meta];
            let answered = self.call(names, Function::State, &keys, &|_, _| {}).await?;
            let mut words = Words::read(answered.value)?;
            match words.word() {
                "state" => {
                    let state = words.state()?;
                    if self.settle(stream, names, &state, seen.as_ref(), &answered.run).await? {
                        return Ok(state);
                    }
                }
                "absent" | "orphan" => {
                    self.begin(stream, names, seen.as_ref(), words, &answered.run).await?
                }
                _ => return Err(words.unexpected()),
            }
        }
        Err(restless())
    }
}

fn new_epoch() -> Epoch {
    Epoch::random(&mut rand::rng())
}

fn restless() -> Failure {
    Failure::refused("the log's owner changes again and again")
}

impl Broker for RedisBroker {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async move { self.append_now(stream, &append, None).await })
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move { Ok(self.page_now(stream, after, limit).await?) })
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.head_now(stream).await?) })
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(async move { Ok(self.ledger_now(stream).await?) })
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            let watch = self.watch_anyway(stream)?;
            self.hear(stream).await?;
            Ok(watch)
        })
    }

    fn health(&self) -> BrokerHealth {
        self.fleet.health()
    }
}
