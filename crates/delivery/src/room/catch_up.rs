//! A reader behind its ring: served from the log, a page at a time, until the ring has its place.

use std::{collections::VecDeque, sync::Arc};

use broker::{Page, ReadError};
use bytes::Bytes;
use event::{Event, Gap, GapReason, MonoMs, Position, Seq};

use super::{
    ReaderKey, Room, Wish,
    ring::{self, Mark, Place},
    socket::Sink,
};
use crate::sse;

/// What came of a wish for a page.
pub type Fetched = Result<Page, ReadError>;

/// What a reader has from the log and has not been written yet.
#[derive(Debug)]
pub(super) struct CatchUp {
    pub(super) queue: VecDeque<Piece>,
    /// The place up to which the queue reaches.
    pub(super) end: Position,
    /// The mark of that place.
    pub(super) mark: Mark,
}

/// A piece of what a reader is sent.
#[derive(Debug)]
pub(super) enum Piece {
    Event(Arc<Event>),
    /// A frame of the server's own, and the place that it moves the reader to.
    Own(Bytes, Position),
}

impl CatchUp {
    pub(super) fn opened(first: Vec<Arc<Event>>, end: Position, mark: Mark) -> Self {
        let mark = mark.beyond(&first);
        CatchUp { queue: first.into_iter().map(Piece::Event).collect(), end, mark }
    }

    /// Returns the bytes of events with greater numbers that are still to be written.
    pub(super) fn bytes_newer(&self, than: Seq) -> u64 {
        let newer = self.queue.iter().filter_map(|piece| match piece {
            Piece::Event(event) if event.position.seq > than => Some(ring::bytes(event)),
            Piece::Event(_) | Piece::Own(..) => None,
        });
        newer.sum()
    }
}

impl<S: Sink> Room<S> {
    /// Takes in the page that a reader asked for.
    pub fn on_page(&mut self, key: ReaderKey, fetched: Fetched, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        let through = reader.through;
        let page = match fetched {
            Ok(page) => deliverable(page, through),
            // Asked again at the next tick; the reader stays where it is.
            Err(_) => return self.waiting.push(key),
        };
        if page.gap.is_none() && page.next.seq <= through.seq {
            // The log has nothing more, yet the ring lies elsewhere: it is about to restart.
            reader.through = page.next;
            return self.waiting.push(key);
        }
        reader.fetching = false;
        let (table, mark) = (reader.table, reader.mark);
        let ring = &self.tables[table].ring;
        // What a gap passes over is no longer owed to the reader. Where the ring is behind the
        // log, the mark is set right once it gets there.
        let mark = if page.gap.is_some() { ring.mark() } else { mark.beyond(&page.events) };
        let mut queue: VecDeque<_> = page.events.into_iter().map(Piece::Event).collect();
        let gap = page.gap.map(as_lag);
        if let Some(gap) = &gap {
            queue.push_front(Piece::Own(sse::gap(gap), gap.resumes_at));
        }
        let catch_up = CatchUp { queue, end: page.next, mark };
        self.readers[key.index as usize].catch_up = Some(Box::new(catch_up));
        if let Some(gap) = gap {
            self.metrics.gap(gap.reason);
        }
        self.serve(key, now);
    }

    /// Leaves the log's pages behind where the ring goes on, or asks for the next one.
    ///
    /// Returns the index of the reader's next event in the ring, where it has a place there.
    pub(super) fn join_ring(&mut self, key: ReaderKey) -> Option<usize> {
        let reader = &mut self.readers[key.index as usize];
        if reader.fetching {
            return None;
        }
        if let Some(catch_up) = &reader.catch_up {
            if !catch_up.queue.is_empty() {
                return None;
            }
            reader.through = catch_up.end;
            reader.mark = catch_up.mark;
            reader.catch_up = None;
        }
        let ring = &self.tables[reader.table].ring;
        match ring.place(reader.through) {
            Place::At(index) => {
                reader.mark = ring.mark_before(index);
                Some(index)
            }
            Place::Ahead => None,
            Place::Outside => {
                reader.fetching = true;
                let stream = self.tables[reader.table].channel().stream().clone();
                self.wishes.push(Wish::Fetch { reader: key, stream, after: reader.through });
                None
            }
        }
    }
}

/// Makes a gap of a page that does not keep its invariant, or begins elsewhere without saying why:
/// it is never delivered as if it were whole.
fn deliverable(page: Page, through: Position) -> Page {
    let goes_on = page.gap.is_some() || page.after.seq == through.seq;
    if page.is_whole() && goes_on {
        return page;
    }
    let head = page.head;
    let gap = Gap {
        reason: GapReason::DataLoss,
        after: Some(through.to_string()),
        resumes_at: head,
        missed: None,
    };
    Page { gap: Some(gap), after: head, events: Vec::new(), skipped: 0, next: head, head }
}

/// A reader that was attached all the time did not come too late: it was too slow.
fn as_lag(mut gap: Gap) -> Gap {
    if gap.reason == GapReason::Expired {
        gap.reason = GapReason::Lagged;
    }
    gap
}
