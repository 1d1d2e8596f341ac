//! The simulator against a real node, and against state that is missing, wrong or slow.

mod abi;
mod bundles;
mod conformance;
mod executor;
mod fake;
mod memory;
mod node;
mod peer;
mod pool;
mod traffic;
