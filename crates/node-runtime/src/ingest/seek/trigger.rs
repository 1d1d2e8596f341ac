//! A pending transaction as swaps of pools that were read.

use alloy_primitives::U256;
use chain::Transaction;
use feature::{Action, Amount, ChainRegistry, Swap, decode};
use search::{Exact, Hop, State, Trigger};

/// Returns the swaps of a transaction through pools of a state, each with its amount; `None` where it has
/// none, one of them is not known to the unit, or would give less than is asked for.
pub(super) fn of(
    transaction: &Transaction,
    registry: &ChainRegistry,
    state: &State,
) -> Option<Trigger> {
    let mut after = state.clone();
    let mut swaps = Vec::new();
    for call in decode(transaction, registry).calls {
        if let Action::Swap(swap) = call.action {
            swaps.extend(through(&swap, &mut after)?);
        }
    }
    (!swaps.is_empty()).then_some(Trigger { transaction: transaction.hash, swaps })
}

fn through(swap: &Swap, state: &mut State) -> Option<Vec<(Hop, Exact)>> {
    let hop = |of: &feature::Hop| {
        let pool = of.pool?;
        let side = state.pools.get(&pool)?.side_of(of.token_in?)?;
        Some(Hop { pool, side })
    };
    let path: Vec<Hop> = swap.path.iter().map(hop).collect::<Option<_>>()?;
    match (swap.amount_in, swap.amount_out) {
        (Amount::Exact(given), least) => forward(&path, given, least, state),
        (most, Amount::Exact(wanted)) => backward(&path, wanted, most, state),
        _ => None,
    }
}

fn forward(
    path: &[Hop],
    given: U256,
    least: Amount,
    state: &mut State,
) -> Option<Vec<(Hop, Exact)>> {
    let (mut amount, mut swaps) = (given, Vec::new());
    for hop in path {
        swaps.push((*hop, Exact::In(amount)));
        amount = state.apply(*hop, Exact::In(amount)).ok()?.1;
    }
    let is_enough = match least {
        Amount::AtLeast(least) | Amount::Exact(least) => amount >= least,
        _ => true,
    };
    is_enough.then_some(swaps)
}

fn backward(
    path: &[Hop],
    wanted: U256,
    most: Amount,
    state: &mut State,
) -> Option<Vec<(Hop, Exact)>> {
    let (mut amount, mut swaps) = (wanted, Vec::new());
    for hop in path.iter().rev() {
        swaps.push((*hop, Exact::Out(amount)));
        amount = state.apply(*hop, Exact::Out(amount)).ok()?.0;
    }
    swaps.reverse();
    let is_cheap = match most {
        Amount::AtMost(most) => amount <= most,
        _ => true,
    };
    is_cheap.then_some(swaps)
}
