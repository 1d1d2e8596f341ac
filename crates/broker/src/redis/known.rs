//! What this process knew of each log, by which it finds out that Redis has lost something, and
//! whether a wake-up's event is one that follows.

use std::{collections::HashMap, sync::Arc};

use event::{Position, Standing, StreamName};
use parking_lot::Mutex;

use super::state::State;
use crate::{BoxFuture, Wake, Watch};

/// Most logs whose state is remembered; beyond, one is forgotten for each new one.
const KNOWN_MAX: usize = 100_000;

/// The last known state of each log.
#[derive(Default)]
pub(super) struct Known {
    states: Mutex<HashMap<StreamName, Arc<State>>>,
}

impl Known {
    pub(super) fn get(&self, stream: &StreamName) -> Option<Arc<State>> {
        self.states.lock().get(stream).cloned()
    }

    /// Remembers a log's state, unless what is remembered has grown out of it; `seen` is what was
    /// remembered when Redis was asked.
    pub(super) fn learn(
        &self,
        stream: &StreamName,
        state: State,
        seen: Option<&Arc<State>>,
    ) -> Arc<State> {
        let state = Arc::new(state);
        let mut states = self.states.lock();
        if states.len() >= KNOWN_MAX && !states.contains_key(stream) {
            let other = states.keys().next().cloned();
            other.and_then(|other| states.remove(&other));
        }
        let kept = states.entry(stream.clone()).or_insert_with(|| Arc::clone(&state));
        if state.holds(kept) || seen.is_some_and(|seen| Arc::ptr_eq(seen, kept)) {
            *kept = Arc::clone(&state);
        }
        state
    }

    /// Takes in how far an append grew a log; `false` where it has an owner by now that never had
    /// this.
    pub(super) fn grew(&self, stream: &StreamName, place: Position) -> bool {
        let mut states = self.states.lock();
        let Some(known) = states.get_mut(stream) else { return true };
        let current = known.lineage.current() == place.epoch;
        if current && known.head < place.seq {
            Arc::make_mut(known).head = place.seq;
        }
        current || known.lineage.standing(place, known.head) == Standing::Good
    }

    /// Takes in that a reader is given the event at this place, as if a page had had it; `false`
    /// where it does not follow what is known, and the log has to be read.
    fn follows(&self, stream: &StreamName, place: Position) -> bool {
        let mut states = self.states.lock();
        let Some(known) = states.get_mut(stream) else { return false };
        if known.lineage.current() != place.epoch || place.seq > known.head.next() {
            return false;
        }
        if place.seq > known.head {
            Arc::make_mut(known).head = place.seq;
        }
        true
    }
}

/// One reader's hints about a log, with no event that does not follow what is known of it.
pub(super) struct Following<W> {
    pub(super) known: Arc<Known>,
    pub(super) stream: StreamName,
    pub(super) hints: W,
}

impl<W: Watch> Watch for Following<W> {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            match self.hints.changed().await {
                Wake::Event(event) if !self.known.follows(&self.stream, event.position) => {
                    Wake::Head(event.position.seq)
                }
                wake => wake,
            }
        })
    }
}
