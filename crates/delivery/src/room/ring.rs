//! The latest events of one stream, in one worker.
//!
//! Invariants: the events' numbers ascend by one from `after`; bounded by count, bytes and age. The
//! bytes are those of the events. Frames are not counted: each framing with readers adds about as
//! much again, so that a ring holds at most some four times its limit.

#[cfg(test)]
mod tests;

use std::{cell::OnceCell, collections::VecDeque, sync::Arc};

use bytes::Bytes;
use event::{Event, MonoMs, Position, Seq};

use crate::{
    channel::Arrival,
    encoder::{Encoder, Framing},
};

/// What an event's frame has besides its JSON, about.
const FRAME_BYTES: u64 = 80;

/// Events for which a ring always keeps room.
const ROOM_MIN: usize = 32;

/// The latest events of one stream.
#[derive(Debug)]
pub(super) struct Ring {
    after: Position,
    slots: VecDeque<Slot>,
    /// Bytes of every event that was ever pushed.
    total: u64,
}

/// An event of a ring.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) event: Arc<Event>,
    /// The event's frames, each encoded when the first reader needs it.
    frames: [OnceCell<Bytes>; Framing::COUNT],
    /// The same with the frame of the event before behind it.
    #[cfg(feature = "inject")]
    swapped: [OnceCell<Bytes>; Framing::COUNT],
    at: MonoMs,
    /// Bytes of every event up to and with this one.
    end: u64,
}

impl Slot {
    /// Returns the event's frame.
    pub(super) fn frame(&self, encoder: &Encoder<'_>) -> &Bytes {
        self.frames[encoder.framing as usize].get_or_init(|| encoder.event(&self.event))
    }

    /// Returns the event's frame and behind it that of the one before.
    #[cfg(feature = "inject")]
    pub(super) fn frame_before(&self, earlier: &Slot, encoder: &Encoder<'_>) -> &Bytes {
        let frames = || [&**self.frame(encoder), earlier.frame(encoder)].concat().into();
        self.swapped[encoder.framing as usize].get_or_init(frames)
    }
}

/// A place in the ring's account, from which it is known how far a reader is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Bytes of every event up to the place.
    end: u64,
    /// The place's number.
    pub(super) seq: Seq,
}

impl Mark {
    /// Returns the mark beyond these events; those that it has behind it count nothing.
    pub(super) fn beyond(self, events: &[Arc<Event>]) -> Mark {
        let mut newer = events.iter().filter(|event| event.position.seq > self.seq);
        let end = newer.clone().fold(self.end, |end, event| end + bytes(event));
        let seq = newer.next_back().map_or(self.seq, |event| event.position.seq);
        Mark { end, seq }
    }
}

/// Where a reader's place lies, seen from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The reader's next event has this index; there may be none yet.
    At(usize),
    /// The reader is ahead of the ring; its next event is yet to come.
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
        self.slots.push_back(Slot {
            event: arrival.event,
            frames: Default::default(),
            #[cfg(feature = "inject")]
            swapped: Default::default(),
            at: arrival.at,
            end: self.total,
        });
    }

    /// Returns the mark of the last event.
    pub(super) fn mark(&self) -> Mark {
        Mark { end: self.total, seq: self.last().seq }
    }

    /// Returns the mark of the place before the event with this index.
    pub(super) fn mark_before(&self, index: usize) -> Mark {
        let end = self.total - self.bytes_from(index);
        Mark { end, seq: Seq(self.after.seq.0 + index as u64) }
    }

    /// Returns how many bytes of events have come since a mark; none where it lies ahead.
    pub(super) fn bytes_since(&self, mark: Mark) -> u64 {
        self.total.saturating_sub(mark.end)
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
            // Only within one epoch do higher numbers mean a later place: a ring that began anew
            // after a loss may have numbers to come that this reader has had from a lost one.
            None if through.epoch == self.last().epoch => Place::Ahead,
            None => Place::Outside,
            Some(here) if here == through => Place::At(index),
            Some(_) => Place::Outside,
        }
    }

    /// Returns the event with this index, and what it came with.
    pub(super) fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)
    }

    /// Returns how many bytes the frames have that were encoded.
    pub(super) fn frame_bytes(&self) -> usize {
        let frames = self.slots.iter().flat_map(|slot| &slot.frames);
        frames.filter_map(OnceCell::get).map(Bytes::len).sum()
    }

    /// Returns how many events there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
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

    /// Forgets events up to a number.
    pub(super) fn forget_through(&mut self, seq: Seq) {
        while self.slots.front().is_some_and(|slot| slot.event.position.seq <= seq) {
            self.pop();
        }
    }

    /// Gives back room that a burst needed.
    pub(super) fn shrink(&mut self) {
        if self.slots.capacity() > ROOM_MIN.max(4 * self.slots.len()) {
            self.slots.shrink_to(ROOM_MIN.max(2 * self.slots.len()));
        }
    }

    fn pop(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.after = slot.event.position;
        }
    }
}

/// Returns what an event counts, in limits.
pub(super) fn bytes(event: &Event) -> u64 {
    event.json.len() as u64 + FRAME_BYTES
}
