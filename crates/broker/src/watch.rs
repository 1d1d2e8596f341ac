//! How a log says that it has grown.

use std::sync::Arc;

use event::{Event, Seq};

use crate::BoxFuture;

/// A hint that a log has grown; the log itself stays the truth.
#[derive(Clone, Debug)]
pub enum Wake {
    /// The log has this event. Others may lie between it and the one before.
    Event(Arc<Event>),
    /// The log's last number is at least this.
    Head(Seq),
    /// Hints may have been missed, or the owner of the log changed: read it.
    Unsure,
    /// The log is being shut down; no further hint will come.
    Closed,
}

/// One reader's hints about one log.
///
/// Hints may be merged, repeated or out of order, but after the last append at least one comes
/// that covers it, or `Unsure`; and after a change of the log's owner `Unsure` comes, since a number
/// alone does not say whose it is.
pub trait Watch: Send + 'static {
    /// Waits for the next hint.
    ///
    /// # Cancel safety
    /// No hint is lost when the future is dropped.
    fn changed(&mut self) -> BoxFuture<'_, Wake>;
}
