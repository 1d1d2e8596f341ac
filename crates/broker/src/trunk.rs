//! What a replica does while it has lost Redis: the pure parts.
#![expect(dead_code, reason = "the replica's broker, which uses them, follows")]

pub(crate) mod branch;
pub(crate) mod mirror;
pub(crate) mod record;
pub(crate) mod view;
