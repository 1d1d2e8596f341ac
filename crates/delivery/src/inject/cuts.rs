//! When a worker cuts connections, and whose turn it is.

use event::MonoMs;

use super::{Dice, Faults};
use crate::room::ReaderKey;

/// What a worker knows of its cuts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cuts {
    due: Option<MonoMs>,
    /// What the last cut left of a connection, in parts of the share.
    owed: u64,
    round: u64,
}

impl Cuts {
    /// Returns who is cut now. Over some rounds it is just the share, however few there are.
    pub(crate) fn take(
        &mut self,
        faults: &Faults,
        now: MonoMs,
        open: impl Iterator<Item = ReaderKey>,
    ) -> Vec<ReaderKey> {
        let Some(cut) = faults.cut else { return Vec::new() };
        if now < *self.due.get_or_insert(now.plus(cut.every)) {
            return Vec::new();
        }
        self.due = Some(now.plus(cut.every));
        self.round += 1;
        let mut keys: Vec<_> = open.collect();
        let (count, owed) = cut.share.share_of(keys.len(), self.owed);
        self.owed = owed;
        let dice = Dice::new(Dice::new(faults.seed).of("cut").roll(self.round));
        keys.sort_by_key(|key| dice.roll(key.to_bits()));
        keys.truncate(count);
        keys
    }
}
