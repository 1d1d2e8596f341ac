//! The endpoints, one file for each group.

pub(crate) mod chain;
pub(crate) mod cutover;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod ledger;
pub(crate) mod page;
pub(crate) mod stream;
pub(crate) mod ticket;
pub(crate) mod ws;
