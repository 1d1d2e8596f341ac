//! What can be gained from pools of one state of a chain, with its value and its assumptions.
//!
//! Everything is computed from the pools that are given: the same ones give the same opportunities, byte
//! for byte. Nothing is ever sent to a chain. Must not know: a node, a clock, HTTP.

mod amount;
mod confirm;
mod cycles;
mod decimal;
mod executor;
mod find;
mod math;
mod opportunity;
mod pool;
mod read;
mod solve;
mod v2;
mod v3;

pub use self::{
    amount::{Exact, NoAmount, Side, Swapped},
    confirm::{Confirm, Simulated, confirm},
    executor::{executor_call, executor_code, executor_creation},
    find::{Found, Search, Trigger},
    opportunity::{Assumption, Kind, Opportunity, OpportunityStatus, SEARCH_VERSION},
    pool::{Hop, Pool, PoolState, State},
    read::{PoolReading, PoolRules, PoolSpec, Progress, ReadError},
    solve::{Optimum, optimum, optimum_of_pairs},
    v2::V2Pool,
    v3::{TICK_MAX, TICK_MIN, V3Pool},
};
