//! What a transaction asks for: the calls that it is made of, the tokens and amounts that it names, and
//! how its fee compares.
//!
//! Everything is read from the transaction itself, a registry that says which contract is what, and
//! the fees of recent blocks; the same three give the same features, byte for byte. What the registry
//! does not know stays unknown: a selector alone never makes a contract a router. Must not know: a
//! node, the state of a chain, or what comes of a transaction.

mod abi;
mod call;
mod decode;
mod features;
mod fee;
mod gas;
mod number;
mod registry;

pub use self::{
    call::{Action, Amount, Call, Contract, Hop, Swap},
    decode::{CALLS_MAX, Calls, DEPTH_MAX, decode},
    features::{Category, FEATURES_VERSION, Features},
    fee::{FEE_BLOCKS, FeeRank, FeeWindow},
    gas::intrinsic_gas,
    registry::{
        ChainRegistry, Pool, PoolKind, Registry, RegistryError, RouterKind, Token, TokenKind,
    },
};
