//! The writer's side: facts go in, one after the other, and snapshots come out.

use std::sync::Arc;

use imbl::Vector;

use crate::{ChainView, Event, Snapshot};

/// How much is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most events of all chains together; the oldest go first, with the transactions that they told
    /// of.
    pub events_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { events_max: 250_000 }
    }
}

/// An event with what was waiting behind it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) event: Event,
    /// Held transactions of all chains that waited.
    pub(crate) pending: u64,
    /// Which of the snapshot's chains it is of.
    pub(crate) chain_index: usize,
}

/// What is known, as the one who writes it has it.
#[derive(Debug, Default)]
pub struct View {
    limits: Limits,
    now: Snapshot,
}

impl View {
    /// Returns one that knows nothing.
    pub fn new(limits: Limits) -> Self {
        View { limits, now: Snapshot::default() }
    }

    /// Makes a chain known of which nothing is known.
    pub fn know(&mut self, chain: &chain::ChainKey) {
        self.index_of(chain);
    }

    /// Folds an event; its number must be greater than all before it.
    pub fn apply(&mut self, event: Event) {
        let chain_index = self.index_of(&event.chain);
        self.now.latest_seq = event.seq;
        let chain = &mut self.now.chains[chain_index];
        let waited = chain.pending;
        chain.apply(&event);
        self.now.pending = self.now.pending + chain.pending - waited;
        let held = Arc::new(Held { event, pending: self.now.pending, chain_index });
        chain.events.push_back(Arc::clone(&held));
        match &held.event.fact {
            chain::Fact::Seen { .. } => self.now.order.push_back(Arc::clone(&held)),
            chain::Fact::Found(finding) => {
                chain.findings.take(finding, &held);
                self.now.of_group(finding.kind).push_back(Arc::clone(&held));
            }
            _ => {}
        }
        self.now.events.push_back(held);
        if self.now.events.len() > self.limits.events_max {
            self.forget_oldest();
        }
    }

    /// Returns what is known now. It shares everything with what comes after that did not change, and
    /// costs the same however much is held.
    pub fn snapshot(&self) -> Snapshot {
        self.now.clone()
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.now.events.pop_front() else { return };
        let chain = &mut self.now.chains[oldest.chain_index];
        let waited = chain.pending;
        chain.forget(&oldest.event);
        self.now.pending = self.now.pending + chain.pending - waited;
        match &oldest.event.fact {
            chain::Fact::Seen { .. } => drop(self.now.order.pop_front()),
            chain::Fact::Found(finding) => drop(self.now.of_group(finding.kind).pop_front()),
            _ => {}
        }
    }

    fn index_of(&mut self, key: &chain::ChainKey) -> usize {
        let chains = &mut self.now.chains;
        chains.iter().position(|chain| chain.key == *key).unwrap_or_else(|| {
            chains.push_back(ChainView::new(key.clone()));
            chains.len() - 1
        })
    }
}

/// What a snapshot has of each event.
pub(crate) type HeldEvents = Vector<Arc<Held>>;
