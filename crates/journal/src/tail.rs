//! A reader that follows the log: from disk first, then as it grows.
//!
//! Owns its position. It never holds the writer up: where memory has moved on, it reads the disk.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::TailError;
use crate::group::Entry;
use crate::reader::Reader;
use crate::recent::End;
use crate::seq::Seq;
use crate::shared::Shared;

/// Follows the log from a record on, without a hole.
pub struct Tail {
    shared: Arc<Shared>,
    end: watch::Receiver<End>,
    position: Seq,
    reader: Option<Reader>,
}

impl Tail {
    pub(crate) fn new(shared: Arc<Shared>, position: Seq) -> Self {
        let end = shared.recent.watch();
        Self { shared, end, position, reader: None }
    }

    /// The number of the record that comes next.
    pub fn position(&self) -> Seq {
        self.position
    }

    /// The next group, or a place that can't be read; waits for it.
    ///
    /// # Errors
    ///
    /// The journal is closed and all was read; or what comes next is not kept any more; or the
    /// disk failed, in which case it can be tried again.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped has taken nothing.
    pub async fn next(&mut self) -> Result<Entry, TailError> {
        loop {
            // One is asked for, and at least one is given.
            if let Some(entry) = self.next_batch(1, 0).await?.pop() {
                return Ok(entry);
            }
        }
    }

    /// The next entries that are there, at least one; waits for that one alone.
    ///
    /// # Errors
    ///
    /// As [`Tail::next`].
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped has taken nothing.
    pub async fn next_batch(
        &mut self,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, TailError> {
        loop {
            let end = *self.end.borrow_and_update();
            let entries = if self.position < end.next {
                self.read(records_max, bytes_max).await?
            } else if end.closed {
                return Err(TailError::Closed);
            } else {
                self.end.changed().await.map_err(|_| TailError::Closed)?;
                continue;
            };
            if let Some(last) = entries.last() {
                self.position = last.next();
                return Ok(entries);
            }
        }
    }

    async fn read(
        &mut self,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, TailError> {
        match self.shared.recent.from(self.position, records_max, bytes_max) {
            Ok(groups) => {
                self.reader = None;
                Ok(groups
                    .into_iter()
                    .map(|group| Entry::Group(group.behind(self.position)))
                    .collect())
            }
            Err(start) => self.read_disk(start, records_max, bytes_max).await,
        }
    }

    async fn read_disk(
        &mut self,
        until: Seq,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, TailError> {
        let (shared, position) = (Arc::clone(&self.shared), self.position);
        // A reader that was lost with a dropped future is made anew.
        let reader = self.reader.take().filter(|reader| reader.position() == position);
        let mut reader = reader.unwrap_or_else(|| Reader::new(shared, position));
        let read = tokio::task::spawn_blocking(move || {
            let entries = reader.read(until, records_max, bytes_max);
            (reader, entries)
        });
        let (reader, entries) =
            read.await.map_err(|_| TailError::Io(io::Error::other("cut off")))?;
        let entries = entries?;
        self.reader = Some(reader);
        Ok(entries)
    }
}
