//! What the tests share: arms, HAProxy before them, clients, and a socket that says what it is told.

pub(crate) mod arm;
pub(crate) mod client;
pub(crate) mod edge;
pub(crate) mod fake;
pub(crate) mod wait;

use guard::Arm;
use traffic::{Owner, UnixTime, Weight};

/// Returns a share in per cent.
pub(crate) fn percent(percent: f64) -> Weight {
    Weight::from_percent(percent).unwrap()
}

/// Returns the name of a run.
pub(crate) fn owner(name: &str) -> Owner {
    name.parse().unwrap()
}

/// A lease that does not end during a test.
pub(crate) const LONG: u64 = 3_600;

/// Returns the end of a lease that does not end during a test.
pub(crate) async fn long(router: &dyn traffic::Router) -> UnixTime {
    router.observe().await.unwrap().now.plus(LONG)
}

/// Both arms.
pub(crate) const ARMS: [Arm; 2] = [Arm::Stable, Arm::Canary];
