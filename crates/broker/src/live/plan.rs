//! The rules of a switch: what is to be done next, what each ask means, and what a start finds
//! (`histories`). Pure: whoever carries it out says what was done, and writes down what it is told to before it
//! does what follows.
//!
//! What is written down answers two questions for the next process, should this one end anywhere:
//! may Redis have events that the saved windows lack (`redis_may_own`), and may memory have
//! acknowledged events that neither the folder nor Redis has (`memory_leads`)? Both are said before
//! the first stream changes hands, in either direction. The first is unsaid once all streams are
//! memory's and saved, the second once all streams have changed hands. Nobody knows afterwards which
//! stream had, so that a crash in between is told as any crash of memory is.

mod histories;

pub(crate) use self::histories::{Placement, Resume, grew_out_of, hides_loss, placement, resume};

/// A backend that can own a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// This process's memory.
    Memory,
    /// Redis.
    Redis,
}

impl Target {
    /// Returns the other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Target::Memory => Target::Redis,
            Target::Redis => Target::Memory,
        }
    }

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Target::Memory => "memory",
            Target::Redis => "redis",
        }
    }
}

/// How far a switch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// None is under way, or the last one was finalised.
    Idle,
    /// It has begun: what is appended from now on is copied too.
    Shadow,
    /// The windows are copied.
    Backfill,
    /// The copies were found to be the same.
    Compared,
    /// Streams change hands, one by one.
    Switching,
    /// All did; the owner before is kept up to date, so that going back is short.
    Switched,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Stage; 6] = [
        Stage::Idle,
        Stage::Shadow,
        Stage::Backfill,
        Stage::Compared,
        Stage::Switching,
        Stage::Switched,
    ];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Idle => "idle",
            Stage::Shadow => "shadow",
            Stage::Backfill => "backfill",
            Stage::Compared => "compared",
            Stage::Switching => "switching",
            Stage::Switched => "switched",
        }
    }
}

/// What an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// That this backend owns every stream.
    Cutover(Target),
    /// That everything is as before the switch.
    Undo,
    /// That the switch is over.
    Finalise,
}

/// What becomes of an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is so already.
    Already,
    /// There is work to do.
    Work,
}

/// Nothing was switched, so that nothing can be finalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSwitched;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// Nothing.
    Rest,
    /// Take the lease.
    Lease,
    /// Copy the window of every stream that is not there yet.
    Copy,
    /// Compare the copies.
    Compare,
    /// Save memory's windows, so that what it acknowledged outlives the process.
    Save,
    /// Write down the record.
    Record,
    /// Let each stream change hands.
    Move,
    /// Drop the copies.
    Drop,
}

/// What the next process has to know of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Which backend the streams go to, or are at.
    pub to: Target,
    /// How far the switch has come.
    pub stage: Stage,
    /// Whether Redis may have events that the saved windows lack.
    pub redis_may_own: bool,
    /// Whether memory may have acknowledged what neither its folder nor Redis has.
    pub memory_leads: bool,
}

/// A switch, and what is between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    /// Who owns the streams that nobody has touched.
    default: Target,
    to: Target,
    stage: Stage,
    /// Whether it ends at once when all streams are there: it undoes another one.
    undoes: bool,
    /// Whether it is to be dropped: no stream has moved.
    is_dropped: bool,
    /// Whether some streams may be here and some there.
    is_mixed: bool,
    is_copied: bool,
    recorded: Option<Record>,
    /// Whether one was begun to be written, and nobody knows what stands there.
    is_unsure: bool,
    is_finalised: bool,
}

impl Plan {
    /// Returns the plan of a process whose streams this backend owns.
    pub(crate) const fn at_rest(owner: Target) -> Self {
        Plan {
            default: owner,
            to: owner,
            stage: Stage::Idle,
            undoes: false,
            is_dropped: false,
            is_mixed: false,
            is_copied: false,
            recorded: None,
            is_unsure: false,
            is_finalised: false,
        }
    }

    /// Returns how far the switch has come.
    pub(crate) const fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns where the streams go to, or are.
    pub(crate) const fn to(&self) -> Target {
        self.to
    }

    /// Returns who owns the streams that nobody has touched.
    pub(crate) const fn default_owner(&self) -> Target {
        self.default
    }

    /// Returns whether the switch undoes another one.
    pub(crate) const fn is_undo(&self) -> bool {
        self.undoes || self.is_dropped
    }

