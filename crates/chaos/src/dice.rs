//! Random choices that follow from a seed and from what they are for, and from nothing else.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

/// Random choices of one part of a run.
#[derive(Debug)]
pub(crate) struct Dice(StdRng);

impl Dice {
    /// Returns the choices of one of many.
    pub(crate) fn new(seed: u64, what: &str, index: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(index.to_be_bytes());
        hash.update(what);
        Dice(StdRng::from_seed(hash.finalize().into()))
    }

    /// Returns a number from both ends and what lies between.
    pub(crate) fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        self.0.random_range(least..=most.max(least))
    }

    /// Returns an index below `count`, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count.max(1))
    }

    /// Returns true in so many of a hundred cases.
    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.0.random_range(0..100) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_follow_from_seed_purpose_and_index() {
        let draw =
            |seed, what, index| Dice::new(seed, what, index).between((0, u64::from(u32::MAX)));
        assert_eq!(draw(1, "plan", 0), draw(1, "plan", 0));
        let others = [draw(2, "plan", 0), draw(1, "reader", 0), draw(1, "plan", 1)];
        assert!(others.iter().all(|other| *other != draw(1, "plan", 0)));
    }
}
