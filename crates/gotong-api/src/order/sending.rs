//! Sending messages: a number, the database, and only then the answer.

use std::{sync::Arc, time::Duration};

use broker::{Append, AppendError, Appended, IdempotencyKey, NewEvent, ReadError, Receipt};
use event::{Epoch, EventId};
use store::{ChatError, Message};
use tokio::time::{Instant, timeout};

use super::{
    cell::Cell,
    earlier::REQUEST_AGE_MAX,
    opening::missing,
    pending::{PendingError, head_from},
    sequencer::Sequencer,
};
use crate::domain::{Draft, Record, event_name, fingerprint, message_id};

/// How many messages of a thread may wait for the database with a sender, and how many without one:
/// far fewer than the log keeps, of several processes together too.
const BACKLOG_MAX: u64 = 256;

/// How often a sender that waits looks whether its thread is at fault.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often a log may begin anew while a message is sent.
const EPOCHS_TRIED: u32 = 3;

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
            if let Some(epoch) = epoch {
                cell.check(epoch, head.seq.0).await;
            }
            return Ok(epoch);
        }
        Ok(epoch)
    }

    /// Looks for what came of a request that the log can't know.
    async fn sent_before(
        &self,
        cell: &Cell,
        author: &str,
        draft: &Draft,
        request_id: &str,
    ) -> Result<Option<Message>, SendError> {
        let now_ms = self.now_ms();
        let earlier = cell.earlier(&*self.rows, now_ms).await?;
        if !earlier.may_have(author, request_id, now_ms) {
            return Ok(None);
        }
        let since = now_ms.saturating_sub(REQUEST_AGE_MAX.as_millis() as u64);
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
        let seq = receipt.position.seq.0;
        if seq <= shown && !(is_replayed && self.is_there(cell, &receipt).await?) {
            // What the log has beyond the database is there since its epoch was looked at.
            let place = receipt.position;
            return Err(SendError::Fault(format!("the log gave {place}, which is another's")));
        }
        cell.gave(seq);
        self.writer.look_at(cell);
        Ok(Some((receipt, is_replayed)))
    }

    /// Returns whether the message with this number is the one of the receipt.
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

fn placed(cell: &Cell, message: Message, is_replayed: bool) -> Placed {
    let cursor = cell.at(message.seq).to_string();
    Placed { message, cursor, is_replayed }
}

fn unavailable(error: &ReadError) -> AppendError {
    AppendError::Unavailable { reason: error.to_string(), maybe: true }
}
