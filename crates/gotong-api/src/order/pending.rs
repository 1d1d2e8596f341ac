//! What a thread's log has that is not shown yet.

use broker::{PageLimit, ReadError};
use event::{After, Epoch, Event, Position, Seq};
use store::Message;

use super::{cell::Cell, log::ThreadLog};
use crate::domain::Record;

/// Most messages that are read at one time.
const READ_MAX: PageLimit = PageLimit::clamped(store::GROUP_MESSAGES_MAX);

/// Most pages that are read to find where a thread stands in its log.
const PAGES_MAX: usize = 64;

/// Messages that follow what is shown.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// In order and without a hole.
    pub(super) messages: Vec<Message>,
    /// Where the log stands behind each of them.
    pub(super) places: Vec<Position>,
    /// Whether the log has more.
    pub(super) has_more: bool,
}

/// Why nobody can say what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PendingError {
    /// The log can't answer now.
    Log(ReadError),
    /// The log and the database are of different pasts.
    Fault(String),
}

impl From<ReadError> for PendingError {
    fn from(error: ReadError) -> Self {
        PendingError::Log(error)
    }
}

impl Pending {
    /// Reads what follows what is shown of a thread.
    pub(super) async fn read(log: &dyn ThreadLog, cell: &Cell) -> Result<Self, PendingError> {
        let shown = cell.shown();
        if let Some(place) = cell.place().filter(|place| place.seq.0 == shown) {
            let page = log.page(&cell.stream, &After::At(place), READ_MAX).await?;
            if page.gap.is_none() {
                let has_more = page.has_more();
                return Pending::of(cell, shown, &page.events, has_more);
            }
        }
        cell.set_place(None);
        Pending::find(log, cell, shown).await
    }

    /// Looks for what follows from the oldest event on that the log has.
    async fn find(log: &dyn ThreadLog, cell: &Cell, shown: u64) -> Result<Self, PendingError> {
        let (_, head) = head_from(log, cell, shown).await?;
        if head.seq.0 == shown {
            cell.set_place(Some(head));
            return Ok(Pending::default());
        }
        let mut after = After::Oldest;
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = log.page(&cell.stream, &after, PageLimit::MAX).await?;
            let room = READ_MAX.get() - found.len();
            let beyond = page.events.iter().filter(|event| event.position.seq.0 > shown);
            found.extend(beyond.take(room).cloned());
            let has_more = page.has_more();
            if found.len() == READ_MAX.get() || !has_more {
                return Pending::of(cell, shown, &found, has_more);
            }
            after = After::At(page.next);
        }
        Err(PendingError::Fault("the thread's log can't be read to its end".to_owned()))
    }

    fn of(
        cell: &Cell,
        shown: u64,
        events: &[std::sync::Arc<Event>],
        has_more: bool,
    ) -> Result<Self, PendingError> {
        let mut pending = Pending { has_more, ..Pending::default() };
        for (event, seq) in events.iter().zip(shown + 1..) {
            if event.position.seq.0 != seq {
                let found = event.position.seq;
                return Err(PendingError::Fault(format!(
                    "message {seq} is not in the database, and the thread's log begins with {found}"
                )));
            }
            let fault = |_| PendingError::Fault(format!("event {seq} of the log is no message"));
            let record = Record::read(event).map_err(fault)?;
            if record.thread_id != cell.thread.thread_id {
                return Err(PendingError::Fault(format!("event {seq} is another thread's")));
            }
            pending.messages.push(record.row(event.id, seq));
            pending.places.push(event.position);
        }
        Ok(pending)
    }
}

/// Returns the log's head, once it is not behind what the database has, and an epoch of the log that
/// began no later than it was read.
pub(super) async fn head_from(
    log: &dyn ThreadLog,
    cell: &Cell,
    shown: u64,
) -> Result<(Option<Epoch>, Position), PendingError> {
    let epoch = log.epoch(&cell.stream).await?;
    let head = log.head(&cell.stream).await?;
    if head.seq.0 >= shown {
        return Ok((epoch, head));
    }
    tracing::warn!(stream = %cell.stream, log = %head.seq, database = shown, "a log is raised");
    log.raise(&cell.stream, Seq(shown)).await?;
    let epoch = log.epoch(&cell.stream).await?;
    Ok((epoch, log.head(&cell.stream).await?))
}
