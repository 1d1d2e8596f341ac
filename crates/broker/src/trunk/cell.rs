//! One stream of this replica: what it knows of the trunk, and its branch while there is one.

use std::{collections::VecDeque, sync::Arc};

use event::{Epoch, Event, Lineage, Position, Seq, StreamName};
use parking_lot::Mutex;
use tokio::sync::{RwLock, watch};

use super::{Core, branch::Branch, mirror::Mirror, record::BranchRecord, view::View};
use crate::{BoxFuture, Wake, Watch};

/// One stream of this replica.
pub(super) struct Cell {
    pub(super) stream: StreamName,
    /// Held for reading by each append, for writing where the stream goes back to the trunk.
    pub(super) gate: RwLock<()>,
    pub(super) side: Mutex<Side>,
    hint: watch::Sender<Hint>,
}

/// What changes hands under one lock.
#[derive(Default)]
pub(super) struct Side {
    pub(super) mirror: Mirror,
    pub(super) branch: Option<Branch>,
    /// What became of branches that readers here may still be in the midst of.
    pub(super) merged: VecDeque<MergedBranch>,
    /// Whether the mirror is a whole log of another backend.
    pub(super) is_adopted: bool,
    /// How often the branch was changed, and up to which of these changes the folder has it.
    changes: u64,
    saved: u64,
    /// The branch beside whose file a mark stands.
    pub(super) marked: Option<Epoch>,
}

/// What became of a branch.
#[derive(Clone, Debug)]
pub(super) struct MergedBranch {
    pub(super) record: BranchRecord,
    /// The trunk's place at which its view ends: where the trunk has that, it has all before it.
    pub(super) end: Position,
}

/// The level of the hints: how often the owner changed, and the branch's head.
#[derive(Clone, Copy, Debug, Default)]
struct Hint {
    changes: u64,
    head: Seq,
}

/// Most records that a stream remembers here.
const MERGED_MAX: usize = 16;

impl Side {
    /// Says that the branch differs from what the folder has.
    pub(super) fn has_changed(&mut self) {
        self.changes += 1;
    }

    /// Returns up to which change the branch is to be saved; `None` where the folder has it.
    pub(super) fn unsaved(&self) -> Option<u64> {
        (self.changes > self.saved).then_some(self.changes)
    }

    /// Takes in that the folder has the branch up to a change.
    pub(super) fn is_saved(&mut self, changes: u64) {
        self.saved = self.saved.max(changes);
    }

    /// Remembers what became of a branch; `trunk` is the trunk's lineage from before it was asked.
    pub(super) fn remember(&mut self, record: BranchRecord, trunk: &Lineage) {
        let end = trunk.position_at(View::of(&record).end());
        self.remember_merged(MergedBranch { record, end });
    }

    /// Remembers what became of a branch.
    pub(super) fn remember_merged(&mut self, merged: MergedBranch) {
        // One that was closed again after Redis had lost it takes the other's place.
        self.merged.retain(|known| known.record.name() != merged.record.name());
        self.merged.push_back(merged);
        let over = self.merged.len().saturating_sub(MERGED_MAX);
        self.merged.drain(..over);
    }
}

impl Cell {
    pub(super) fn new(stream: StreamName) -> Self {
        Cell {
            stream,
            gate: RwLock::new(()),
            side: Mutex::default(),
            hint: watch::Sender::default(),
        }
    }

    /// Returns one of its own for a branch that is only to be merged.
    pub(super) fn with_branch(stream: StreamName, branch: Branch) -> Self {
        let mut cell = Cell::new(stream);
        let side = cell.side.get_mut();
        side.branch = Some(branch);
        side.has_changed();
        cell
    }

    /// Says that the branch has grown; to be called under the lock, so that the level never falls.
    pub(super) fn grew(&self, head: Seq) {
        self.hint.send_modify(|hint| hint.head = head);
    }

    /// Says that the stream has another owner.
    pub(super) fn changed_owner(&self) {
        self.hint.send_modify(|hint| hint.changes += 1);
    }

    /// Returns whether anybody here follows the stream.
    pub(super) fn is_followed(&self) -> bool {
        self.hint.receiver_count() > 0
    }

    /// Follows the stream, on the trunk and on a branch.
    pub(super) fn follow(
        self: &Arc<Self>,
        core: Arc<Core>,
        trunk: Box<dyn Watch>,
    ) -> Box<dyn Watch> {
        let mut hint = self.hint.subscribe();
        let changes = hint.borrow_and_update().changes;
        Box::new(Following { hint, changes, trunk, core, cell: Arc::clone(self) })
    }
}

/// One reader's hints, whoever the owner is.
struct Following {
    hint: watch::Receiver<Hint>,
    changes: u64,
    trunk: Box<dyn Watch>,
    core: Arc<Core>,
    /// Its stream is not forgotten while it is followed.
    cell: Arc<Cell>,
}

impl Watch for Following {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            tokio::select! {
                changed = self.hint.changed() => {
                    if changed.is_err() {
                        return Wake::Closed;
                    }
                    let hint = *self.hint.borrow_and_update();
                    if hint.changes == self.changes {
                        return Wake::Head(hint.head);
                    }
                    self.changes = hint.changes;
                    Wake::Unsure
                }
                wake = self.trunk.changed() => match wake {
                    Wake::Event(event) if !self.core.mirror_live(&self.cell, &event) => {
                        Wake::Head(event.position.seq)
                    }
                    wake => wake,
                },
            }
        })
    }
}

/// Returns the events of an append as they stand at its receipts.
pub(super) fn events_at(append: &crate::Append, receipts: &[crate::Receipt]) -> Vec<Arc<Event>> {
    let pairs = append.events.iter().zip(receipts);
    pairs
        .map(|(new, receipt)| {
            let (name, json) = (new.name.clone(), new.json.clone());
            Arc::new(Event::new(receipt.position, new.id, name, json))
        })
        .collect()
}
