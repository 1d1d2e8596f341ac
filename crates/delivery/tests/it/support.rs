//! What the proofs share: clocks, events, readers of event streams and of
//! WebSockets.

pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod ws;
