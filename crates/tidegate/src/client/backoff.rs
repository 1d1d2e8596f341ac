//! When to come back to a server that is not there.

use std::time::Duration;

use rand::RngExt;

const FIRST: Duration = Duration::from_millis(200);

/// The longest wait that a server's `retry:` or `Retry-After` can ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// Counts failed attempts; the wait doubles up to a limit, and half of it is random, so that
/// many clients do not come back at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::up_to(Duration::from_secs(5))
    }
}

impl Backoff {
    /// Returns a backoff with a longest wait of its own.
    pub(crate) fn up_to(longest: Duration) -> Self {
        Backoff { failures: 0, longest }
    }

    /// Forgets earlier failures.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Returns how long to wait now; `asked` is what the server asked for, and the least.
    pub(crate) fn wait(&mut self, asked: Option<Duration>, rng: &mut impl rand::Rng) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let jittered = doubled.mul_f64(rng.random_range(0.5..=1.0));
        jittered.max(asked.unwrap_or_default().min(ASKED_MAX))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::up_to(Duration::from_millis(1000));
        for most in [200, 400, 800, 1000, 1000] {
            let wait = backoff.wait(None, &mut rng).as_millis();
            assert!((most / 2..=most).contains(&wait), "{wait} of {most}");
        }
        backoff.succeeded();
        assert!(backoff.wait(None, &mut rng) <= FIRST);
    }

    #[test]
    fn what_the_server_asks_for_is_the_least() {
        let mut rng = StdRng::seed_from_u64(1);
        let asked = Some(Duration::from_secs(3));
        assert_eq!(Backoff::default().wait(asked, &mut rng), Duration::from_secs(3));
        let endless = Some(Duration::from_secs(1 << 40));
        assert_eq!(Backoff::default().wait(endless, &mut rng), ASKED_MAX);
    }
}
