//! What a branch is called in Redis: by its own epochs, or, where its numbers are not those of its
//! view, by a name that is computed from them, so that every process comes to the same one.

use event::{Epoch, ForkKind, Seq};
use sha2::{Digest, Sha256};

use super::{super::record::BranchRecord, Branch};

impl Branch {
    /// Returns the name of its first record.
    pub(super) fn first_name(&self) -> Epoch {
        self.renamed.map_or(self.saved_as, |after| self.computed(after, "first", 0))
    }

    /// Returns the name of the record that goes on from one that was closed with so many events.
    pub(super) fn name_after(&self, merged: usize) -> Epoch {
        match self.renamed {
            Some(after) => self.computed(after, "after", merged as u64),
            None => self.events.get(merged).map_or(self.name, |kept| kept.event.position.epoch),
        }
    }

    /// Returns its name where the first one is taken by another history.
    pub(super) fn name_of_another(&self, record: &BranchRecord) -> Epoch {
        let after = self.renamed.unwrap_or(self.parent);
        self.computed(after, "other than", record.merged())
    }

    fn computed(&self, after: Seq, why: &str, count: u64) -> Epoch {
        let Branch { saved_as, parent, .. } = self;
        let mut text = format!("{saved_as} {parent} {after} {why} {count}");
        // What a crash took may have been merged by this name: what came instead has another.
        let forks = self.log.lineage().forks().iter();
        for fork in forks.filter(|fork| fork.kind == ForkKind::Lossy) {
            text = format!("{text} {}", fork.epoch);
        }
        let digest = Sha256::digest(text.as_bytes());
        let bits = digest.iter().take(8).fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        Epoch::from_bits(bits)
    }
}
