//! Sending, changing and reading messages, and how far somebody has read.

use node_runtime::{IdempotencyResult, PublishResult};
use store::{Amended, Amendment};
use viz_api::{ApiError, Code, surface::Caller};

use super::{Entered, Service, user_of};
use crate::{
    domain::{Act, Draft, Slip},
    error::Failure,
    order::{Placed, SendError},
};

/// Who sends, and under which request's id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) request_id: Option<&'a str>,
}

/// Some messages of a thread.
pub(crate) struct MessagePage {
    pub(crate) messages: Vec<Amended>,
    /// After which number to go on.
    pub(crate) next: u64,
    pub(crate) has_more: bool,
}

impl Service {
    /// Sends a message.
    pub(crate) async fn send(
        &self,
        sender: Sender<'_>,
        thread: &str,
        draft: &Draft,
    ) -> Result<Placed, Failure> {
        let user = user_of(sender.caller)?;
        let entered = self.enter(sender.caller, thread).await?;
        entered.may(Act::Write)?;
        let began = self.state.clock.mono();
        let sent = self.sequencer.send(&entered.cell, user, draft, sender.request_id).await;
        self.state.metrics.publish_took(self.state.clock.mono().since(began));
        self.count(&sent, sender.request_id.is_some());
        Ok(sent?)
    }

    fn count(&self, sent: &Result<Placed, SendError>, has_id: bool) {
        let (published, idempotency) = match sent {
            Ok(placed) if placed.is_replayed => {
                (PublishResult::Replayed, Some(IdempotencyResult::Replayed))
            }
            Ok(_) => (PublishResult::Stored, Some(IdempotencyResult::First)),
            Err(SendError::Conflict) => (PublishResult::Refused, Some(IdempotencyResult::Conflict)),
            Err(_) => (PublishResult::Failed, None),
        };
        self.state.metrics.published(self.sequencer.backend(), published, 1);
        if let Some(result) = idempotency.filter(|_| has_id) {
            self.state.metrics.idempotency(result);
        }
    }

    /// Changes what a message says.
    pub(crate) async fn edit(
        &self,
        caller: &Caller,
        thread: &str,
        seq: u64,
        body: &str,
    ) -> Result<Amended, Failure> {
        let body = Draft::checked_body(body)?.to_owned();
        let (entered, message) = self.own_message(caller, thread, seq).await?;
        if message.deleted_at_ms().is_some() {
            return Err(deleted());
        }
        // Above the edit that was read, whatever the clock of who made it says.
        let above = message.edited_at_ms().map_or(0, |at_ms| at_ms.saturating_add(1));
        let amendment = Amendment::Edited { body, at_ms: self.now_ms().max(above) };
        let amended = self.amend(&entered, message, &amendment).await?;
        match amended.deleted_at_ms() {
            Some(_) => Err(deleted()),
            None => Ok(amended),
        }
    }

    /// Takes a message away; once more does no harm.
    pub(crate) async fn delete(
        &self,
        caller: &Caller,
        thread: &str,
        seq: u64,
    ) -> Result<Amended, Failure> {
        let (entered, message) = self.own_message(caller, thread, seq).await?;
        if message.deleted_at_ms().is_some() {
            return Ok(message);
        }
        let amendment = Amendment::Deleted { at_ms: self.now_ms() };
        self.amend(&entered, message, &amendment).await
    }

    async fn amend(
        &self,
        entered: &Entered,
        message: Amended,
        amendment: &Amendment,
    ) -> Result<Amended, Failure> {
        let (thread, seq) = (&entered.cell.thread.thread_id, message.message.seq);
        let counts = self.rows().amend(thread, seq, amendment).await;
        // Also where it failed: it may have been written.
        entered.cell.forget_recent();
        Ok(Amended { message: message.message, amendment: Some(counts?) })
    }

    /// Finds a message that the caller wrote.
    async fn own_message(
        &self,
        caller: &Caller,
        thread: &str,
        seq: u64,
    ) -> Result<(Entered, Amended), Failure> {
        let user = user_of(caller)?;
        let entered = self.enter(caller, thread).await?;
        entered.may(Act::Write)?;
        let missing = || Failure(ApiError::not_found("there is no such message"));
        // From the database: another replica may have shown more than this one.
        let before = seq.checked_sub(1).ok_or_else(missing)?;
        let found = self.rows().read(thread, before, 1).await?.pop().ok_or_else(missing)?;
        if found.message.author_id != user {
            let message = "only its author may change a message";
            return Err(Failure(ApiError::new(Code::Forbidden, message)));
        }
        Ok((entered, found))
    }

    /// Returns the messages after a number.
    pub(crate) async fn messages(
        &self,
        caller: &Caller,
        thread: &str,
        after: u64,
        limit: usize,
    ) -> Result<MessagePage, Failure> {
        let entered = self.enter(caller, thread).await?;
        entered.may(Act::Read)?;
        let mut messages = self.rows().read(thread, after, limit + 1).await?;
        let has_more = messages.len() > limit;
        messages.truncate(limit);
        let next = messages.last().map_or(after, |last| last.message.seq);
        Ok(MessagePage { messages, next, has_more })
    }

    /// Returns the number of a message that a client knows by its id and time.
    pub(crate) async fn seq_of(
        &self,
        caller: &Caller,
        thread: &str,
        message_id: &str,
        created_at_ms: u64,
    ) -> Result<u64, Failure> {
        self.enter(caller, thread).await?.may(Act::Read)?;
        let unknown = || Slip::new("`since_message_id` is no message of this thread at that time");
        let seq = self.rows().seq_of(thread, message_id).await?.ok_or_else(unknown)?;
        let found = self.rows().read(thread, seq - 1, 1).await?;
        let is_it = found.first().is_some_and(|m| m.message.created_at_ms == created_at_ms);
        Ok(is_it.then_some(seq).ok_or_else(unknown)?)
    }

    /// Returns how far the caller has read.
    pub(crate) async fn read_cursor(&self, caller: &Caller, thread: &str) -> Result<u64, Failure> {
        let user = user_of(caller)?;
        self.enter(caller, thread).await?.may(Act::Read)?;
        Ok(self.rows().read_cursor(thread, user).await?)
    }

    /// Notes how far the caller has read; it never goes back.
    pub(crate) async fn advance_read_cursor(
        &self,
        caller: &Caller,
        thread: &str,
        seq: u64,
    ) -> Result<u64, Failure> {
        let user = user_of(caller)?;
        let entered = self.enter(caller, thread).await?;
        entered.may(Act::Write)?;
        if seq > entered.cell.shown() && seq > self.rows().head(thread).await?.seq {
            let message = "the thread has no message with this number yet";
            return Err(Failure(ApiError::new(Code::Unprocessable, message)));
        }
        Ok(self.rows().advance_read_cursor(thread, user, seq).await?)
    }
}

fn deleted() -> Failure {
    Failure(ApiError::new(Code::Conflict, "the message was deleted"))
}
