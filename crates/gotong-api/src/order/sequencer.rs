//! Opening threads, and sending to them.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use broker::{
    Append, AppendError, Appended, BrokerHealth, IdempotencyKey, NewEvent, ReadError, Receipt,
};
use event::{Clock, Epoch, EventId, OrgId, StreamName};
use node_runtime::Shutdown;
use parking_lot::Mutex;
use store::{ChatError, Head, Message};
use tokio::{
    sync::OnceCell,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    cell::Cell,
    log::ThreadLog,
    pending::{PendingError, head_from},
    rows::Rows,
    writer::Writer,
};
use crate::domain::{Draft, Record, event_name, fingerprint, message_id};

/// Most threads that are open at one time.
const CELLS_MAX: usize = 100_000;

/// How long a thread stays open that nobody has to do with.
const IDLE: Duration = Duration::from_secs(60);

/// How many messages of a thread may wait for the database with a sender, and how many without one:
/// far fewer than the log keeps, of several processes together too.
const BACKLOG_MAX: u64 = 256;

/// How long a request is remembered.
const REQUEST_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long to wait before a log that could not be followed is followed again.
const FOLLOW_AGAIN: Duration = Duration::from_millis(250);

/// How often a sender that waits looks whether its thread is at fault.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often a log may begin anew while a message is sent.
const EPOCHS_TRIED: u32 = 3;

/// How a sequencer is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencerOptions {
    /// How long a sender waits until its message is in the database.
    pub patience: Duration,
}

impl Default for SequencerOptions {
    fn default() -> Self {
        SequencerOptions { patience: Duration::from_secs(5) }
    }
}

/// A thread that is open, or is being opened.
type Entry = Arc<OnceCell<Arc<Cell>>>;

/// Gives messages their numbers.
pub struct Sequencer {
    pub(super) log: Arc<dyn ThreadLog>,
    pub(super) rows: Arc<dyn Rows>,
    clock: Arc<dyn Clock>,
    options: SequencerOptions,
    cells: Mutex<HashMap<Arc<str>, Entry>>,
    writer: Writer,
    /// What follows logs to which others append; each ends with its thread's cell.
    followers: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequencer").field("open", &self.cells.lock().len()).finish_non_exhaustive()
    }
}

/// Why a thread can't be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no such thread.
    #[error("there is no such thread")]
    NotFound,
    /// The database has no answer.
    #[error(transparent)]
    Rows(#[from] ChatError),
    /// The log has no answer.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The log and the database are of different pasts.
    #[error("{0}")]
    Fault(String),
    /// Too many are open.
    #[error("too many threads are open")]
    Full,
}

/// Why a message was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The request's id was used for another message.
    #[error("the request's id was used with another message")]
    Conflict,
    /// The log does not take it.
    #[error(transparent)]
    Log(AppendError),
    /// The database has no answer.
    #[error(transparent)]
    Rows(#[from] ChatError),
    /// The database takes no messages; nothing was kept of this one.
    #[error("the database takes no messages")]
    Down,
    /// It has its number, and the database did not take it in time; it may come to be.
    #[error("the message did not get to the database in time")]
    Late,
    /// The thread's log and the database are of different pasts.
    #[error("{0}")]
    Fault(String),
}

/// A message that is in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The message.
    pub message: Message,
    /// Its place in the thread's stream.
    pub cursor: String,
    /// Whether an earlier attempt had sent it.
    pub is_replayed: bool,
}

impl Sequencer {
    /// Returns the sequencer over a log and a database; nothing runs yet.
    pub fn new(
        log: Arc<dyn ThreadLog>,
        rows: Arc<dyn Rows>,
        clock: Arc<dyn Clock>,
        options: SequencerOptions,
    ) -> Arc<Self> {
        Arc::new(Sequencer {
            log,
            rows,
            clock,
            options,
            cells: Mutex::default(),
            writer: Writer::default(),
            followers: Mutex::default(),
        })
    }

    /// Brings messages to the database until the end is asked for.
    pub async fn run(self: Arc<Self>, end: Shutdown, within: Duration) {
        let (log, rows) = (Arc::clone(&self.log), Arc::clone(&self.rows));
        let others = self.writer.others.run(&self.writer, &*self.rows, end.clone());
        tokio::join!(others, self.writer.run(log, rows, end, within));
    }

