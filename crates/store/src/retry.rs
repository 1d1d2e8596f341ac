//! How long to wait before another attempt.

use std::time::Duration;

use rand::RngExt;

/// Pauses that double up to a bound, each drawn anew from its whole range, so that those who met do
/// not meet again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Backoff { first, longest }
    }

    /// Returns the pause after so many attempts, at least one.
    pub(crate) fn pause(self, attempts: u32) -> Duration {
        let ceiling = self.ceiling(attempts);
        rand::rng().random_range(Duration::from_micros(1)..=ceiling)
    }

    fn ceiling(self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Duration};

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));
        let ceilings: Vec<_> = (1..=7).map(|n| backoff.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 50, 50]);
        assert_eq!(backoff.ceiling(u32::MAX).as_millis(), 50);
        let drawn: std::collections::BTreeSet<_> = (0..100).map(|_| backoff.pause(6)).collect();
        assert!(drawn.len() > 50, "{drawn:?}");
        assert!(drawn.iter().all(|pause| pause.as_millis() <= 50));
    }
}
