//! What transactions would do, on the state of a block: by `revm`, behind a trait of our own.
//!
//! Owns: what is simulated and what is said of it, the simulator, which is pure, the cache of state,
//! how missing state is fetched, and the threads that simulate. Must not know: what a transaction
//! means, how outcomes are kept, or who reads them. Nothing is ever sent to a chain.

mod bundle;
mod cache;
mod call;
mod env;
mod evm;
mod fetch;
mod hardfork;
mod invalid;
mod key;
mod node;
mod outcome;
mod pool;
mod recorded;
mod revert;
mod rules;
mod simulator;
mod source;
mod view;

pub use self::{
    bundle::{AccountOverride, Bundle, Overrides},
    cache::{CacheCounts, CacheView, StateCache},
    call::{Call, Fees},
    env::BlockEnv,
    evm::EvmSimulator,
    fetch::{FetchLimits, Means, simulate},
    hardfork::Hardfork,
    invalid::InvalidReason,
    key::{NO_CODE, StateError, StateKey, StateValue},
    node::NodeState,
    outcome::{BalanceChange, HaltReason, Lack, Log, Outcome, Status, VERSION},
    pool::{JobError, Outcomes, Pool, PoolCounts, PoolOptions, PoolParts, SubmitError},
    recorded::{RecordedState, Said, StateAnswer, StateRecorder},
    revert::RevertReason,
    rules::{BlobRules, Rules, SimulationLimits},
    simulator::Simulator,
    source::{Fetched, StateSource},
    view::{AccountState, Code, StateView},
};
