//! Traffic through a real HAProxy, and through sockets that lie.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod broken_socket;
mod clients;
mod cohorts;
mod dead_man;
mod dead_man_process;
mod evict;
mod lease;
mod support;
mod weights;
mod withdraw;