    /// Takes in what is asked for.
    ///
    /// # Errors
    /// Fails where a switch shall be finalised that has not switched.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<Asked, NotSwitched> {
        match ask {
            Ask::Cutover(to) => Ok(self.cutover(to)),
            Ask::Undo => Ok(self.undo()),
            Ask::Finalise => match self.stage {
                Stage::Idle => Ok(Asked::Already),
                Stage::Switched => {
                    self.is_finalised = true;
                    Ok(Asked::Work)
                }
                _ => Err(NotSwitched),
            },
        }
    }

    fn cutover(&mut self, to: Target) -> Asked {
        match self.stage {
            Stage::Idle if self.default == to => Asked::Already,
            Stage::Switched if self.to == to => Asked::Already,
            Stage::Idle => {
                self.undoes = false;
                self.begin(to)
            }
            // A further try; the other way is an undo.
            _ if self.to == to && !self.is_dropped => Asked::Work,
            _ => self.turn(to),
        }
    }

    fn undo(&mut self) -> Asked {
        match self.stage {
            Stage::Idle => Asked::Already,
            _ if self.is_undo() => Asked::Work,
            _ => self.turn(self.to.other()),
        }
    }

    fn turn(&mut self, to: Target) -> Asked {
        if !self.is_mixed && self.default == to {
            self.is_dropped = true;
            return Asked::Work;
        }
        self.undoes = true;
        self.begin(to)
    }

    fn begin(&mut self, to: Target) -> Asked {
        (self.to, self.stage) = (to, Stage::Shadow);
        (self.is_dropped, self.is_copied, self.is_finalised) = (false, false, false);
        Asked::Work
    }

    /// Returns what the next process has to know as things are.
    pub(crate) fn record(&self) -> Record {
        let moves = self.stage == Stage::Switching;
        Record {
            to: self.to,
            stage: self.stage,
            redis_may_own: self.default == Target::Redis || self.is_mixed || moves,
            memory_leads: self.is_mixed || moves,
        }
    }

    /// Returns what is to be done next.
    pub(crate) fn next(&self) -> Work {
        if self.is_dropped {
            return Work::Drop;
        }
        let is_recorded = !self.is_unsure && self.recorded == Some(self.record());
        let is_bare = !self.is_unsure && self.recorded.is_none();
        match self.stage {
            Stage::Idle if is_recorded || is_bare => Work::Rest,
            Stage::Shadow => Work::Lease,
            Stage::Backfill if !self.is_copied => Work::Copy,
            Stage::Backfill => Work::Compare,
            Stage::Compared | Stage::Idle => Work::Record,
            Stage::Switching if !is_recorded => Work::Record,
            Stage::Switching if self.default != self.to || self.is_mixed => Work::Move,
            Stage::Switching => Work::Save,
            Stage::Switched if self.is_finalised => Work::Drop,
            Stage::Switched if !is_recorded => Work::Record,
            Stage::Switched => Work::Rest,
        }
    }

    /// Takes in that the record is about to be written.
    pub(crate) fn records(&mut self) {
        self.is_unsure = true;
    }

    /// Takes in that a work was done.
    pub(crate) fn done(&mut self, work: Work) {
        if work == Work::Record {
            self.is_unsure = false;
        }
        match (work, self.stage) {
            (Work::Lease, Stage::Shadow) => self.stage = Stage::Backfill,
            (Work::Copy, _) => self.is_copied = true,
            (Work::Compare, Stage::Backfill) => self.stage = Stage::Compared,
            (Work::Save, Stage::Switching) => {
                self.stage = if self.undoes { Stage::Idle } else { Stage::Switched };
                self.undoes = false;
            }
            (Work::Record, Stage::Compared) => {
                self.recorded = Some(self.record());
                self.stage = Stage::Switching;
            }
            (Work::Record, _) => self.recorded = Some(self.record()),
            (Work::Move, _) => (self.default, self.is_mixed) = (self.to, false),
            (Work::Drop, _) => {
                (self.to, self.stage) = (self.default, Stage::Idle);
                (self.is_dropped, self.undoes) = (false, false);
            }
            _ => {}
        }
    }

    /// Takes in that no stream has changed hands after all, or that all are back.
    pub(crate) fn settles(&mut self) {
        self.is_mixed = false;
    }

    /// Takes in that the first stream is about to change hands.
    pub(crate) fn moves(&mut self) {
        self.is_mixed = true;
    }
}

#[cfg(test)]
mod tests;
