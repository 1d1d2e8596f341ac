//! What the proofs share: clocks, events, a reader of event streams.

pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod socket;
pub(crate) mod sse;
