//! Hints of a log in this process: the level of its head, nothing queued.

use event::Seq;
use tokio::sync::watch;

use crate::{BoxFuture, Wake, Watch};

/// Follows the number of a log's last event.
pub(super) struct Level {
    head: watch::Receiver<u64>,
}

impl Level {
    pub(super) fn new(head: watch::Receiver<u64>) -> Self {
        Level { head }
    }
}

impl Watch for Level {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            match self.head.changed().await {
                Ok(()) => Wake::Head(Seq(*self.head.borrow_and_update())),
                Err(_) => Wake::Closed,
            }
        })
    }
}
