//! The run's seed, from which each part has random choices of its own.

use std::hash::{DefaultHasher, Hash, Hasher};

use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// Returns the random choices of one of many: they depend on nothing else.
    pub(super) fn rng(self, what: &str, index: u64) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.0, what, index).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn choices_differ_by_seed_purpose_and_index() {
        let draw = |seed, what, index| Seed(seed).rng(what, index).random::<u64>();
        assert_eq!(draw(1, "reader", 2), draw(1, "reader", 2));
        let others = [draw(2, "reader", 2), draw(1, "thread", 2), draw(1, "reader", 3)];
        assert!(others.iter().all(|other| *other != draw(1, "reader", 2)));
    }
}
