//! A reader's place in one stream.

use std::sync::Arc;

use broker::Events;
use event::{Event, Position};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    catch_up::CatchUp,
    gathered::Gathered,
    ring::{Mark, Place, Ring},
};
use crate::{Filter, Lease, Terms, encoder::Encoder};

/// Names a subscription of one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionId(pub(super) u32);

impl SubscriptionId {
    /// The subscription that a reader was admitted with.
    pub const FIRST: SubscriptionId = SubscriptionId(0);
}

/// A stream that a reader is about to follow.
#[derive(Debug)]
pub struct Subscribing {
    /// Its share in the stream's channel.
    pub lease: Lease,
    /// The place after which it goes on.
    pub after: Position,
    /// The events after that place that were read when it attached.
    pub first: Events,
    /// The place up to which `first` reaches.
    pub first_through: Position,
    /// Which events it wants; all where there is none.
    pub filter: Option<Arc<Filter>>,
    /// Its share in its tenant's open streams, where its connection has none for it.
    pub permit: Option<OwnedSemaphorePermit>,
    /// On what terms it is followed.
    pub terms: Terms,
}

/// A reader's place in one stream.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) id: SubscriptionId,
    pub(super) table: u32,
    pub(super) seat: u32,
    /// Everything up to here was written, is in the reader's `rest`, or was not wanted.
    pub(super) through: Position,
    /// The last place that the reader was told; behind `through` where its filter left out more.
    pub(super) told: Position,
    pub(super) catch_up: Option<Box<CatchUp>>,
    pub(super) fetching: bool,
    /// Where its place was in the ring's account, when that was last known.
    pub(super) mark: Mark,
    pub(super) filter: Option<Arc<Filter>>,
    pub(super) terms: Terms,
    _lease: Lease,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Subscription {
    pub(super) fn new(
        subscribing: Subscribing,
        id: SubscriptionId,
        (table, seat): (u32, u32),
        mark: Mark,
    ) -> Self {
        let (first, end) = (subscribing.first, subscribing.first_through);
        let beyond = mark.beyond(&first);
        let catch_up = CatchUp::new(None, first, end, beyond);
        Subscription {
            id,
            table,
            seat,
            through: subscribing.after,
            told: subscribing.after,
            catch_up: Some(Box::new(catch_up)),
            fetching: false,
            mark,
            filter: subscribing.filter,
            terms: subscribing.terms,
            _lease: subscribing.lease,
            _permit: subscribing.permit,
        }
    }

    /// Notes where its place is in the ring's account, as long as the ring knows it.
    pub(super) fn set_mark(&mut self, ring: &Ring) {
        let (place, mark) = match &mut self.catch_up {
            Some(page) => (page.end, &mut page.mark),
            None => (self.through, &mut self.mark),
        };
        if let Place::At(index) = ring.place(place) {
            *mark = ring.mark_before(index);
        }
    }

    /// Returns how many bytes of events have come that the reader has not been written; those of
    /// before it attached are not counted.
    pub(super) fn bytes_behind(&self, ring: &Ring) -> u64 {
        match &self.catch_up {
            Some(page) => ring.bytes_since(page.mark) + page.bytes_newer(self.mark.seq),
            None => ring.bytes_since(self.mark),
        }
    }

    pub(super) fn wants(&self, event: &Event) -> bool {
        self.filter.as_deref().is_none_or(|filter| filter.wants(&event.name))
    }

    /// Gathers what it has from the log, or what lies in the ring from its reader's place on.
    pub(super) fn gather<'a>(
        &'a self,
        at: Option<usize>,
        ring: &'a Ring,
        encoder: &Encoder<'_>,
        gathered: &mut Gathered<'a>,
    ) {
        let wants = |event: &Event| self.wants(event);
        #[cfg(feature = "inject")]
        let wants = |event: &Event| wants(event) && !encoder.faults.loses(event);
        match (&self.catch_up, at) {
            (Some(catch_up), _) => gathered.add_catch_up(catch_up, wants),
            (None, Some(at)) => gathered.add_ring(at, ring, wants, encoder),
            (None, None) => {}
        }
    }

    /// Moves to a place, and forgets the events up to it.
    pub(super) fn pass(&mut self, through: Position) {
        if let Some(catch_up) = &mut self.catch_up {
            catch_up.pass(through);
        }
        self.through = through;
    }
}
