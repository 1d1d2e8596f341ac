//! A stretch of a log, as it was read at one moment.

use std::sync::Arc;

use event::{Event, Gap, Position};

/// Most events in one page: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(usize);

impl PageLimit {
    /// The largest page.
    pub const MAX: PageLimit = PageLimit(1000);

    /// Returns the limit, moved into its range.
    pub const fn clamped(events: usize) -> Self {
        if events == 0 {
            PageLimit(1)
        } else if events > PageLimit::MAX.0 {
            PageLimit::MAX
        } else {
            PageLimit(events)
        }
    }

    /// Returns the limit as a number of events.
    pub const fn get(self) -> usize {
        self.0
    }
}

/// Events of a stretch, oldest first; whoever reads the same stretch may share it.
pub type Events = Arc<[Arc<Event>]>;

/// A stretch of a log.
///
/// Invariant: the events ascend by number, all of them lie after `after` and up to `next`, and
/// `events.len() + skipped` is the distance between the two. A gap ends at `after`. A page that ends
/// before the head has something in it, so that reading on comes to an end.
#[derive(Clone, Debug)]
pub struct Page {
    /// The hole before the first event, where one can't be ruled out; it ends at `after`.
    pub gap: Option<Gap>,
    /// The place before the first event.
    pub after: Position,
    /// The events, oldest first.
    pub events: Events,
    /// How many events in between this reader has had under another place (a merged branch).
    pub skipped: u64,
    /// Where the next page begins; `after` where there is nothing more yet.
    pub next: Position,
    /// The log's last place at the moment of reading, beyond a hole that lies there.
    pub head: Position,
}

impl Page {
    /// Returns whether the log had more than this page: an event, or a hole to be told of.
    pub fn has_more(&self) -> bool {
        self.next != self.head
    }

    /// Returns whether the page keeps its invariant; one that does not must not be delivered.
    pub fn is_whole(&self) -> bool {
        let ascending = self.events.windows(2).all(|w| w[0].position.seq < w[1].position.seq);
        let inside = self.events.iter().all(|event| {
            event.position.seq > self.after.seq && event.position.seq <= self.next.seq
        });
        let counted = self.events.len() as u64 + self.skipped;
        let gap_fits = self.gap.as_ref().is_none_or(|gap| gap.resumes_at == self.after);
        let moves = counted > 0 || self.next.seq >= self.head.seq;
        let distance = self.next.seq.0.checked_sub(self.after.seq.0);
        ascending && inside && gap_fits && moves && distance == Some(counted)
    }
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The backend holds as many logs as it may.
    #[error("too many streams")]
    StreamsFull,
    /// The backend can't answer now.
    #[error("the backend is unavailable: {reason}")]
    Unavailable {
        /// What is wrong, for the log.
        reason: String,
    },
}
