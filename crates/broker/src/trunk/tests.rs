//! The proofs of what branches, records and views do together.

mod forgetting;
mod model;

use std::time::Duration;

use super::pause_after;

#[test]
fn large_branches_are_saved_less_often() {
    let every = Duration::from_secs(1);
    for (took_ms, pause_ms) in [(0, 1_000), (50, 1_000), (200, 1_800), (400, 3_600), (9_000, 5_000)]
    {
        let pause = pause_after(Duration::from_millis(took_ms), every);
        assert_eq!(pause, Duration::from_millis(pause_ms), "after {took_ms} ms");
    }
    assert_eq!(pause_after(Duration::ZERO, 2 * every), 2 * every);
    assert_eq!(pause_after(every, 10 * every), 10 * every, "never sooner than is asked for");
}
