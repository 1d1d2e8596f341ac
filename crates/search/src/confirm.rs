//! Whether a simulation gives what was computed.
//!
//! Owns what becomes of an opportunity's status. Must not know: how a path is simulated.

use alloy_primitives::U256;
use chain::BlockRef;

use crate::{Opportunity, OpportunityStatus};

/// What a simulation of a path came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simulated {
    /// The path ran, and gave so much of the token.
    Gave(U256),
    /// It did not run.
    Reverted,
    /// State was missing: nothing is known.
    Incomplete,
}

/// Simulates an opportunity's path on the state behind its block.
pub trait Confirm {
    /// Runs the path with `amount_in`, behind the trigger where there is one.
    fn simulate(&self, opportunity: &Opportunity) -> Simulated;
}

/// Sets the status of a candidate by its simulation; `head` is the block on top of the chain.
pub fn confirm(opportunity: &mut Opportunity, head: BlockRef, by: &dyn Confirm) {
    if opportunity.status != OpportunityStatus::Candidate {
        return;
    }
    opportunity.status = if opportunity.block != head {
        OpportunityStatus::Stale
    } else {
        match by.simulate(opportunity) {
            Simulated::Gave(amount) if amount == opportunity.amount_out => {
                OpportunityStatus::Confirmed
            }
            Simulated::Gave(_) | Simulated::Reverted => OpportunityStatus::Refuted,
            Simulated::Incomplete => OpportunityStatus::Candidate,
        }
    };
}
