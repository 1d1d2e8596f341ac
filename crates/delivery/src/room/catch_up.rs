//! A reader behind its ring: served from the log, a page at a time, until the ring has its place.

use std::{collections::VecDeque, sync::Arc};

use broker::{Page, ReadError};
use bytes::Bytes;
use event::{Event, GapReason, MonoMs, Position};

use super::{ReaderKey, Room, Wish, ring::Place, socket::Sink};
use crate::sse;

/// What came of a wish for a page.
pub type Fetched = Result<Page, ReadError>;

/// What a reader has from the log and has not been written yet.
#[derive(Debug)]
pub(super) struct CatchUp {
    pub(super) queue: VecDeque<Piece>,
    /// The place up to which the queue reaches.
    end: Position,
}

/// A piece of what a reader is sent.
#[derive(Debug)]
pub(super) enum Piece {
    Event(Arc<Event>),
    /// A frame of the server's own, and the place that it moves the reader to.
    Own(Bytes, Position),
}

impl CatchUp {
    pub(super) fn opened(first: Vec<Arc<Event>>, end: Position) -> Self {
        CatchUp { queue: first.into_iter().map(Piece::Event).collect(), end }
    }
}

impl<S: Sink> Room<S> {
    /// Takes in the page that a reader asked for.
    pub fn on_page(&mut self, key: ReaderKey, fetched: Fetched, now: MonoMs) {
        let Some(reader) = self.reader_mut(key) else { return };
        let through = reader.through;
        let page = match fetched {
            Ok(page) if page.is_whole() => page,
            // Asked again at the next tick; the reader stays where it is.
            Ok(_) | Err(_) => return self.waiting.push(key),
        };
        if page.gap.is_none() && page.next.seq <= through.seq {
            // The log has nothing more, yet the ring lies elsewhere: it is about to restart.
            reader.through = page.next;
            return self.waiting.push(key);
        }
        reader.fetching = false;
        let mut queue: VecDeque<_> = page.events.into_iter().map(Piece::Event).collect();
        let gap = page.gap.map(|mut gap| {
            // It was attached all the time: what expired did so because it was slow.
            if gap.reason == GapReason::Expired {
                gap.reason = GapReason::Lagged;
            }
            gap
        });
        if let Some(gap) = &gap {
            queue.push_front(Piece::Own(sse::gap(gap), gap.resumes_at));
        }
        reader.catch_up = Some(Box::new(CatchUp { queue, end: page.next }));
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
            reader.catch_up = None;
        }
        match self.tables[reader.table].ring.place(reader.through) {
            Place::At(index) => Some(index),
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
