//! The promises of [`Broker`] as cases that every backend has to pass.
//!
//! A backend implements [`Harness`] and [`Subject`] and writes `broker::conformance_tests!(harness)`
//! in a test module, which makes one test of each case; [`run_all`] runs them in a program. A case
//! that needs what the backend can't do ([`Ability`]) is reported as such and never as passed.
//!
//! Owns: the cases, the checker of what a reader received. Must not know: any one backend.

mod attach;
mod cancel;
mod check;
mod crash;
mod cursors;
mod foreign;
mod key_age;
mod keys;
mod order;
mod pages;
mod reader;
mod report;
mod restart;
mod stage;
mod subject;
mod switch;
mod table;
mod window;

pub use self::{
    check::{Start, broken_promise},
    report::{Outcome, Report, not_applicable, run_all, run_one},
    stage::new_event,
    subject::{Ability, Harness, Subject},
    table::{CASES, Case},
};
#[cfg(doc)]
use crate::Broker;
