//! A reader behind its ring: served from the log, a page at a time, until the ring has its place.

use std::{ops::Range, sync::Arc};

use broker::{Events, Page, ReadError};
use bytes::Bytes;
use event::{Event, Gap, GapReason, MonoMs, Position, Seq};

use super::{
    ReaderKey, Room, SubscriptionId, Wish,
    ring::{self, Mark, Place},
    run::{Run, Runs},
    socket::Sink,
};
use crate::encoder::Encoder;

/// What came of a wish for a page.
pub type Fetched = Result<Page, ReadError>;

/// What a reader has from the log and has not been written yet.
#[derive(Debug)]
pub(super) struct CatchUp {
    /// A gap's frame, before the events, and the place that it moves the reader to.
    pub(super) gap: Option<(Bytes, Position)>,
    events: Events,
    /// The first event that the reader has not passed.
    next: usize,
    /// Bytes of some of the events, from `next` on.
    run: Option<Arc<Run>>,
    /// The place up to which the events reach.
    pub(super) end: Position,
    /// The mark of that place.
    pub(super) mark: Mark,
}

impl CatchUp {
    /// Returns a gap or none, and events up to a place with this mark.
    pub(super) fn new(
        gap: Option<(Bytes, Position)>,
        events: Events,
        end: Position,
        mark: Mark,
    ) -> Self {
        CatchUp { gap, events, next: 0, run: None, end, mark }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gap.is_none() && self.next == self.events.len()
    }

    /// Returns how many events are still to be written.
    pub(super) fn len(&self) -> usize {
        self.events.len() - self.next
    }

    /// Returns the bytes of events with greater numbers that are still to be written.
    pub(super) fn bytes_newer(&self, than: Seq) -> u64 {
        let left = &self.events[self.next..];
        left.iter().filter(|event| event.position.seq > than).map(|event| ring::bytes(event)).sum()
    }

    /// Forgets what lies before a place.
    pub(super) fn pass(&mut self, through: Position) {
        self.gap.take_if(|(_, place)| place.seq <= through.seq);
        let left = &self.events[self.next..];
        self.next += left.partition_point(|event| event.position.seq <= through.seq);
        self.run.take_if(|run| !run.range().contains(&self.next));
    }

    /// Encodes the next events, where that is not done.
    pub(super) fn prepare(&mut self, runs: &mut Runs, encoder: &Encoder<'_>) {
        if self.run.is_none() && self.next < self.events.len() {
            self.run = Some(runs.get(&self.events, self.next, encoder));
        }
    }

    /// Returns the bytes of the next events, and which they are; nothing before they are encoded.
    pub(super) fn encoded(&self) -> Option<(&Run, Range<usize>)> {
        let run = self.run.as_ref()?;
        Some((run, self.next..run.range().end))
    }

    /// Returns an event by its index in the run's stretch.
    pub(super) fn event(&self, index: usize) -> &Event {
        &self.events[index]
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
        let gap = page.gap.map(as_lag).map(|gap| {
            self.metrics.gap(gap.reason);
            (table.encoder(framing, &self.deflater).gap(&gap), gap.resumes_at)
        });
        let catch_up = CatchUp::new(gap, page.events, page.next, mark);
        subscription.catch_up = Some(Box::new(catch_up));
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
            if !catch_up.is_empty() {
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
    Page { gap: Some(gap), after: head, events: Events::default(), skipped: 0, next: head, head }
}

/// A reader that was attached all the time did not come too late: it was too slow.
fn as_lag(mut gap: Gap) -> Gap {
    if gap.reason == GapReason::Expired {
        gap.reason = GapReason::Lagged;
    }
    gap
}
