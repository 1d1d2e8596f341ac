//! Finds what can be gained in a state, or behind a pending swap.
//!
//! The work is bounded by counts, never by a clock. Must not know: how a swap was decoded.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};

use crate::{
    Assumption, Exact, Hop, Kind, NoAmount, Opportunity, OpportunityStatus, SEARCH_VERSION, State,
    cycles::Graph,
    solve::{Optimum, optimum},
};

/// What a search is told of its chain, and its limit.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The chain.
    pub chain: u64,
    /// The token that is worth a wei a unit.
    pub wrapped_native: Option<Address>,
    /// At most so many cycles are solved.
    pub cycles_max: usize,
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The gains, in the order of their paths.
    pub opportunities: Vec<Opportunity>,
    /// How many cycles were solved.
    pub cycles: usize,
    /// How many cycles have no answer: state is missing.
    pub unknown: usize,
    /// Whether there were more cycles than the limit.
    pub cut: bool,
}

/// A pending swap.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Its transaction.
    pub transaction: B256,
    /// Its swaps through known pools, in order, each with its amount.
    pub swaps: Vec<(Hop, Exact)>,
}

impl Search {
    /// Searches all cycles through touched pools; those through others are as they were.
    #[must_use]
    pub fn arbitrage(&self, state: &State, touched: &BTreeSet<Address>) -> Found {
        self.run(state, touched, None)
    }

    /// Searches behind a pending swap.
    ///
    /// # Errors
    ///
    /// Where the pools give no amount for it: it would revert, or state is missing.
    pub fn backrun(&self, state: &State, trigger: &Trigger) -> Result<Found, NoAmount> {
        let mut after = state.clone();
        for (hop, exact) in &trigger.swaps {
            after.apply(*hop, *exact)?;
        }
        let touched = trigger.swaps.iter().map(|(hop, _)| hop.pool).collect();
        Ok(self.run(&after, &touched, Some(trigger.transaction)))
    }

    fn run(&self, state: &State, touched: &BTreeSet<Address>, trigger: Option<B256>) -> Found {
        let graph = Graph::of(state, self.wrapped_native);
        let cycles = graph.through(touched, self.cycles_max);
        let mut found = Found { cut: cycles.cut, cycles: cycles.paths.len(), ..Found::default() };
        for path in cycles.paths {
            match optimum(state, &path) {
                Ok(Some(best)) => {
                    found.opportunities.extend(self.stated(state, &graph, path, best, trigger));
                }
                Ok(None) => {}
                Err(_) => found.unknown += 1,
            }
        }
        found
    }

    fn stated(
        &self,
        state: &State,
        graph: &Graph<'_>,
        path: Vec<Hop>,
        best: Optimum,
        trigger: Option<B256>,
    ) -> Option<Opportunity> {
        let first = path.first()?;
        let token = state.pools.get(&first.pool)?.given(first.side);
        let place =
            if trigger.is_some() { Assumption::AfterTrigger } else { Assumption::FirstInBlock };
        let mut assumptions = vec![place, Assumption::WithoutGas, Assumption::PlainTransfers];
        let (value_wei, by) = self.in_wei(graph, &path, token, best.gain());
        assumptions.extend(by.map(|pool| Assumption::ConvertedBy { pool }));
        let opportunity = Opportunity {
            version: SEARCH_VERSION,
            id: B256::ZERO,
            chain: self.chain,
            kind: if trigger.is_some() { Kind::Backrun } else { Kind::Arbitrage },
            block: state.block,
            trigger,
            path,
            token,
            amount_in: best.amount_in,
            amount_out: best.amount_out,
            value: best.gain(),
            value_wei,
            assumptions,
            status: OpportunityStatus::Candidate,
        };
        Some(opportunity.named())
    }

    /// The gain in wei: itself, or the most that a pool outside the path gives for it.
    fn in_wei(
        &self,
        graph: &Graph<'_>,
        path: &[Hop],
        token: Address,
        gain: U256,
    ) -> (Option<U256>, Option<Address>) {
        let Some(native) = self.wrapped_native else { return (None, None) };
        if token == native {
            return (Some(gain), None);
        }
        let outside = graph.holding(token).filter(|(it, _)| path.iter().all(|hop| hop.pool != *it));
        let best = outside
            .filter_map(|(address, pool)| {
                let side = pool.side_of(token).filter(|side| pool.taken(*side) == native)?;
                Some((pool.amount_out(side, gain).ok()?, address))
            })
            .max();
        (best.map(|it| it.0), best.map(|it| it.1))
    }
}

#[cfg(test)]
mod tests;
