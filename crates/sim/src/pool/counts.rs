//! What became of the jobs of a pool.

use crate::{Lack, Outcome, StateError, Status};

/// What became of the jobs of a pool. Each job that was submitted is in one of `busy`, `closed`,
/// `expired`, `abandoned`, `panicked`, `dropped`, `complete`, or in one of the counts behind those,
/// or it waits or runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// All that were submitted.
    pub submitted: u64,
    /// Refused, as as many waited as may.
    pub busy: u64,
    /// Refused, as the pool ended.
    pub closed: u64,
    /// Their time was over before they began.
    pub expired: u64,
    /// Nobody waited for them any more.
    pub abandoned: u64,
    /// The simulator panicked.
    pub panicked: u64,
    /// They waited when the pool ended.
    pub dropped: u64,
    /// What all their calls would do is known.
    pub complete: u64,
    /// Cut by their deadline.
    pub deadline: u64,
    /// The state was pruned.
    pub pruned: u64,
    /// The block was gone.
    pub block_gone: u64,
    /// The node did not answer.
    pub unavailable: u64,
    /// The node refused.
    pub refused: u64,
    /// The node answered what can't be true.
    pub nonsense: u64,
    /// They asked for more state, gas or rounds than they may have.
    pub limited: u64,
    /// They needed the price of blobs, which was not known.
    pub blob_fee: u64,
    /// The rules of their block are not simulated.
    pub rules: u64,
    /// The simulator failed, or says what it may not say of a job as a whole.
    pub internal: u64,
}

impl PoolCounts {
    /// Counts a job that ran, by its first call that is not known.
    pub(super) fn count(&mut self, outcomes: &[Outcome]) {
        let lack = outcomes.iter().find_map(|outcome| match &outcome.status {
            Status::Incomplete { why, .. } => Some(*why),
            _ => None,
        });
        *match lack {
            None => &mut self.complete,
            Some(Lack::Deadline | Lack::State(StateError::Deadline)) => &mut self.deadline,
            Some(Lack::State(StateError::Pruned)) => &mut self.pruned,
            Some(Lack::State(StateError::BlockGone)) => &mut self.block_gone,
            Some(Lack::State(StateError::Unavailable)) => &mut self.unavailable,
            Some(Lack::State(StateError::Refused)) => &mut self.refused,
            Some(Lack::State(StateError::Nonsense)) => &mut self.nonsense,
            Some(Lack::KeyLimit | Lack::GasLimit) => &mut self.limited,
            Some(Lack::BlobFee) => &mut self.blob_fee,
            Some(Lack::Rules) => &mut self.rules,
            Some(Lack::NotGiven | Lack::Before | Lack::Internal) => &mut self.internal,
        } += 1;
    }
}