    /// Closes threads that nobody has to do with; to be called every few seconds.
    pub fn sweep(&self) {
        let now = self.now_ms();
        self.cells.lock().retain(|_, entry| {
            let Some(cell) = entry.get() else { return Arc::strong_count(entry) > 1 };
            let idle_ms = now.saturating_sub(cell.used.load(Ordering::Relaxed));
            let is_held = Arc::strong_count(entry) > 1 || Arc::strong_count(cell) > 1;
            let is_behind = cell.own() > cell.shown();
            let stays =
                is_held || is_behind || cell.is_watched() || u128::from(idle_ms) < IDLE.as_millis();
            if !stays {
                // Under the lock, so that nobody opens it meanwhile.
                self.log.forget(&cell.stream);
            }
            stays
        });
    }

    /// Returns the word for what keeps the logs.
    pub(crate) fn backend(&self) -> &'static str {
        self.log.health().selected
    }

    /// Returns how well the logs serve.
    pub(crate) fn log_health(&self) -> BrokerHealth {
        self.log.health()
    }

    /// Returns whether the database takes no messages, as far as was found out.
    pub fn is_down(&self) -> bool {
        self.writer.is_down()
    }

    fn now_ms(&self) -> u64 {
        self.clock.unix().0
    }

    /// Opens a thread: its log goes on where the database is, and what the log has beyond that is
    /// brought there.
    ///
    /// # Errors
    /// Fails where there is none, and where database or log have no answer.
    pub(crate) async fn open(self: &Arc<Self>, thread: &str) -> Result<Arc<Cell>, OpenError> {
        let entry = {
            let mut cells = self.cells.lock();
            if cells.len() >= CELLS_MAX && !cells.contains_key(thread) {
                return Err(OpenError::Full);
            }
            Arc::clone(cells.entry(thread.into()).or_default())
        };
        let opened = entry.get_or_try_init(|| self.begin(thread)).await.map(Arc::clone);
        if opened.is_err() {
            drop(entry);
            // Under the lock nobody else comes to hold it.
            let is_nobodys = |entry: &Entry| !entry.initialized() && Arc::strong_count(entry) == 1;
            let mut cells = self.cells.lock();
            if cells.get(thread).is_some_and(is_nobodys) {
                cells.remove(thread);
            }
        }
        let cell = opened?;
        cell.used.store(self.now_ms(), Ordering::Relaxed);
        Ok(cell)
    }

    async fn begin(self: &Arc<Self>, id: &str) -> Result<Arc<Cell>, OpenError> {
        let stream = StreamName::thread(id).map_err(|_| OpenError::NotFound)?;
        let thread = self.rows.thread(id).await?.ok_or(OpenError::NotFound)?;
        let org: OrgId = thread.org_id.parse().map_err(|_| {
            OpenError::Fault("the thread belongs to no organisation that there can be".to_owned())
        })?;
        let head = self.rows.head(id).await?;
        if head.missing > 0 {
            let fault = missing(&head);
            tracing::error!(%stream, fault, "a thread can't be opened");
            return Err(OpenError::Fault(fault));
        }
        let cell = Arc::new(Cell::new(thread, org, stream.clone(), head.seq, None));
        let found = match head_from(&*self.log, &cell, head.seq).await {
            Ok(found) => Some(found),
            // What is in the database can be read; sending looks again.
            Err(PendingError::Log(error)) if self.log.is_shared() => {
                tracing::warn!(%stream, %error, "a thread is opened without its log");
                None
            }
            Err(PendingError::Log(error)) => return Err(error.into()),
            Err(PendingError::Fault(fault)) => return Err(OpenError::Fault(fault)),
        };
        match found.filter(|(_, place)| place.seq.0 == head.seq) {
            Some((epoch, place)) => {
                cell.set_place(Some(place));
                epoch.into_iter().for_each(|epoch| cell.check(epoch));
            }
            None => self.writer.look_at(&cell),
        }
        if self.log.is_shared() {
            let follow = follow(Arc::downgrade(self), Arc::downgrade(&cell), cell.stream.clone());
            let mut followers = self.followers.lock();
            while followers.try_join_next().is_some() {}
            cell.keep(followers.spawn(follow));
        }
        Ok(cell)
    }

    /// Sends a message; when this returns, it is in the database and shown.
    ///
    /// # Errors
    /// See [`SendError`]; after `Late` and errors of the log it may come to be all the same, and
    /// another attempt with its request's id finds it.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was sent.
    pub(crate) async fn send(
        &self,
        cell: &Arc<Cell>,
        author: &str,
        draft: &Draft,
        request_id: Option<&str>,
    ) -> Result<Placed, SendError> {
        let _waiting = self.writer.waiting();
        if let Some(fault) = cell.fault() {
            // It may be over by the next attempt.
            self.writer.look_at(cell);
            return Err(SendError::Fault(fault));
        }
        if self.writer.is_down() || cell.own() > cell.shown() + BACKLOG_MAX {
            self.writer.look_at(cell);
            return Err(SendError::Down);
        }
        let record = Record::new(&cell.thread.thread_id, author, draft, request_id);
        let key = request_id.map(|request_id| {
            let route = format!("POST /v1/chat/threads/messages/send {author}");
            IdempotencyKey::new(&cell.org, &route, request_id, &draft.fingerprint())
        });
        for _ in 0..EPOCHS_TRIED {
            let epoch = self.checked_epoch(cell).await?;
            if let Some(request_id) = request_id
                && let Some(message) = self.sent_before(cell, author, draft, request_id).await?
            {
                return Ok(placed(cell, message, true));
            }
            // Right before the append: those who looked for their requests meanwhile are many.
            let Some(_place) = cell.waiting_place(BACKLOG_MAX) else {
                self.writer.look_at(cell);
                return Err(SendError::Down);
            };
            if let Some((receipt, is_replayed)) = self.append(cell, &record, key, epoch).await? {
                let seq = receipt.position.seq.0;
                self.until_shown(cell, seq).await?;
                return Ok(placed(cell, record.row(receipt.id, seq), is_replayed));
            }
        }
        let reason = "the log begins anew again and again".to_owned();
        Err(SendError::Log(AppendError::Unavailable { reason, maybe: false }))
    }

    /// Returns the epoch of the log, once log and database agree in it. A log that began anew may be
    /// behind the database, and goes on there; and it may have lost its keys, and what was sent under
    /// one may be in the log alone, so that it is brought to the database first.
    async fn checked_epoch(&self, cell: &Arc<Cell>) -> Result<Option<Epoch>, SendError> {
        let unavailable = |error| SendError::Log(unavailable(&error));
        let epoch = self.log.epoch(&cell.stream).await.map_err(unavailable)?;
        if let Some(epoch) = epoch
            && !cell.is_checked(epoch)
        {
            let there = self.rows.head(&cell.thread.thread_id).await?;
            if there.missing > 0 {
                return Err(SendError::Fault(missing(&there)));
            }
            let (epoch, head) = match head_from(&*self.log, cell, there.seq).await {
                Ok(found) => found,
                Err(PendingError::Log(error)) => return Err(unavailable(error)),
                Err(PendingError::Fault(fault)) => return Err(SendError::Fault(fault)),
            };
            if there.seq > cell.shown() {
                cell.set_place(None);
                cell.show_through(there.seq);
            }
            self.writer.look_at(cell);
            self.until_shown(cell, head.seq.0).await?;
            epoch.into_iter().for_each(|epoch| cell.check(epoch));
            return Ok(epoch);
        }
        Ok(epoch)
    }

    /// Looks for what came of a request, since a log may not remember it.
    async fn sent_before(
        &self,
        cell: &Cell,
        author: &str,
        draft: &Draft,
        request_id: &str,
    ) -> Result<Option<Message>, SendError> {
        let since = self.now_ms().saturating_sub(REQUEST_AGE_MAX.as_millis() as u64);
        let found = self.rows.of_request(&cell.thread.thread_id, author, request_id).await?;
        let Some(message) = found.into_iter().find(|m| m.created_at_ms >= since) else {
            return Ok(None);
        };
        match fingerprint(&message.body, &message.attachments) == draft.fingerprint() {
            true => Ok(Some(message)),
            false => Err(SendError::Conflict),
        }
    }

    /// Gives a message its number; none where the log has another epoch.
    async fn append(
        &self,
        cell: &Arc<Cell>,
        record: &Record,
        key: Option<IdempotencyKey>,
        epoch: Option<Epoch>,
    ) -> Result<Option<(Receipt, bool)>, SendError> {
        let shown = cell.shown();
        let Some((receipt, is_replayed)) = self.append_once(cell, record, key, epoch).await? else {
            return Ok(None);
        };
        if receipt.position.seq.0 > shown || self.is_there(cell, &receipt).await? {
            return Ok(Some((receipt, is_replayed)));
        }
        // The log began anew behind what the database has, and gave a number that is another's.
        let stream = &cell.stream;
        tracing::error!(%stream, place = %receipt.position, shown, "a log has lost its head");
        cell.set_place(None);
        let raised = self.log.raise(stream, event::Seq(cell.shown())).await;
        raised.map_err(|error| SendError::Log(unavailable(&error)))?;
        // What the log remembers of the request is that number.
        self.append_once(cell, record, None, None).await
    }

    async fn append_once(
        &self,
        cell: &Arc<Cell>,
        record: &Record,
        key: Option<IdempotencyKey>,
        epoch: Option<Epoch>,
    ) -> Result<Option<(Receipt, bool)>, SendError> {
        let id = EventId::random(self.clock.unix(), &mut rand::rng());
        let fault = |_| SendError::Fault("the message can't be written down".to_owned());
        let envelope = record.envelope(id, &cell.org).map_err(fault)?;
        let name = event_name().map_err(fault)?;
        let event = NewEvent { id, name, json: envelope.to_json() };
        let append = Append { events: vec![event], idempotency: key };
        let appended = self.log.append_within(&cell.stream, append, epoch).await;
        let appended = appended.map_err(|error| match error {
            AppendError::Conflict => SendError::Conflict,
            error => SendError::Log(error),
        })?;
        let Some(appended) = appended else { return Ok(None) };
        let is_replayed = matches!(appended, Appended::Replayed(_));
        let receipt = appended.receipts().first().copied();
        let receipt = receipt.ok_or_else(|| SendError::Fault("no receipt came".to_owned()))?;
        cell.gave(receipt.position.seq.0);
        self.writer.look_at(cell);
        Ok(Some((receipt, is_replayed)))
    }

    /// Returns whether a message that was shown before has this number.
    async fn is_there(&self, cell: &Cell, receipt: &Receipt) -> Result<bool, SendError> {
        let before = receipt.position.seq.prev().0;
        let found = self.rows.read(&cell.thread.thread_id, before, 1).await?;
        Ok(found.first().is_some_and(|there| there.message.message_id == message_id(receipt.id)))
    }

    async fn until_shown(&self, cell: &Cell, seq: u64) -> Result<(), SendError> {
        let mut shown = cell.watch();
        let deadline = Instant::now() + self.options.patience;
        loop {
            // The sender lives as long as the cell.
            let look = timeout(LOOK_EVERY, shown.wait_for(|shown| *shown >= seq)).await;
            if look.is_ok() {
                return Ok(());
            }
            if let Some(fault) = cell.fault() {
                return Err(SendError::Fault(fault));
            }
            if Instant::now() >= deadline {
                return Err(SendError::Late);
            }
        }
    }
}

fn missing(head: &Head) -> String {
    format!("{} of {} messages are missing in the database", head.missing, head.seq)
}

fn placed(cell: &Cell, message: Message, is_replayed: bool) -> Placed {
    let cursor = cell.at(message.seq).to_string();
    Placed { message, cursor, is_replayed }
}

fn unavailable(error: &ReadError) -> AppendError {
    AppendError::Unavailable { reason: error.to_string(), maybe: true }
}

/// Follows a thread's log for as long as the thread is open.
async fn follow(sequencer: Weak<Sequencer>, cell: Weak<Cell>, stream: StreamName) {
    loop {
        let Some(log) = sequencer.upgrade().map(|held| Arc::clone(&held.log)) else { return };
        if let Ok(mut watch) = log.watch(&stream).await {
            loop {
                // What came before the watch began is not hinted at.
                let (Some(held), Some(cell)) = (sequencer.upgrade(), cell.upgrade()) else {
                    return;
                };
                held.writer.look_at(&cell);
                drop((held, cell));
                if matches!(watch.changed().await, broker::Wake::Closed) {
                    break;
                }
            }
        }
        sleep(FOLLOW_AGAIN).await;
    }
}
