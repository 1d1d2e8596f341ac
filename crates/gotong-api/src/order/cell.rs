//! One thread in this process: how far it is shown, and where its log is.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use event::{Epoch, Event, OrgId, Position, Seq, StreamName};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use store::{Amended, ChatError, Message, Thread};
use tokio::{
    sync::{Mutex as AsyncMutex, watch},
    task::AbortHandle,
};

use super::{earlier::Earlier, recent::Recent, rows::Rows};
use crate::domain::{RecordError, event_name, shown_envelope};

/// One thread in this process.
#[derive(Debug)]
pub(crate) struct Cell {
    /// The thread, which is written once.
    pub(crate) thread: Thread,
    pub(super) org: OrgId,
    pub(super) stream: StreamName,
    /// Under which its readers know places. It follows from the thread alone: a number has one message
    /// for ever, whoever gives it, so that places outlive every log.
    pub(super) epoch: Epoch,
    /// Up to where the database has everything, and readers may be shown it.
    shown: watch::Sender<u64>,
    recent: Mutex<Recent>,
    /// Where the log stands at `shown`; not known where it has to be looked for.
    place: Mutex<Option<Position>>,
    /// The epoch of the log of which all is in the database that was there when it began.
    checked: Mutex<Option<Epoch>>,
    /// The requests that the log can't know; none before somebody asks.
    earlier: AsyncMutex<Option<Arc<Earlier>>>,
    /// Up to where the database has what was sent before the log's epoch.
    earlier_through: AtomicU64,
    /// The last number that this process gave.
    own: AtomicU64,
    /// How many messages are being given a number, or wait with one for the database.
    sending: AtomicU64,
    /// Whether it stands in the writer's queue.
    pub(super) is_queued: AtomicBool,
    /// Whether it is waited until another process has written what follows.
    pub(super) is_awaited: AtomicBool,
    /// Why nothing can be sent, until somebody has looked.
    fault: Mutex<Option<String>>,
    /// What follows its log where others append to it; it ends with the cell.
    follower: OnceLock<AbortOnDrop>,
    /// When somebody last had to do with it, as the sequencer counts.
    pub(super) used: AtomicU64,
}

impl Cell {
    pub(super) fn new(
        thread: Thread,
        org: OrgId,
        stream: StreamName,
        shown: u64,
        place: Option<Position>,
    ) -> Self {
        Cell {
            epoch: epoch_of(&thread.thread_id),
            thread,
            org,
            stream,
            shown: watch::Sender::new(shown),
            recent: Mutex::default(),
            checked: Mutex::default(),
            earlier: AsyncMutex::default(),
            earlier_through: AtomicU64::new(shown),
            place: Mutex::new(place),
            own: AtomicU64::new(0),
            sending: AtomicU64::new(0),
            is_queued: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            fault: Mutex::default(),
            follower: OnceLock::new(),
            used: AtomicU64::new(0),
        }
    }

    pub(crate) fn shown(&self) -> u64 {
        *self.shown.borrow()
    }

    /// Keeps what follows its log.
    pub(super) fn keep(&self, follower: AbortHandle) {
        self.follower.get_or_init(|| AbortOnDrop(follower));
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.shown.subscribe()
    }

    /// Returns whether anybody waits for what is shown next.
    pub(super) fn is_watched(&self) -> bool {
        self.shown.receiver_count() > 0
    }

    pub(super) fn place(&self) -> Option<Position> {
        *self.place.lock()
    }

    pub(super) fn set_place(&self, place: Option<Position>) {
        *self.place.lock() = place;
    }

    /// Returns whether the database has all that the log had when this epoch of it began.
    pub(super) fn is_checked(&self, epoch: Epoch) -> bool {
        *self.checked.lock() == Some(epoch)
    }

    /// Notes that it has, up to this number.
    pub(super) async fn check(&self, epoch: Epoch, through: u64) {
        let mut earlier = self.earlier.lock().await;
        self.earlier_through.fetch_max(through, Ordering::Relaxed);
        *earlier = None;
        *self.checked.lock() = Some(epoch);
    }

