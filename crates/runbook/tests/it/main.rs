//! Runbooks from outside: known ones are imported, checked and planned, and bad ones are refused.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod approval;
mod bad;
mod bounds;
mod code;
mod environments;
mod guards;
mod known;
mod lost;
mod order;
mod production;
mod sight;
mod table;
mod undo;
