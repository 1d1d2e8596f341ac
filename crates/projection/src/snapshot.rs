//! What is known at one moment.

use chain::FindingKind;
use imbl::Vector;

use crate::{ChainView, page::index_after, view::HeldEvents};

/// What is known at one moment: immutable, and cheap to copy.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The number of the last event; 0 where there was none.
    pub latest_seq: u64,
    /// Held transactions of all chains that wait.
    pub pending: u64,
    pub(crate) events: HeldEvents,
    /// The held events that told of a transaction.
    pub(crate) order: HeldEvents,
    pub(crate) chains: Vector<ChainView>,
    /// The held events that told of features, of opportunities and of simulations.
    pub(crate) features: HeldEvents,
    pub(crate) opportunities: HeldEvents,
    pub(crate) simulations: HeldEvents,
}

impl Snapshot {
    /// Returns every chain that is known, in the order in which they became so.
    pub fn chains(&self) -> impl Iterator<Item = &ChainView> {
        self.chains.iter()
    }

    /// Returns one chain.
    pub fn chain(&self, key: &str) -> Option<&ChainView> {
        self.chains.iter().find(|chain| chain.key.as_str() == key)
    }

    /// Returns the number before the oldest event that is held: 0 where nothing was forgotten.
    pub fn before_oldest(&self) -> u64 {
        self.events.front().map_or(self.latest_seq, |held| held.event.seq - 1)
    }

    pub(crate) fn of_group(&mut self, kind: FindingKind) -> &mut HeldEvents {
        match kind {
            FindingKind::Feature => &mut self.features,
            FindingKind::Simulation => &mut self.simulations,
            _ => &mut self.opportunities,
        }
    }

    /// Returns how many held transactions were heard of behind one number, up to another.
    pub fn seen_between(&self, after: u64, to: u64) -> u64 {
        let (from, to) = (index_after(&self.order, after), index_after(&self.order, to));
        to.saturating_sub(from) as u64
    }

    /// Returns how many events are held.
    pub fn events_held(&self) -> usize {
        self.events.len()
    }
}
