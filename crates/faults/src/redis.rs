//! Real Redis servers of a test's own: single, with sentinels, as a cluster.

pub(crate) mod certificates;
pub(crate) mod cluster;
pub(crate) mod fake;
pub(crate) mod options;
pub(crate) mod sentinel;
pub(crate) mod server;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take here before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(5);

/// Waiting for something, with a bound.
struct Patience {
    what: &'static str,
    deadline: Instant,
}

impl Patience {
    fn for_(what: &'static str) -> Self {
        Patience { what, deadline: Instant::now() + PATIENCE }
    }

    /// Waits a moment before the next look.
    ///
    /// # Panics
    /// Panics where it took too long.
    async fn pause(&self) {
        assert!(Instant::now() < self.deadline, "{}: not within {PATIENCE:?}", self.what);
        sleep(POLL).await;
    }
}
