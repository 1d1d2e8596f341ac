//! Pools of one state, of either kind, and paths through them.
//!
//! Owns what a swap does to a state. Must not know: how pools are read.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use chain::BlockRef;
use serde::{Deserialize, Serialize};

use crate::{Exact, NoAmount, Side, V2Pool, V3Pool};

/// A pool's state by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PoolState {
    /// Constant product.
    V2(V2Pool),
    /// Concentrated liquidity.
    V3(V3Pool),
}

/// A pool: its tokens, in the order of their addresses, and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The lesser token.
    pub token0: Address,
    /// The greater one.
    pub token1: Address,
    /// What it holds.
    pub state: PoolState,
}

impl Pool {
    /// The token that is given.
    #[must_use]
    pub const fn given(&self, side: Side) -> Address {
        match side {
            Side::ZeroForOne => self.token0,
            Side::OneForZero => self.token1,
        }
    }

    /// The token that is taken.
    #[must_use]
    pub const fn taken(&self, side: Side) -> Address {
        self.given(side.back())
    }

    /// The way in which a token is given.
    #[must_use]
    pub fn side_of(&self, token: Address) -> Option<Side> {
        if token == self.token0 {
            Some(Side::ZeroForOne)
        } else if token == self.token1 {
            Some(Side::OneForZero)
        } else {
            None
        }
    }

    /// What a swap gives, takes and leaves.
    ///
    /// # Errors
    ///
    /// Where the contract would refuse, or state is missing.
    pub fn swap(&self, side: Side, exact: Exact) -> Result<(U256, U256, Self), NoAmount> {
        let (amount_in, amount_out, state) = match &self.state {
            PoolState::V2(pool) => {
                let done = pool.swap(side, exact)?;
                (done.amount_in, done.amount_out, PoolState::V2(done.after))
            }
            PoolState::V3(pool) => {
                let done = pool.swap(side, exact)?;
                (done.amount_in, done.amount_out, PoolState::V3(done.after))
            }
        };
        Ok((amount_in, amount_out, Self { state, ..*self }))
    }

    /// What is taken for so much.
    ///
    /// # Errors
    ///
    /// As [`Pool::swap`].
    pub fn amount_out(&self, side: Side, given: U256) -> Result<U256, NoAmount> {
        if let PoolState::V2(pool) = &self.state {
            let given = u128::try_from(given).map_err(|_| NoAmount::Overflow)?;
            return pool.amount_out(side, given).map(U256::from);
        }
        self.swap(side, Exact::In(given)).map(|it| it.1)
    }
}

/// One swap of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// The pool.
    pub pool: Address,
    /// Which token is given.
    pub side: Side,
}

/// The pools that were read of one block's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The block behind which they stand so.
    pub block: BlockRef,
    /// Each pool by its address.
    pub pools: BTreeMap<Address, Pool>,
}

impl State {
    /// What comes out of a path for so much.
    ///
    /// # Errors
    ///
    /// The first hop's that gives no amount; [`NoAmount::Nonsense`] where a pool is not there.
    pub fn amount_out(&self, path: &[Hop], given: U256) -> Result<U256, NoAmount> {
        path.iter().try_fold(given, |amount, hop| {
            self.pools.get(&hop.pool).ok_or(NoAmount::Nonsense)?.amount_out(hop.side, amount)
        })
    }

    /// Makes one swap.
    ///
    /// # Errors
    ///
    /// As [`Pool::swap`]; nothing is changed then.
    pub fn apply(&mut self, hop: Hop, exact: Exact) -> Result<(U256, U256), NoAmount> {
        let pool = self.pools.get_mut(&hop.pool).ok_or(NoAmount::Nonsense)?;
        let (amount_in, amount_out, after) = pool.swap(hop.side, exact)?;
        *pool = after;
        Ok((amount_in, amount_out))
    }
}
