//! Which hashes were met lately, in bounded room.

use alloy_primitives::{B256, map::HashSet};

/// Remembers the last hashes, at least `half_max` and at most twice as many.
#[derive(Debug)]
pub(super) struct Recent {
    half_max: usize,
    young: HashSet<B256>,
    old: HashSet<B256>,
}

impl Recent {
    pub(super) fn new(half_max: usize) -> Self {
        Recent { half_max: half_max.max(1), young: HashSet::default(), old: HashSet::default() }
    }

    /// Notes a hash; returns whether it was not met lately.
    pub(super) fn is_new(&mut self, hash: B256) -> bool {
        if self.old.contains(&hash) || !self.young.insert(hash) {
            return false;
        }
        if self.young.len() >= self.half_max {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::Recent;

    #[test]
    fn the_last_ones_are_remembered_and_old_ones_forgotten() {
        let mut recent = Recent::new(2);
        let hash = B256::repeat_byte;
        assert!((0..4).all(|byte| recent.is_new(hash(byte))));
        assert!(!recent.is_new(hash(3)) && !recent.is_new(hash(2)));
        assert!(recent.is_new(hash(0)));
    }
}
