//! The cycles of two and three pools that lead through touched pools.
//!
//! A cycle is named once: it begins with the wrapped native token where it holds it, else with its least
//! token. The order is that of the hops' addresses. Must not know: amounts.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;

use crate::{Hop, Pool, State};

/// A cycle has at most so many pools.
const HOPS_MAX: usize = 3;

/// Pools by the tokens they hold.
pub(crate) struct Graph<'a> {
    state: &'a State,
    native: Option<Address>,
    by_token: BTreeMap<Address, Vec<Address>>,
}

/// The cycles that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cycles {
    pub(crate) paths: BTreeSet<Vec<Hop>>,
    /// Whether the limit ended the walk.
    pub(crate) cut: bool,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(state: &'a State, native: Option<Address>) -> Self {
        let mut by_token = BTreeMap::<Address, Vec<Address>>::new();
        for (address, pool) in &state.pools {
            by_token.entry(pool.token0).or_default().push(*address);
            by_token.entry(pool.token1).or_default().push(*address);
        }
        Self { state, native, by_token }
    }

    /// The pools that hold a token.
    pub(crate) fn holding(&self, token: Address) -> impl Iterator<Item = (Address, &'a Pool)> {
        let at = self.by_token.get(&token).map_or(&[][..], Vec::as_slice);
        at.iter().filter_map(|it| Some((*it, self.state.pools.get(it)?)))
    }

    /// At most `max` cycles through touched pools, in both directions.
    pub(crate) fn through(&self, touched: &BTreeSet<Address>, max: usize) -> Cycles {
        let mut found = Cycles::default();
        for address in touched {
            let Some(pool) = self.state.pools.get(address) else { continue };
            for token in [pool.token0, pool.token1] {
                let Some(side) = pool.side_of(token) else { continue };
                let mut path = vec![Hop { pool: *address, side }];
                self.walk(&mut path, token, pool.taken(side), &mut found, max);
            }
        }
        found
    }

    /// Goes on from `at` until `home` is reached.
    fn walk(
        &self,
        path: &mut Vec<Hop>,
        home: Address,
        at: Address,
        found: &mut Cycles,
        max: usize,
    ) {
        for (address, pool) in self.holding(at) {
            let Some(side) = pool.side_of(at) else { continue };
            if found.cut || path.iter().any(|hop| hop.pool == address) {
                continue;
            }
            path.push(Hop { pool: address, side });
            let next = pool.taken(side);
            if next == home {
                self.keep(path, found, max);
            } else if path.len() < HOPS_MAX {
                self.walk(path, home, next, found, max);
            }
            path.pop();
        }
    }

    fn keep(&self, path: &[Hop], found: &mut Cycles, max: usize) {
        let path = self.named(path);
        if found.paths.len() < max {
            found.paths.insert(path);
        } else if !found.paths.contains(&path) {
            found.cut = true;
        }
    }

    /// The cycle from its first token.
    fn named(&self, path: &[Hop]) -> Vec<Hop> {
        let token = |hop: &Hop| self.state.pools.get(&hop.pool).map(|it| it.given(hop.side));
        let first = (0..path.len()).min_by_key(|at| {
            let token = token(&path[*at]);
            (token != self.native, token)
        });
        let mut path = path.to_vec();
        path.rotate_left(first.unwrap_or(0));
        path
    }
}

#[cfg(test)]
mod tests;
