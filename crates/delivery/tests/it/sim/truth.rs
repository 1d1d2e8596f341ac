//! What was acknowledged, and in which order: against this every client is checked.

use std::{collections::HashMap, sync::Arc};

use broker::{
    Append, Broker, MemoryBroker, NewEvent,
    memory::log::{Log, WindowLimits},
};
use event::{Clock, Epoch, ForkKind, Lineage, MonoMs, Position, StreamName};
use futures_util::FutureExt;

use crate::support::clock::FakeClock;

/// One stream: its log, as the backend has it, and every event that it ever acknowledged.
pub(crate) struct Truth {
    pub(crate) stream: StreamName,
    pub(crate) crashes: usize,
    broker: Arc<MemoryBroker>,
    clock: Arc<FakeClock>,
    limits: WindowLimits,
    log: Log,
    saved: Log,
    facts: HashMap<Position, Fact>,
    /// Bytes of every event.
    total: u64,
}

/// An acknowledged event.
pub(crate) struct Fact {
    pub(crate) new: NewEvent,
    pub(crate) at: MonoMs,
    /// The place that it follows.
    before: Position,
    /// Bytes of every event up to and with it, as delivery counts them.
    end: u64,
}

impl Truth {
    pub(crate) fn new(
        stream: StreamName,
        broker: Arc<MemoryBroker>,
        clock: Arc<FakeClock>,
        limits: WindowLimits,
        epoch: Epoch,
    ) -> Self {
        let log = Log::begin(Lineage::origin(epoch));
        broker.take_up(stream.clone(), log.clone());
        let saved = log.clone();
        let facts = HashMap::new();
        Truth { stream, crashes: 0, broker, clock, limits, log, saved, facts, total: 0 }
    }

    pub(crate) fn head(&self) -> Position {
        self.log.head()
    }

    pub(crate) fn append(&mut self, events: Vec<NewEvent>) {
        for new in events {
            let append = Append::one(new.clone());
            let stored = self.broker.append(&self.stream, append.clone()).now_or_never();
            let stored = stored.expect("memory does not wait").expect("it is there");
            let before = self.log.head();
            let mine = self.log.append(append, self.clock.mono(), &self.limits);
            assert_eq!(Ok(&stored), mine.as_ref(), "the backend and its model agree");
            self.total += new.json.len() as u64 + 80;
            let fact = Fact { new, at: self.clock.mono(), before, end: self.total };
            self.facts.insert(stored.receipts()[0].position, fact);
        }
    }

    /// Keeps the log as it is now, for a crash.
    pub(crate) fn save(&mut self) {
        self.saved = self.log.clone();
    }

    /// Another owner takes over all of the log.
    pub(crate) fn switch(&mut self, epoch: Epoch) {
        self.log.fork(epoch, ForkKind::Whole);
        self.save();
        self.broker.take_up(self.stream.clone(), self.log.clone());
    }

    /// The log goes on from where it was saved; what came later is lost.
    pub(crate) fn crash(&mut self, epoch: Epoch) {
        self.crashes += 1;
        self.log = self.saved.clone();
        self.log.fork(epoch, ForkKind::Lossy);
        self.save();
        self.broker.take_up(self.stream.clone(), self.log.clone());
    }

    pub(crate) fn fact(&self, place: Position) -> Option<&Fact> {
        self.facts.get(&place)
    }

    /// Returns the events after `from` up to and with `to`, newest first; `None` where history does
    /// not lead from the one to the other.
    pub(crate) fn between(&self, from: Position, to: Position) -> Option<Vec<&Fact>> {
        let (mut facts, mut at) = (Vec::new(), to);
        while at != from {
            let fact = self.facts.get(&at)?;
            facts.push(fact);
            at = fact.before;
        }
        Some(facts)
    }

    /// Returns how many bytes of events have come after a place.
    pub(crate) fn bytes_after(&self, place: Position) -> u64 {
        self.total - self.facts.get(&place).map_or(0, |fact| fact.end)
    }
}
