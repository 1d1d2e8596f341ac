//! Faults that a test build makes on purpose: each is seen from outside, by a real client.

mod process;
mod readers;
mod requests;
mod settings;

use crate::support::server::{Plan, Server};

/// Starts a server that makes these faults.
fn failing(faults: &str) -> Server {
    Plan::with_keys().set("TIDEGATE_INJECT", faults).start()
}
