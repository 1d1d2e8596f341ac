//! A stretch of a log in one wire form, as one piece of bytes.
//!
//! After a restart or a cut all readers of a stream come for the same stretch: it is encoded once and
//! written to each in one piece. The room forgets it at the next tick; a reader keeps its run until it
//! has passed it. Bounded: a run ends with the event that brings it over [`RUN_BYTES`], and a room
//! keeps [`RUNS_MAX`] of them.

#[cfg(test)]
pub(super) mod tests;

use std::{collections::VecDeque, ops::Range, sync::Arc};

use broker::Events;
use bytes::Bytes;
use event::Position;

use crate::encoder::{Encoder, Framing};

/// Bytes after which a run takes no further event.
pub(super) const RUN_BYTES: usize = 64 << 10;

/// Most runs that a room keeps for the next reader.
pub(super) const RUNS_MAX: usize = 16;

/// Some events of a stretch, encoded.
#[derive(Debug)]
pub(super) struct Run {
    /// The whole stretch, by which a run is found again.
    events: Events,
    /// The index of its first event in the stretch.
    first: usize,
    framing: Framing,
    #[cfg(feature = "inject")]
    faults: crate::inject::OnStream,
    /// The frames of its events, one behind the other.
    bytes: Bytes,
    /// Where each event's frame ends.
    ends: Box<[u32]>,
}

impl Run {
    fn encode(events: &Events, first: usize, encoder: &Encoder<'_>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let stretch = &events[first..];
        #[cfg(feature = "inject")]
        let stretch = &*encoder.faults.ordered(stretch);
        for event in stretch {
            let is_full = bytes.len() >= RUN_BYTES;
            #[cfg(feature = "inject")]
            let is_full = is_full && !encoder.faults.is_second(&events[first..], ends.len());
            if is_full {
                break;
            }
            encoder.add_event(event, &mut bytes);
            ends.push(bytes.len() as u32);
        }
        bytes.shrink_to_fit();
        Run {
            events: Arc::clone(events),
            first,
            framing: encoder.framing,
            #[cfg(feature = "inject")]
            faults: encoder.faults,
            bytes: bytes.into(),
            ends: ends.into(),
        }
    }

    /// Returns whether it has the event with this index of a stretch.
    fn has(&self, events: &Events, index: usize, framing: Framing) -> bool {
        Arc::ptr_eq(&self.events, events)
            && self.framing == framing
            && self.range().contains(&index)
    }

    /// Returns the indices of its events in their stretch.
    pub(super) fn range(&self) -> Range<usize> {
        self.first..self.first + self.ends.len()
    }

    /// Returns the place of an event.
    pub(super) fn place(&self, index: usize) -> Position {
        self.events[index].position
    }

    /// Returns where an event's frame ends.
    pub(super) fn end(&self, index: usize) -> usize {
        self.ends[index - self.first] as usize
    }

    /// Returns where an event's frame begins.
    pub(super) fn begin(&self, index: usize) -> usize {
        index.checked_sub(self.first + 1).map_or(0, |before| self.ends[before] as usize)
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the event in whose frame a byte lies, as an index of the stretch.
    pub(super) fn event_at(&self, byte: usize) -> usize {
        self.first + self.ends.partition_point(|&end| end as usize <= byte)
    }
}

/// The runs that were used last.
#[derive(Debug, Default)]
pub(super) struct Runs(VecDeque<Arc<Run>>);

impl Runs {
    /// Returns a run that has the event with this index of a stretch.
    pub(super) fn get(&mut self, events: &Events, index: usize, encoder: &Encoder<'_>) -> Arc<Run> {
        let has = |run: &&Arc<Run>| run.has(events, index, encoder.framing);
        #[cfg(feature = "inject")]
        let has = |run: &&Arc<Run>| has(run) && run.faults == encoder.faults;
        if let Some(run) = self.0.iter().find(has) {
            return Arc::clone(run);
        }
        let run = Arc::new(Run::encode(events, index, encoder));
        self.0.truncate(RUNS_MAX - 1);
        self.0.push_front(Arc::clone(&run));
        run
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all runs; readers keep theirs.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
