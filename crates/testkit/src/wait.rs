//! Waiting for a level, with a time after which the test has failed.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before the test has failed; far more than it does take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something to see.
///
/// # Panics
/// Panics where that takes longer than [`PATIENCE`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < until, "waited in vain for: {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// Panics where that takes longer than [`PATIENCE`].
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || holds().then_some(()));
}
