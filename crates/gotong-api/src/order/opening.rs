//! Opening threads, and following logs to which others append.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use broker::ReadError;
use event::{OrgId, StreamName};
use store::{ChatError, Head};
use tokio::time::sleep;

use super::{
    cell::Cell,
    pending::{PendingError, head_from},
    sequencer::Sequencer,
};

/// How long to wait before a log that could not be followed is followed again.
const FOLLOW_AGAIN: Duration = Duration::from_millis(250);

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

impl Sequencer {
    /// Opens a thread: its log goes on where the database is, and what the log has beyond that is
    /// brought there.
    ///
    /// # Errors
    /// Fails where there is none, and where database or log have no answer.
    pub(crate) async fn open(self: &Arc<Self>, thread: &str) -> Result<Arc<Cell>, OpenError> {
        let entry = self.entry(thread).ok_or(OpenError::Full)?;
        let opened = entry.get_or_try_init(|| self.begin(thread)).await.map(Arc::clone);
        if opened.is_err() {
            self.give_up(thread, entry);
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
                if let Some(epoch) = epoch {
                    cell.check(epoch, head.seq).await;
                }
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
}

/// Returns what is said of a thread with holes.
pub(super) fn missing(head: &Head) -> String {
    format!("{} of {} messages are missing in the database", head.missing, head.seq)
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
