//! What tests share: binaries, keys, waiting.

pub(crate) mod fake;
pub(crate) mod field;

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How long anything may take before the test has failed; far more than it does take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
