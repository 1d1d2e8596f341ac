//! A thread as a stream: its places are numbers under one name, its events the messages that the
//! database has. The join of replay and live, and delivery, are the same as for every stream.

use std::sync::Arc;

use broker::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, Page, PageLimit, ReadError,
    Wake, Watch,
};
use event::{After, Event, Gap, GapReason, Ledger, Position, Seq, StreamName};
use store::PAGE_MAX;
use tokio::sync::watch;

use super::{cell::Cell, opening::OpenError, sequencer::Sequencer};
use crate::domain::message_id;

/// The threads as streams.
#[derive(Debug)]
pub struct ThreadBroker {
    sequencer: Arc<Sequencer>,
}

impl ThreadBroker {
    /// Returns the streams of these threads.
    pub fn new(sequencer: Arc<Sequencer>) -> Self {
        ThreadBroker { sequencer }
    }

    async fn cell(&self, stream: &StreamName) -> Result<Arc<Cell>, ReadError> {
        let StreamName::Thread(thread) = stream else {
            return Err(unavailable("this is no thread"));
        };
        self.sequencer.open(thread).await.map_err(|error| match error {
            OpenError::Full => ReadError::StreamsFull,
            OpenError::Log(error) => error,
            error => unavailable(&error),
        })
    }

    async fn page_of(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, ReadError> {
        let cell = self.cell(stream).await?;
        let (start, gap) = self.resolve(&cell, after).await?;
        let through = cell.shown();
        let wanted = through.saturating_sub(start).min(limit.get().min(PAGE_MAX) as u64);
        let events = match wanted {
            0 => Vec::new(),
            wanted => self.events(&cell, start, wanted as usize).await?,
        };
        let next = cell.at(start + events.len() as u64);
        let (after, head) = (cell.at(start), cell.at(through.max(start)));
        Ok(Page { gap, after, events: events.into(), skipped: 0, next, head })
    }

    async fn events(
        &self,
        cell: &Cell,
        after: u64,
        count: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        // Where others serve the same threads, they may have edited what is at hand here.
        if !self.sequencer.log.is_shared()
            && let Some(events) = cell.recent(after, after + count as u64, count)
        {
            return Ok(events);
        }
        let rows = &self.sequencer.rows;
        let found = rows
            .read(&cell.thread.thread_id, after, count)
            .await
            .map_err(|error| unavailable(&error))?;
        if found.len() < count {
            return Err(unavailable("the database has fewer messages than it had"));
        }
        found
            .iter()
            .map(|amended| cell.event(amended).map_err(|error| unavailable(&error)))
            .collect()
    }

    /// Finds the number after which reading goes on, and the hole before it.
    async fn resolve(&self, cell: &Cell, after: &After) -> Result<(u64, Option<Gap>), ReadError> {
        let seq = match after {
            After::Head => return Ok((cell.shown(), None)),
            After::Oldest => return Ok((0, None)),
            After::At(place) if place.epoch == cell.epoch => Some(place.seq.0),
            After::At(_) => None,
            After::Id(id) => {
                let (rows, id) = (&self.sequencer.rows, message_id(*id));
                rows.seq_of(&cell.thread.thread_id, &id)
                    .await
                    .map_err(|error| unavailable(&error))?
            }
            After::Unreadable(text) => plain_number(text),
        };
        let gap = |reason, resumes_at| {
            let (after, missed) = (Some(after.to_string()), None);
            Some(Gap { reason, after, resumes_at: cell.at(resumes_at), missed })
        };
        let Some(seq) = seq else { return Ok((0, gap(GapReason::UnknownCursor, 0))) };
        if seq > cell.shown() {
            // Another replica may have shown more.
            let rows = &self.sequencer.rows;
            let head =
                rows.head(&cell.thread.thread_id).await.map_err(|error| unavailable(&error))?;
            if head.missing == 0 {
                cell.show_through(head.seq);
            }
        }
        match cell.shown() {
            shown if seq <= shown => Ok((seq, None)),
            shown => Ok((shown, gap(GapReason::Diverged, shown))),
        }
    }
}

/// Reads a number as clients know messages by.
fn plain_number(text: &str) -> Option<u64> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_plain)
}

fn unavailable(error: &(impl ToString + ?Sized)) -> ReadError {
    ReadError::Unavailable { reason: error.to_string() }
}

impl Broker for ThreadBroker {
    fn append<'a>(
        &'a self,
        _: &'a StreamName,
        _: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        let reason = "a thread takes messages, and no events".to_owned();
        Box::pin(async move { Err(AppendError::Unavailable { reason, maybe: false }) })
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(self.page_of(stream, after, limit))
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(async move {
            let cell = self.cell(stream).await?;
            Ok(cell.at(cell.shown()))
        })
    }

    fn ledger<'a>(&'a self, _: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(async { Err(unavailable("a thread keeps no account")) })
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            let cell = self.cell(stream).await?;
            Ok(Box::new(Follows { shown: cell.watch(), _cell: cell }) as Box<dyn Watch>)
        })
    }

    fn health(&self) -> BrokerHealth {
        self.sequencer.log.health()
    }
}

/// Hints at what is shown of a thread, which stays open for it.
struct Follows {
    shown: watch::Receiver<u64>,
    _cell: Arc<Cell>,
}

impl Watch for Follows {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            match self.shown.changed().await {
                Ok(()) => Wake::Head(Seq(*self.shown.borrow_and_update())),
                Err(_) => Wake::Closed,
            }
        })
    }
}
