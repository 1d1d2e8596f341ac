//! What is remembered between looks at one endpoint, and which heads are not believed yet.
//!
//! Behind one address stands a row of nodes often, of which some are late or begin anew. A head that
//! is lower than what is known is met again before it is believed.
//!
//! Owns: what an endpoint's heads were like. Must not know: how blocks are fetched, or told of.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::{BlockRef, Tracker};

/// Why nothing follows from a head yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It would be a mere revert, on the chain that is known.
    Revert,
    /// It is below all blocks that are remembered.
    Below,
}

#[derive(Debug)]
pub(super) struct Look {
    began: Instant,
    has_others: bool,
    /// For how long a low head is doubted.
    doubt_time_max: Duration,
    /// Whether the endpoint has been at the canonical head: only then can it take it back.
    has_led: bool,
    /// A head that would be a mere revert; it is believed when it is met twice.
    lower: Option<BlockRef>,
    /// Since when each head was below what is remembered.
    below_since: Option<Instant>,
    /// How often in a row the node had not got what it spoke of.
    pub(super) misses: u32,
    /// Whether its chain is the one that is known: only then is taken what it says is waiting.
    is_believed: watch::Sender<bool>,
}

impl Look {
    pub(super) fn new(
        has_others: bool,
        doubt_time_max: Duration,
        is_believed: watch::Sender<bool>,
    ) -> Self {
        Look {
            began: Instant::now(),
            has_others,
            doubt_time_max,
            has_led: false,
            lower: None,
            below_since: None,
            misses: 0,
            is_believed,
        }
    }

    /// Notes that its head is the canonical one.
    pub(super) fn leads(&mut self) {
        (self.misses, self.has_led) = (0, true);
    }

    /// Notes that its chain is the one that is known.
    pub(super) fn believe(&self) {
        self.is_believed.send_if_modified(|known| !std::mem::replace(known, true));
    }

    /// Returns why a head is not believed yet, if it is not.
    pub(super) fn doubt(&mut self, head: BlockRef, tracker: &Tracker) -> Option<Doubt> {
        let oldest = tracker.history().next().map(|block| block.header.number);
        if oldest.is_some_and(|oldest| head.number < oldest) {
            let since = *self.below_since.get_or_insert_with(Instant::now);
            return (since.elapsed() < self.doubt_time_max).then_some(Doubt::Below);
        }
        self.below_since = None;
        let is_revert = tracker.canonical_head().is_some_and(|it| head.number < it.number)
            && tracker.history().any(|block| block.header.hash == head.hash);
        if !is_revert {
            self.lower = None;
            return None;
        }
        let is_doubted = if !self.has_led && self.has_others {
            self.began.elapsed() < self.doubt_time_max
        } else {
            self.lower.replace(head) != Some(head)
        };
        is_doubted.then_some(Doubt::Revert)
    }
}
