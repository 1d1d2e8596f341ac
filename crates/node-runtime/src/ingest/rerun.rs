//! A recorded feed run through everything that is decided and computed, without a log or a clock: the
//! same feed, registry and state give the same events, byte for byte.

mod foresight;
mod state_file;

use std::{collections::BTreeMap, sync::Arc};

use chain::{ChainKey, ChainState, Fact, ReplayItem, StateLimits};
use feature::Registry;
use projection::{Event, Limits, View};

use self::foresight::Foresight;
pub use self::{
    foresight::ChainState as RerunState,
    state_file::{StateFileError, StateFileReader, StateFileWriter},
};
use super::analyse::Analysed;

/// Runs a recorded feed again. Times are those of the feed, from its beginning; nothing expires.
///
/// Where it has state of a chain, each step of the feed is searched and simulated behind its features
/// and before the next step, on the head that the feed has there. A server does the same when it comes
/// to it: what it told of may rest on a later head.
pub struct Rerun {
    registry: Arc<Registry>,
    foresight: Foresight,
    chains: BTreeMap<ChainKey, Chain>,
    view: View,
    /// The number of the last event.
    seq: u64,
}

#[derive(Debug)]
struct Chain {
    state: ChainState,
    analysed: Analysed,
    /// How many events it has.
    numbered: u64,
}

impl Default for Chain {
    fn default() -> Self {
        let state = ChainState::new(StateLimits::default());
        Chain { state, analysed: Analysed::default(), numbered: 0 }
    }
}

impl Rerun {
    /// Returns one that has seen nothing, with the state of those chains on which is searched and
    /// simulated.
    pub fn new(registry: Arc<Registry>, states: BTreeMap<ChainKey, RerunState>) -> Self {
        let view = View::new(Limits::default());
        let foresight = Foresight::new(&registry, states);
        Rerun { registry, foresight, chains: BTreeMap::new(), view, seq: 0 }
    }

    /// Returns what follows from an item of the feed: facts, and behind those of a step what is
    /// computed of them. It needs Tokio's runtime where there is state.
    ///
    /// # Cancel safety
    /// Must not be dropped: the events of the item would be lost.
    pub async fn take(&mut self, item: ReplayItem) -> Vec<Event> {
        let ReplayItem { chain, due, input } = item;
        let at = u64::try_from(due.as_millis()).unwrap_or(u64::MAX);
        let mut told = Vec::new();
        for step in input.into_steps() {
            let known = self.chains.entry(chain.clone()).or_default();
            let group = known.state.decide(&step, at);
            group.iter().for_each(|fact| known.state.apply(at, fact));
            let begin = told.len();
            group.into_iter().for_each(|fact| told.push(self.tell(&chain, at, fact)));
            let found = self.look(&chain, &told[begin..]);
            found.into_iter().for_each(|fact| told.push(self.tell(&chain, at, fact)));
            let foreseen = self.foresight.look(&chain, self.view.snapshot()).await;
            let foreseen = foreseen.into_iter().map(Fact::Found);
            foreseen.for_each(|fact| told.push(self.tell(&chain, at, fact)));
        }
        told
    }

    /// Ends what simulates.
    pub async fn end(self) {
        self.foresight.end().await;
    }

    /// Numbers a fact and shows it.
    fn tell(&mut self, chain: &ChainKey, at: u64, fact: Fact) -> Event {
        let known = self.chains.entry(chain.clone()).or_default();
        known.numbered += 1;
        self.seq += 1;
        let event = Event {
            seq: self.seq,
            number: known.numbered,
            chain: chain.clone(),
            observed_unix_ms: at,
            persisted_unix_ms: at,
            fact,
        };
        self.view.apply(event.clone());
        event
    }

    fn look(&mut self, chain: &ChainKey, events: &[Event]) -> Vec<Fact> {
        let snapshot = self.view.snapshot();
        let known = self.chains.entry(chain.clone()).or_default();
        let found = |event: &Event| known.analysed.look(&snapshot, &self.registry, event);
        events.iter().filter_map(found).map(Fact::Found).collect()
    }
}
