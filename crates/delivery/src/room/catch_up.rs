//! A reader behind its ring: served from the log, a page at a time, until the ring has its place.

use std::{collections::VecDeque, sync::Arc};

use broker::{Page, ReadError};
use bytes::Bytes;
use event::{Event, Gap, GapReason, MonoMs, Position, Seq};

use super::{
    ReaderKey, Room, SubscriptionId, Wish,
    ring::{self, Mark, Place},
    socket::Sink,
};

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
    pub fn on_page(&mut self, key: ReaderKey, id: SubscriptionId, fetched: Fetched, now: MonoMs) {
        let reader = self.readers.get_mut(key.index as usize).filter(|reader| reader.key == key);
        let Some(reader) = reader else { return };
        let Some(index) = reader.find(id) else { return };
        let framing = reader.framing;
        let subscription = &mut reader.subscriptions[index];
        let through = subscription.through;
        let page = match fetched {
            Ok(page) => deliverable(page, through),
            // Asked again at the next tick; the reader stays where it is.
            Err(_) => return self.waiting.push((key, id)),
        };
        if page.gap.is_none() && page.next.seq <= through.seq {
            // The log has nothing more, yet the ring lies elsewhere: it is about to restart.
            subscription.through = page.next;
            return self.waiting.push((key, id));
        }
        subscription.fetching = false;
        let table = &self.tables[subscription.table as usize];
        // What a gap passes over is no longer owed to the reader. Where the ring is behind the
        // log, the mark is set right once it gets there.
        let mark = match page.gap {
            Some(_) => table.ring.mark(),
            None => subscription.mark.beyond(&page.events),
        };
        let mut queue: VecDeque<_> = page.events.into_iter().map(Piece::Event).collect();
        if let Some(gap) = page.gap.map(as_lag) {
            let frame = table.encoder(framing, &self.deflater).gap(&gap);
            queue.push_front(Piece::Own(frame, gap.resumes_at));
            self.metrics.gap(gap.reason);
        }
        subscription.catch_up = Some(Box::new(CatchUp { queue, end: page.next, mark }));
        self.serve_at(key, index, now);
    }

    /// Returns whether a page for a subscription is still of use.
    pub fn awaits(&self, key: ReaderKey, id: SubscriptionId) -> bool {
        self.reader(key).is_some_and(|reader| reader.find(id).is_some())
    }

    /// Leaves the log's pages behind where the ring goes on, or asks for the next one.
    ///
    /// Returns the index of the reader's next event in the ring, where it has a place there.
    pub(super) fn join_ring(&mut self, key: ReaderKey, index: usize) -> Option<usize> {
        let reader = &mut self.readers[key.index as usize];
        let subscription = reader.subscriptions.get_mut(index)?;
        if subscription.fetching {
            return None;
        }
        if let Some(catch_up) = &subscription.catch_up {
            if !catch_up.queue.is_empty() {
                return None;
            }
            subscription.through = catch_up.end;
            subscription.mark = catch_up.mark;
            subscription.catch_up = None;
        }
        let table = &self.tables[subscription.table as usize];
        let through = subscription.through;
        match table.ring.place(through) {
            Place::At(at) => {
                subscription.mark = table.ring.mark_before(at);
                Some(at)
            }
            Place::Ahead => None,
            Place::Outside => {
                subscription.fetching = true;
                self.wishes.push(Wish::Fetch {
                    reader: key,
                    subscription: subscription.id,
                    stream: table.channel().stream().clone(),
                    after: through,
                });
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
