//! What was acknowledged, and whether it is there: compared with what is read back. Pure.
//!
//! Whoever reads a thread, back or live, has to have each number once and in order, and under each
//! number the very message that was acknowledged under it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{
    cast::author_name,
    said::{Bodies, Said, Sent},
};
use crate::check::{self, Check};

/// What was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Faults {
    /// Messages that were acknowledged and are missing, and numbers without a message.
    pub(super) lost: u64,
    /// Messages that came again.
    pub(super) repeated: u64,
    /// Messages behind a later one.
    pub(super) reordered: u64,
    /// Messages that are not those that were acknowledged under their number.
    pub(super) altered: u64,
    /// Messages under numbers that nobody was told.
    pub(super) unacknowledged: u64,
}

impl Faults {
    /// Adds another's.
    pub(super) fn add(&mut self, other: Faults) {
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.altered += other.altered;
        self.unacknowledged += other.unacknowledged;
    }

    /// Returns each that there is, in words.
    pub(super) fn words(&self) -> Vec<String> {
        let counts = [
            (self.lost, "lost"),
            (self.repeated, "repeated"),
            (self.reordered, "out of order"),
            (self.altered, "not what was acknowledged under their number"),
            (self.unacknowledged, "under numbers that nobody was told"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, what)| format!("{count} messages {what}")).collect()
    }
}

impl From<check::Faults> for Faults {
    fn from(faults: check::Faults) -> Self {
        let check::Faults { lost, repeated, reordered, foreign } = faults;
        Faults { lost, repeated, reordered, altered: 0, unacknowledged: foreign }
    }
}

/// Everything that was acknowledged.
#[derive(Debug)]
pub(super) struct Account {
    bodies: Bodies,
    threads: Vec<Thread>,
    /// By sender and thread: the number of the last message that was acknowledged.
    last: HashMap<(u32, usize), u64>,
    acknowledged: u64,
    faults: Faults,
}

/// One thread's.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    id: String,
    acknowledged: BTreeMap<u64, Said>,
}

impl Account {
    pub(super) fn new(bodies: Bodies) -> Self {
        let (threads, last, faults) = (Vec::new(), HashMap::new(), Faults::default());
        Account { bodies, threads, last, acknowledged: 0, faults }
    }

    /// Takes a thread in that was made.
    pub(super) fn add_thread(&mut self, id: String) {
        self.threads.push(Thread { id, acknowledged: BTreeMap::new() });
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Returns how the server calls a thread.
    pub(super) fn id(&self, thread: usize) -> &str {
        &self.threads[thread].id
    }

    /// Returns how many messages were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Returns how many messages of a thread were acknowledged.
    pub(super) fn acknowledged_in(&self, thread: usize) -> u64 {
        self.threads[thread].acknowledged.len() as u64
    }

    /// Returns the last number of a thread that was acknowledged.
    pub(super) fn last(&self, thread: usize) -> u64 {
        self.threads[thread].acknowledged.keys().next_back().copied().unwrap_or(0)
    }

    /// Returns what the acknowledgements themselves had wrong.
    pub(super) fn faults(&self) -> Faults {
        self.faults
    }

    /// Takes the acknowledgement of a message.
    pub(super) fn acknowledge(&mut self, sent: &Sent, said: Said) {
        let thread = &mut self.threads[sent.thread];
        let is_it = said.thread_id == thread.id
            && said.author_id == author_name(sent.author)
            && said.body == self.bodies.text(sent.stamp);
        self.faults.altered += u64::from(!is_it);
        self.acknowledged += 1;
        // A sender awaits its answer before it sends again, so its later message is behind.
        let last = self.last.entry((sent.stamp.stream, sent.thread)).or_default();
        self.faults.reordered += u64::from(said.seq <= *last);
        *last = said.seq;
        // The number was another message's: one of the two is not what was acknowledged under it.
        let taken = thread.acknowledged.insert(said.seq, said);
        self.faults.altered += u64::from(taken.is_some());
    }

    /// Begins to compare a thread from its first message on.
    pub(super) fn reading(&self, thread: usize) -> Reading<'_> {
        self.threads[thread].reading_after(0)
    }

    /// Returns what was acknowledged of a thread so far.
    pub(super) fn thread(&self, thread: usize) -> &Thread {
        &self.threads[thread]
    }
}

impl Thread {
    /// Returns how the server calls it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn reading_after(&self, after: u64) -> Reading<'_> {
        Reading { thread: self, check: Check::new(0, after + 1), faults: Faults::default() }
    }

    /// Returns what is wrong with a page of so many messages after a number.
    pub(super) fn page(&self, after: u64, count: u64, page: &[Said]) -> Faults {
        let mut reading = self.reading_after(after);
        page.iter().for_each(|said| reading.take(said));
        reading.end(after + count)
    }
}

/// A thread that is compared, message by message.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    thread: &'a Thread,
    check: Check,
    faults: Faults,
}

impl Reading<'_> {
    /// Takes the next message.
    pub(super) fn take(&mut self, said: &Said) {
        self.check.see(0, said.seq);
        match self.thread.acknowledged.get(&said.seq) {
            Some(acknowledged) => self.faults.altered += u64::from(acknowledged != said),
            None => self.faults.unacknowledged += 1,
        }
    }

    /// Returns what was wrong, given the last number that there has to be.
    pub(super) fn end(mut self, last: u64) -> Faults {
        self.faults.add(self.check.faults(last).into());
        self.faults
    }
}
