//! The latest events of one stream, in one worker.
//!
//! Invariants: the events' numbers ascend by one from `after`; bounded by count, bytes and age.

use std::{collections::VecDeque, sync::Arc};

use event::{Event, MonoMs, Position};

use crate::channel::Arrival;

/// What an event's frame has besides its JSON, about.
const FRAME_BYTES: u64 = 80;

/// The latest events of one stream.
#[derive(Debug)]
pub(super) struct Ring {
    after: Position,
    slots: VecDeque<Slot>,
    /// Bytes of every event that was ever pushed.
    total: u64,
}

#[derive(Debug)]
struct Slot {
    event: Arc<Event>,
    at: MonoMs,
    /// Bytes of every event up to and with this one.
    end: u64,
}

/// Where a reader's place lies, seen from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The reader's next event has this index; there may be none yet.
    At(usize),
    /// The log is ahead of the ring here; the reader's next event is yet to come.
    Ahead,
    /// Only the log knows what follows.
    Outside,
}

impl Ring {
    pub(super) fn new(after: Position) -> Self {
        Ring { after, slots: VecDeque::new(), total: 0 }
    }

    /// Forgets everything and goes on after another place.
    pub(super) fn restart(&mut self, after: Position) {
        self.slots.clear();
        self.after = after;
    }

    /// Adds the next event; one that is not next restarts the ring before it.
    pub(super) fn push(&mut self, arrival: Arrival) {
        let position = arrival.event.position;
        let last = self.last();
        if position.seq <= last.seq && position.epoch == last.epoch {
            return;
        }
        if position.seq != last.seq.next() {
            self.restart(Position::new(position.epoch, position.seq.prev()));
        }
        self.total += bytes(&arrival.event);
        self.slots.push_back(Slot { event: arrival.event, at: arrival.at, end: self.total });
    }

    /// Returns the bytes of every event that was ever pushed.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn last(&self) -> Position {
        self.slots.back().map_or(self.after, |slot| slot.event.position)
    }

    /// Finds a reader's place; one of another history is outside.
    pub(super) fn place(&self, through: Position) -> Place {
        if through.seq < self.after.seq {
            return Place::Outside;
        }
        let index = through.seq.count_after(self.after.seq) as usize;
        let here = match index.checked_sub(1) {
            None => Some(self.after),
            Some(before) => self.slots.get(before).map(|slot| slot.event.position),
        };
        match here {
            None => Place::Ahead,
            Some(here) if here == through => Place::At(index),
            Some(_) => Place::Outside,
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Arc<Event>> {
        self.slots.get(index).map(|slot| &slot.event)
    }

    /// Returns when the event came, `None` where the ring does not have it.
    pub(super) fn came_at(&self, index: usize) -> Option<MonoMs> {
        self.slots.get(index).map(|slot| slot.at)
    }

    /// Returns how many bytes lie from this index to the end.
    pub(super) fn bytes_from(&self, index: usize) -> u64 {
        let Some(slot) = self.slots.get(index) else { return 0 };
        self.total - (slot.end - bytes(&slot.event))
    }

    /// Forgets the oldest events beyond these limits.
    pub(super) fn trim(&mut self, events_max: usize, bytes_max: u64) {
        while self.slots.len() > events_max || self.bytes_from(0) > bytes_max {
            self.pop();
        }
    }

    /// Forgets events that came before this.
    pub(super) fn forget_before(&mut self, at: MonoMs) {
        while self.slots.front().is_some_and(|slot| slot.at < at) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.after = slot.event.position;
        }
    }
}

fn bytes(event: &Event) -> u64 {
    event.json.len() as u64 + FRAME_BYTES
}
