//! The simulator: what a bundle would do on a state that is at hand. Does no IO and knows no clock.

use crate::{Bundle, Outcome, StateView};

/// Says what calls would do.
pub trait Simulator: Send + Sync {
    /// Returns one outcome for each call of a bundle, in their order.
    ///
    /// Where state is missing the calls from there on are [`crate::Status::Incomplete`]. The same
    /// bundle on the same state has the same outcomes.
    fn simulate(&self, bundle: &Bundle, state: &mut dyn StateView) -> Vec<Outcome>;

    /// Does that for bundles that do not stand on each other.
    fn simulate_each(&self, bundles: &[Bundle], state: &mut dyn StateView) -> Vec<Vec<Outcome>> {
        bundles.iter().map(|bundle| self.simulate(bundle, state)).collect()
    }
}