    /// Returns the requests that the log can't know.
    pub(super) async fn earlier(
        &self,
        rows: &dyn Rows,
        now_ms: u64,
    ) -> Result<Arc<Earlier>, ChatError> {
        let mut held = self.earlier.lock().await;
        if let Some(earlier) = &*held {
            return Ok(Arc::clone(earlier));
        }
        let through = self.earlier_through.load(Ordering::Relaxed);
        let earlier = Earlier::read(rows, &self.thread.thread_id, through, now_ms).await?;
        Ok(Arc::clone(held.insert(Arc::new(earlier))))
    }

    /// Notes a number that this process gave.
    pub(super) fn gave(&self, seq: u64) {
        self.own.fetch_max(seq, Ordering::Relaxed);
    }

    /// Takes a place among those that wait for the database, until it is dropped; none where as many
    /// wait as may, of whom nobody knows any more or who are being sent.
    pub(super) fn waiting_place(&self, most: u64) -> Option<WaitingPlace<'_>> {
        let is_behind = self.own() > self.shown() + most;
        let before = self.sending.fetch_add(1, Ordering::SeqCst);
        let place = WaitingPlace(&self.sending);
        (!is_behind && before < most).then_some(place)
    }

    pub(super) fn own(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().clone()
    }

    pub(super) fn set_fault(&self, fault: Option<String>) {
        *self.fault.lock() = fault;
    }

    /// Shows messages that the database has; those that are shown already are passed over.
    pub(super) fn show(&self, messages: &[Message]) -> Result<(), RecordError> {
        let mut recent = self.recent.lock();
        let mut through = self.shown();
        for message in messages {
            if message.seq != through + 1 {
                continue;
            }
            let amended = Amended { message: message.clone(), amendment: None };
            recent.push(self.event(&amended)?);
            through += 1;
        }
        // Under the lock, so that the level never falls.
        self.shown.send_if_modified(|shown| {
            let is_more = through > *shown;
            *shown = (*shown).max(through);
            is_more
        });
        Ok(())
    }

    /// Shows everything up to a number, which the database has, without what it says.
    pub(super) fn show_through(&self, seq: u64) {
        let _recent = self.recent.lock();
        self.shown.send_if_modified(|shown| {
            let is_more = seq > *shown;
            *shown = (*shown).max(seq);
            is_more
        });
    }

    /// Returns the latest messages of a stretch, where they are at hand.
    pub(super) fn recent(&self, after: u64, through: u64, limit: usize) -> Option<Vec<Arc<Event>>> {
        self.recent.lock().after(after, through, limit)
    }

    /// Forgets what is at hand: a message has changed.
    pub(crate) fn forget_recent(&self) {
        self.recent.lock().clear();
    }

    /// Returns a message as its readers get it.
    pub(super) fn event(&self, amended: &Amended) -> Result<Arc<Event>, RecordError> {
        let envelope = shown_envelope(&self.org, amended)?;
        let place = self.at(amended.message.seq);
        Ok(Arc::new(Event::new(place, envelope.id, event_name()?, envelope.to_json())))
    }

    /// Returns the place with this number.
    pub(crate) fn at(&self, seq: u64) -> Position {
        Position::new(self.epoch, Seq(seq))
    }
}

/// A place among the messages of a thread that wait for the database.
#[derive(Debug)]
pub(super) struct WaitingPlace<'a>(&'a AtomicU64);

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Aborts a task when it is dropped.
#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns the name of a thread's places.
fn epoch_of(thread: &str) -> Epoch {
    let digest: [u8; 32] = Sha256::digest(format!("thread {thread}")).into();
    let mut bits = [0; 8];
    bits.copy_from_slice(&digest[..8]);
    Epoch::from_bits(u64::from_be_bytes(bits))
}
