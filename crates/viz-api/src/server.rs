//! Accepting connections, serving HTTP/1.1 on them, and letting one go when it becomes a stream.

mod accept;
mod connection;
mod first;
mod handover;
mod head;
mod opener;
mod publisher;
mod wire;

pub(crate) use self::accept::FINISH_SHARE;
pub use self::accept::serve;
pub(crate) use self::handover::{Handover, HandoverSlot, StreamHandover, WebHandover};
