//! What becomes of an append that was sent to the trunk and not answered: it is looked for before it
//! is sent again. Where that can't tell, its key does; of one without a key it is said that it may be
//! there. A key alone would not do: a Redis that began anew may have lost it, and have been given the
//! event back.

use event::{Epoch, Lineage, Position, Seq, Standing, StreamName};

use super::Core;
use crate::{Append, AppendError, NewEvent, Receipt, redis::failure::Failure};

/// Why nobody can say whether an append took effect.
const TRIMMED: &str = "Redis did not answer in time, and keeps no events of that time any more";

/// Whether an append may be on the trunk already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was never sent.
    No,
    /// It was sent and not answered.
    Unanswered(Unanswered),
}

/// What was known of the trunk when an append was sent that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    /// Where it ended before it was sent for the first time.
    end: Option<Position>,
    /// Which epoch it had at the latest.
    epoch: Option<Epoch>,
}

impl Sent {
    /// Returns what is known after another attempt without an answer, before which the trunk ended
    /// there; `known` is the trunk as it is known by now.
    pub(super) fn unanswered(self, end: Option<Position>, known: Option<(Lineage, Seq)>) -> Self {
        let end = match self {
            Sent::No => end,
            Sent::Unanswered(before) => before.end,
        };
        let epoch = known.map(|(lineage, _)| lineage.current());
        Sent::Unanswered(Unanswered { end, epoch })
    }
}

impl Core {
    /// Looks on the trunk for an append that was sent and not answered.
    ///
    /// # Errors
    /// Fails where the trunk does not reach back any more to where it ended then: who appends it
    /// once more could store it twice.
    pub(super) async fn look_for(
        &self,
        stream: &StreamName,
        append: &Append,
        Unanswered { end, epoch }: Unanswered,
    ) -> Result<Option<Vec<Receipt>>, AppendError> {
        let has_key = append.idempotency.is_some();
        if let Some(epoch) = epoch.filter(|_| !has_key) {
            // What is still on its way can't take effect after this; under a key it may.
            self.trunk.fence(stream, epoch).await?;
        }
        let Some((lineage, head)) = self.trunk.last_known(stream) else { return Ok(None) };
        // Where Redis lost its end meanwhile, it may stand again at a lower number.
        let is_there = |end: &Position| lineage.standing(*end, head) == Standing::Good;
        let after = end.filter(is_there).map_or(Seq::ZERO, |end| end.seq);
        let ids = append.events.iter().map(|event| event.id).collect();
        let search = self.trunk.find_all(stream, after, &ids).await?;
        let receipt = |event: &NewEvent| {
            let position = lineage.position_at(*search.found.get(&event.id)?);
            Some(Receipt { id: event.id, position })
        };
        let receipts: Option<Vec<_>> = append.events.iter().map(receipt).collect();
        let was_lost = end.is_some() && end.filter(is_there).is_none();
        if receipts.is_none() && !search.is_whole && !was_lost && !has_key {
            // That it may be there is known of every attempt after the first.
            return Err(Failure::refused(TRIMMED).into());
        }
        Ok(receipts)
    }
}
