//! One process of the model: its memory, its folder, its plan.

use event::{Epoch, ForkKind, Lineage};

use crate::{
    live::plan::{Plan, Record, Stage, Target},
    memory::log::Log,
    trunk::record::BranchRecord,
};

/// One process, with what it left on its disk.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) plan: Plan,
    /// Who owns the one stream here.
    pub(super) owner: Target,
    /// The memory's log: the owner's, or a copy.
    pub(super) memory: Log,
    /// Records of branches that its memory's readers may need.
    pub(super) merged: Vec<BranchRecord>,
    /// What it knows of Redis's log: all that it has appended there itself, and put there.
    pub(super) known: Option<Log>,
    pub(super) saved: Option<Log>,
    pub(super) record: Record,
    /// What was sent to Redis and has not arrived: what stood there when it was sent, and our log.
    pub(super) late: Option<(Option<Log>, Log)>,
}

impl Process {
    pub(super) fn new(epoch: Epoch) -> Self {
        let plan = Plan::at_rest(Target::Memory);
        Process {
            plan,
            owner: Target::Memory,
            memory: Log::begin(Lineage::origin(epoch)),
            merged: Vec::new(),
            known: None,
            saved: None,
            record: plan.record(),
            late: None,
        }
    }

    /// Ends it without saving; what is left is its disk.
    pub(super) fn crash(&mut self, epoch: Epoch) {
        self.plan = Plan::at_rest(Target::Memory);
        self.owner = Target::Memory;
        self.merged.clear();
        self.known = None;
        self.memory = match self.saved.take() {
            None => Log::begin(Lineage::lossy_origin(epoch)),
            Some(mut log) => {
                log.fork(epoch, ForkKind::Lossy);
                log
            }
        };
    }

    /// Returns whether what is to be done can be done without Redis.
    pub(super) fn goes_back(&self) -> bool {
        self.plan.is_undo() && self.plan.to() == Target::Memory
    }

    /// Returns whether, at rest, the stream is where the plan says.
    pub(super) fn undone_is_right(&self) -> bool {
        self.plan.stage() != Stage::Idle || self.owner == self.plan.default_owner()
    }
}
