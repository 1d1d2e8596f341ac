//! Faults on the way between the log and the readers of this replica: events that are lost, come
//! twice or change places, and connections that are cut. For tests of what watches a release.
//!
//! Owns: which event and which connection is hit; that follows from a seed and from numbers, never
//! from time, so that replay and live, on both transports, agree. Built with the feature `inject`
//! alone, which no release has. Must not know: where the settings come from.

mod cuts;
mod dice;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use event::{Event, StreamName};

pub(crate) use self::cuts::Cuts;
pub use self::dice::{Chance, ChanceError, Dice};

/// What goes wrong between the log and readers; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// What all draws follow from.
    pub seed: u64,
    /// The share of events that is not delivered.
    pub lose: Option<Chance>,
    /// The share of events that is delivered twice.
    pub repeat: Option<Chance>,
    /// The share of events that comes behind the next one.
    pub reorder: Option<Chance>,
    /// How connections are cut.
    pub cut: Option<Cut>,
}

/// How connections are cut, without a farewell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The share of those that are open.
    pub share: Chance,
    /// How often; looked at once a second.
    pub every: Duration,
}

impl Faults {
    /// Returns what happens to the events of a stream. The server's own probe is spared: it is no
    /// reader.
    pub(crate) fn on(&self, stream: &StreamName) -> OnStream {
        if *stream == StreamName::Probe {
            return OnStream::default();
        }
        let &Faults { seed, lose, repeat, reorder, .. } = self;
        let dice = Dice::new(seed).of(&stream.to_string());
        // Pairs are drawn for, of which there are half as many as events.
        let reorder = reorder.map(Chance::doubled);
        OnStream { dice, lose, repeat, reorder, is_filtered: false }
    }
}

/// What happens to the events of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnStream {
    dice: Dice,
    lose: Option<Chance>,
    repeat: Option<Chance>,
    reorder: Option<Chance>,
    is_filtered: bool,
}

impl OnStream {
    /// Returns the same for a reader that may want some of the events alone.
    pub(crate) fn filtered(self, is_filtered: bool) -> Self {
        OnStream { is_filtered, ..self }
    }

    /// Returns whether an event is not delivered.
    pub(crate) fn loses(&self, event: &Event) -> bool {
        self.dice.of("lose").hits(event.position.seq.0, self.lose)
    }

    /// Returns whether an event is delivered twice.
    pub(crate) fn repeats(&self, event: &Event) -> bool {
        self.dice.of("repeat").hits(event.position.seq.0, self.repeat)
    }

    /// Returns whether an event comes behind the next one. Every other one alone may, so that no
    /// event changes places twice.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        let seq = event.position.seq.0;
        seq.is_multiple_of(2)
            && self.dice.of("reorder").hits(seq, self.reorder)
            && !self.loses(event)
    }

    fn swaps(&self, event: &Event, next: &Event) -> bool {
        // Frames that readers with filters share are swapped where both or neither are wanted.
        let are_alike = !self.is_filtered || event.name == next.name;
        let are_next = event.position.seq.next() == next.position.seq;
        self.holds(event) && !self.loses(next) && are_next && are_alike
    }

    /// Returns a stretch of a log in the order in which it is delivered.
    pub(crate) fn ordered(&self, stretch: &[Arc<Event>]) -> Vec<Arc<Event>> {
        let mut ordered = stretch.to_vec();
        if self.reorder.is_some() {
            for first in 1..ordered.len() {
                if self.swaps(&stretch[first - 1], &stretch[first]) {
                    ordered.swap(first - 1, first);
                }
            }
        }
        ordered
    }

    /// Returns whether, in that order, an event has changed places with the one before it, so that
    /// the two can't be parted.
    pub(crate) fn is_second(&self, stretch: &[Arc<Event>], index: usize) -> bool {
        let pair = index.checked_sub(1).and_then(|first| stretch.get(first..=index));
        pair.is_some_and(|pair| self.swaps(&pair[0], &pair[1]))
    }
}
