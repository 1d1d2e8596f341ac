//! The scripts, the workflow and the manuals of a deployment, run and read as they stand in the tree.
//!
//! Owns the stand-ins for Docker. Knows no crate of ours: what the scripts ask is asked over sockets.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod canary;
mod canary_refused;
mod chain_scripts;
mod checkout;
mod manuals;
mod perf_baseline;
mod phase_checks;
mod preflight;
mod rollback;
mod rollback_refused;
mod scripts;
mod stand;
mod tree;
mod workflow;
