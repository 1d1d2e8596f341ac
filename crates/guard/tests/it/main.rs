//! The guards' proofs: simulations from fixed seeds, tables of bad numbers, bounds by chance.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod limits;
mod pairs;
mod ratios;
mod readings;
mod simulated;
