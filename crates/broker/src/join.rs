//! The rule that joins replay and live, free of IO so that it can be modelled and simulated.
//!
//! Invariants: what is delivered ascends by one from the place where it began, except over a gap
//! that is delivered in its place; a live event that is not the next one is never delivered, but
//! makes the log be read; at most [`LIVE_EVENTS_MAX`] live events are held.

use std::{collections::VecDeque, sync::Arc};

use event::{Event, Gap, GapReason, Position, Seq};

use crate::{Page, Wake};

/// Most live events held while the log is read; what comes beyond is read from the log.
pub const LIVE_EVENTS_MAX: usize = 1024;

/// What a reader receives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// The next event.
    Event(Arc<Event>),
    /// A hole can't be ruled out here.
    Gap(Gap),
}

/// What the owner of a joiner has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hand this to the reader.
    Deliver(Item),
    /// Read a page after this place and give it to [`Joiner::on_page`].
    Read(Position),
    /// Wait for a hint and give it to [`Joiner::on_wake`].
    Wait,
}

/// One reader's place in a log, and what is known to come after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Joiner {
    at: Position,
    head: Seq,
    must_read: bool,
    ready: VecDeque<Item>,
    live: VecDeque<Arc<Event>>,
}

impl Joiner {
    /// Returns the joiner of a reader whose first page this is; its gap is part of the opening
    /// and not delivered again.
    pub fn opened(mut first: Page) -> Self {
        first.gap = None;
        let mut joiner = Joiner {
            at: first.after,
            head: first.head.seq,
            must_read: false,
            ready: VecDeque::new(),
            live: VecDeque::new(),
        };
        joiner.on_page(first);
        joiner
    }

    /// Returns the place up to which everything has been taken in, delivered or ready.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Says what to do next.
    pub fn step(&mut self) -> Step {
        if let Some(item) = self.ready.pop_front() {
            return Step::Deliver(item);
        }
        self.take_live();
        if let Some(item) = self.ready.pop_front() {
            return Step::Deliver(item);
        }
        if self.must_read || self.head > self.at.seq { Step::Read(self.at) } else { Step::Wait }
    }

    /// Returns the next item where no page has to be read and no hint waited for.
    pub fn ready(&mut self) -> Option<Item> {
        self.ready.pop_front()
    }

    /// Takes in a hint.
    pub fn on_wake(&mut self, wake: Wake) {
        match wake {
            Wake::Event(event) => self.on_live(event),
            Wake::Head(head) => self.head = self.head.max(head),
            Wake::Unsure | Wake::Closed => self.must_read = true,
        }
    }

    /// Takes in a page that was read after the place that [`Step::Read`] named.
    ///
    /// A page that does not keep its invariant, or begins elsewhere without saying why, becomes a
    /// gap: it is never delivered as if it were whole.
    pub fn on_page(&mut self, page: Page) {
        let (asked_at, resumes_at) = (self.at, page.after);
        self.must_read = false;
        self.head = page.head.seq;
        let hole_at_head = page.has_more() && page.next.seq == page.head.seq;
        let broken = !page.is_whole() || (page.gap.is_none() && page.after != self.at);
        if broken {
            self.skip_to(
                page.head,
                Gap {
                    reason: GapReason::DataLoss,
                    after: Some(asked_at.to_string()),
                    resumes_at: page.head,
                    missed: None,
                },
            );
            return;
        }
        if let Some(gap) = page.gap {
            self.skip_to(resumes_at, as_lag(gap));
        }
        self.at = page.next;
        // A page that ends at a hole may have the head's number, and more to tell all the same.
        self.must_read = hole_at_head && self.at != asked_at;
        self.ready.extend(page.events.iter().cloned().map(Item::Event));
    }

    fn skip_to(&mut self, place: Position, gap: Gap) {
        self.live.clear();
        self.at = place;
        self.ready.push_back(Item::Gap(gap));
    }

    fn on_live(&mut self, event: Arc<Event>) {
        self.head = self.head.max(event.position.seq);
        if event.position.seq <= self.at.seq && event.position.epoch != self.at.epoch {
            // An old hint, or a new owner that went on from before this place: the log knows.
            self.must_read = true;
        }
        if event.position.seq > self.at.seq && self.live.len() < LIVE_EVENTS_MAX {
            let place = self.live.partition_point(|e| e.position.seq < event.position.seq);
            let known = self.live.get(place).is_some_and(|e| e.position == event.position);
            if !known {
                self.live.insert(place, event);
            }
        }
    }

    /// Moves live events that are next in turn to `ready`, and forgets those already had.
    fn take_live(&mut self) {
        if self.must_read {
            self.live.clear();
        }
        while let Some(event) = self.live.front() {
            let Position { epoch, seq } = event.position;
            if seq > self.at.seq.next() {
                break;
            }
            if epoch != self.at.epoch && seq > self.at.seq {
                // The owner changed; only the log's lineage can tell what it goes on from.
                self.must_read = true;
                self.live.clear();
                break;
            }
            let event = self.live.pop_front().expect("the front was just looked at");
            if seq == self.at.seq.next() {
                self.at = event.position;
                self.ready.push_back(Item::Event(event));
            }
        }
    }
}

/// A reader that was attached all the time did not come too late: it was too slow.
fn as_lag(mut gap: Gap) -> Gap {
    if gap.reason == GapReason::Expired {
        gap.reason = GapReason::Lagged;
    }
    gap
}
