//! Waiting for a level, with a time after which the test has failed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take before the test has failed; far more than it does take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Time that passes between looks, and that is over at some time.
pub(crate) struct Patience {
    what: String,
    until: Instant,
}

impl Patience {
    pub(crate) fn for_what(what: &str) -> Self {
        Patience { what: what.to_owned(), until: Instant::now() + PATIENCE }
    }

    /// Waits a moment before the next look.
    pub(crate) async fn pause(&self) {
        assert!(Instant::now() < self.until, "waited in vain for: {}", self.what);
        sleep(Duration::from_millis(5)).await;
    }
}

/// Looks again and again until there is something to see.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let patience = Patience::for_what(what);
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        patience.pause().await;
    }
}
