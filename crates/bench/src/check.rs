//! What one reader received, against what it had to receive: every number once and in order. Pure.

#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::Serialize;

/// What was wrong with what readers received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Faults {
    /// Events that never came.
    pub(crate) lost: u64,
    /// Events that came again.
    pub(crate) repeated: u64,
    /// Events that came after a later one.
    pub(crate) reordered: u64,
    /// Events of a stream that was not asked for.
    pub(crate) foreign: u64,
}

impl Faults {
    /// Adds another's.
    pub(crate) fn add(&mut self, other: Faults) {
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.foreign += other.foreign;
    }
}

/// One reader's account.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    stream: u32,
    next: u64,
    /// Numbers that were passed over and may still come.
    holes: Vec<Range<u64>>,
    faults: Faults,
}

impl Check {
    /// Returns the account of a reader of a stream whose first event is to have this number.
    pub(crate) fn new(stream: u32, first: u64) -> Self {
        Check { stream, next: first, holes: Vec::new(), faults: Faults::default() }
    }

    /// Returns the stream that is read.
    pub(crate) fn stream(&self) -> u32 {
        self.stream
    }

    /// Returns the number that is due.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes an event in.
    pub(crate) fn see(&mut self, stream: u32, number: u64) {
        if stream != self.stream {
            self.faults.foreign += 1;
        } else if number == self.next {
            self.next += 1;
        } else if number > self.next {
            self.holes.push(self.next..number);
            self.next = number + 1;
        } else if self.fill(number) {
            self.faults.reordered += 1;
        } else {
            self.faults.repeated += 1;
        }
    }

    /// Goes on with another number, as the server told; returns how many it left out.
    pub(crate) fn go_on_at(&mut self, number: u64) -> u64 {
        let left_out = number.saturating_sub(self.next);
        self.next = number;
        left_out
    }

    /// Takes a number out of the holes; false where it is in none.
    fn fill(&mut self, number: u64) -> bool {
        let Some(at) = self.holes.iter().position(|hole| hole.contains(&number)) else {
            return false;
        };
        let hole = self.holes.swap_remove(at);
        let parts = [hole.start..number, number + 1..hole.end];
        self.holes.extend(parts.into_iter().filter(|part| !part.is_empty()));
        true
    }

    /// Returns what was wrong, given the number of the last event that was published.
    pub(crate) fn faults(&self, last: u64) -> Faults {
        let holes: u64 = self.holes.iter().map(|hole| hole.end - hole.start).sum();
        Faults { lost: holes + (last + 1).saturating_sub(self.next), ..self.faults }
    }
}
