//! What is due now: it follows from the plan, the state and the time, and from nothing else, so that a
//! process that goes on with a run does what the one before it would have done.
//!
//! Pure; carries nothing out.

use std::{collections::BTreeSet, time::Duration};

use guard::Verdict;
use jiff::Timestamp;
use runbook::{Kind, Plan, PlannedStep};

use crate::{Ending, Pace, Phase, State, Status};

/// How often a step of the way back is tried.
const BACK_ATTEMPTS_MAX: u32 = 2;

/// When a run is, and what this process found out that the journal does not say.
#[derive(Clone, Debug)]
pub struct Times {
    /// Now.
    pub now: Timestamp,
    /// T0, where the plan has times.
    pub t0: Option<Timestamp>,
    /// How much faster than planned waiting times pass.
    pub pace: Pace,
    /// How much later than it is due a step may begin without people being asked, as planned.
    pub grace: Duration,
    /// Steps of which could not be told what became of them; they are not asked about again.
    pub unclear: BTreeSet<String>,
    /// Steps of the kind `external` that the world carries out, and no person.
    pub acted: BTreeSet<String>,
}

/// What is due.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<'p> {
    /// Find out what became of a step.
    ReadBack {
        /// The step.
        step: &'p PlannedStep,
        /// The attempt.
        attempt: u32,
    },
    /// Give its outcome to a step of which was read back that it took effect, or for which people
    /// vouched.
    Conclude {
        /// The step.
        step: &'p PlannedStep,
        /// The attempt.
        attempt: u32,
    },
    /// Carry a step out.
    Begin {
        /// The step.
        step: &'p PlannedStep,
        /// The attempt.
        attempt: u32,
    },
    /// Write down that a step was not begun when it was due.
    Late {
        /// The step.
        step: &'p PlannedStep,
        /// How late it is.
        late: Duration,
    },
    /// Wait.
    Await(Wait<'p>),
    /// The run ends.
    End(Ending),
    /// It has ended.
    Over,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait<'p> {
    /// Somebody who may approves of the plan.
    Approval,
    /// People say that the run goes on.
    Go,
    /// People decide how a run goes on that stands still.
    Hold,
    /// The time of a step.
    Time {
        /// The step.
        step: &'p PlannedStep,
        /// When it is due.
        at: Timestamp,
    },
    /// People vouch for a step.
    Word {
        /// The step.
        step: &'p PlannedStep,
        /// The attempt.
        attempt: u32,
    },
    /// People let be looked again at what has to hold at the end and did not pass, or go back.
    End {
        /// The step.
        step: &'p PlannedStep,
    },
    /// Guards say PASS at the end.
    Guards(Vec<String>),
}

/// Returns when a step is due.
pub fn due(step: &PlannedStep, times: &Times) -> Option<Timestamp> {
    let (t0, at) = (times.t0?, step.at?);
    let planned = Duration::from_secs(u64::from(at.minutes().unsigned_abs()) * 60);
    let span = times.pace.of(planned);
    if at.minutes() < 0 { t0.checked_sub(span).ok() } else { t0.checked_add(span).ok() }
}

/// Returns what is due, where no step is under way in this process.
pub fn next<'p>(plan: &'p Plan, state: &State, times: &Times) -> Next<'p> {
    let course = Course { plan, state, times };
    if let Some(next) = course.unsettled() {
        return next;
    }
    match state.phase() {
        Phase::Draft | Phase::Gates => course.gates(),
        Phase::Go => course.run(),
        Phase::Hold => course.hold(),
        Phase::RollingBack => course.back(),
        Phase::Kept | Phase::RolledBack | Phase::RollbackFailed | Phase::Aborted => Next::Over,
    }
}

struct Course<'p, 's> {
    plan: &'p Plan,
    state: &'s State,
    times: &'s Times,
}

/// What a list of steps comes to.
enum Way<'p> {
    Due(Next<'p>),
    Over,
    Stuck,
}

impl<'p> Course<'p, '_> {
    /// Settles what a process left behind that is gone. What people were doing they are asked about.
    fn unsettled(&self) -> Option<Next<'p>> {
        self.plan.all_steps().find_map(|step| match self.state.status(&step.id)? {
            // Its owners said that it was done.
            Status::Unknown(attempt) if step.class.changes() && self.state.is_vouched(&step.id) => {
                Some(Next::Conclude { step, attempt })
            }
            // What people were doing they are asked about; a run that goes back does not wait for that, and
            // none waits for ever.
            Status::Unknown(attempt)
                if self.is_word(step)
                    && step.class.changes()
                    && self.waits_for(step)
                    && !self.times.unclear.contains(&step.id) =>
            {
                Some(Next::Await(Wait::Word { step, attempt }))
            }
            // A run that stands still because it could not be told stands until people decide; without
            // its gates nobody could.
            Status::Unknown(attempt)
                if (self.state.phase() != Phase::Hold || self.is_gate(step))
                    && !self.times.unclear.contains(&step.id) =>
            {
                Some(Next::ReadBack { step, attempt })
            }
            _ => None,
        })
    }

    fn is_word(&self, step: &PlannedStep) -> bool {
        is_word(step) && !self.times.acted.contains(&step.id)
    }

    fn is_gate(&self, step: &PlannedStep) -> bool {
        self.plan.gates.iter().any(|gate| gate.id == step.id)
    }

    fn waits_for(&self, step: &PlannedStep) -> bool {
        self.state.phase() != Phase::RollingBack || is_back(self.plan, &step.id)
    }

    fn word(&self, step: &'p PlannedStep, attempt: u32) -> Next<'p> {
        if self.state.unvouched(&step.id).is_empty() {
            Next::Conclude { step, attempt }
        } else {
            Next::Await(Wait::Word { step, attempt })
        }
    }

    fn gates(&self) -> Next<'p> {
        let lacking = self.plan.gates.iter().find(|gate| !self.state.is_over(&gate.id));
        if let Some(gate) = lacking {
            return self.begin(gate);
        }
        if !self.state.is_approved() {
            return Next::Await(Wait::Approval);
        }
        Next::Await(Wait::Go)
    }

    /// Gates that nobody has looked at are looked at all the same: they change nothing, and nobody
    /// could say GO before. One that did not pass is for people.
    fn hold(&self) -> Next<'p> {
        let lacking = |gate: &&PlannedStep| !self.state.is_over(&gate.id);
        let is_for_people = |gate: &PlannedStep| {
            matches!(self.state.status(&gate.id), Some(Status::Done(..) | Status::Unknown(_)))
        };
        let mut gates = self.plan.gates.iter().filter(lacking);
        match gates.find(|gate| !is_for_people(gate)) {
            Some(gate) if self.may_begin_after(gate) => self.begin(gate),
            _ if self.state.closed_gates().next().is_none() && !self.state.is_approved() => {
                Next::Await(Wait::Approval)
            }
            _ => Next::Await(Wait::Hold),
        }
    }

    /// Returns whether what a step names as before it is over.
    fn may_begin_after(&self, step: &PlannedStep) -> bool {
        let is_carried_out =
            |id: &str| self.plan.all_steps().any(|it| it.id == id && it.carried_out);
        step.after.iter().all(|id| !is_carried_out(id) || self.state.is_over(id))
    }

    fn run(&self) -> Next<'p> {
        let steps = self.plan.steps.iter().filter(|step| step.carried_out);
        if let Some(step) = steps.into_iter().find(|step| !self.state.is_over(&step.id)) {
            return self.in_time(step);
        }
        let after = carried_out(&self.plan.rollback.after);
        if let Some(step) = after.into_iter().find(|step| !self.state.is_over(&step.id)) {
            return self.begin(step);
        }
        let watching = self.plan.triggers.iter().filter(|step| step.kind == Kind::Guard);
        if let Some(step) = watching.into_iter().find(|step| !self.state.has_passed(&step.id)) {
            return self.begin(step);
        }
        let closing = carried_out(&self.plan.closing);
        let is_open = |step: &&&PlannedStep| !self.state.holds_at_the_end(&step.id);
        if let Some(step) = closing.iter().find(is_open) {
            return self.closing(step);
        }
        let silent = self.state.guards_to_pass();
        if silent.is_empty() { Next::End(Ending::Kept) } else { Next::Await(Wait::Guards(silent)) }
    }

    /// What has to hold at the end and was found not to is looked at again when people want it.
    fn closing(&self, step: &'p PlannedStep) -> Next<'p> {
        match self.state.status(&step.id) {
            Some(Status::Done(_, verdict)) if !verdict.is_pass() => Next::Await(Wait::End { step }),
            _ => self.begin(step),
        }
    }

    fn back(&self) -> Next<'p> {
        let ways = &self.plan.rollback;
        let is_unknown =
            |step: &&PlannedStep| matches!(self.state.status(&step.id), Some(Status::Unknown(_)));
        if back_steps(self.plan).any(|step| is_unknown(&step)) {
            return Next::End(Ending::RollbackFailed);
        }
        let primary = match self.way(&ways.primary) {
            Way::Due(next) => return next,
            way => way,
        };
        if matches!(primary, Way::Stuck) {
            match self.way(&ways.fallback) {
                Way::Due(next) => return next,
                Way::Over if !carried_out(&ways.fallback).is_empty() => {}
                Way::Over | Way::Stuck => return Next::End(Ending::RollbackFailed),
            }
        }
        match self.way(&ways.after) {
            Way::Due(next) => return next,
            Way::Stuck => return Next::End(Ending::RollbackFailed),
            Way::Over => {}
        }
        // What people sign at the end is asked for once, and keeps nothing from being back.
        let closing = carried_out(&self.plan.closing);
        let observing = closing.into_iter().filter(|step| !step.class.changes());
        for step in observing.filter(|step| !self.state.holds_at_the_end(&step.id)) {
            let is_lost = matches!(self.state.status(&step.id), Some(Status::NoEffect(_)));
            if is_lost || !self.state.was_begun_going_back(&step.id) {
                return self.begin(step);
            }
        }
        Next::End(Ending::RolledBack)
    }

    /// Returns what is due of steps that are carried out in their order.
    fn way(&self, steps: &'p [PlannedStep]) -> Way<'p> {
        for step in carried_out(steps) {
            let is_idle = step.undoes.as_ref().is_some_and(|other| !self.state.was_begun(other));
            if is_idle || self.state.is_over(&step.id) {
                continue;
            }
            let tries = self.state.tries_going_back(&step.id);
            let is_unclear = self.times.unclear.contains(&step.id);
            return match self.state.status(&step.id) {
                Some(Status::Done(attempt, Verdict::Pass)) if self.state.is_stale(&step.id) => {
                    Way::Due(Next::Begin { step, attempt: attempt + 1 })
                }
                // What was lost with a process had no effect, and what was done before the run went back was
                // not the way back: neither was a try.
                Some(Status::Done(..)) if tries >= BACK_ATTEMPTS_MAX => Way::Stuck,
                // Nobody knows what became of it, and it must not be done twice.
                Some(Status::Done(..)) if step.class.is_grave() && (tries > 0 || is_unclear) => {
                    Way::Stuck
                }
                _ => Way::Due(self.begin(step)),
            };
        }
        Way::Over
    }

    /// Begins a step when its time has come; one that comes too late is for people to decide on.
    fn in_time(&self, step: &'p PlannedStep) -> Next<'p> {
        let is_new = self.state.status(&step.id).is_none();
        let Some(at) = due(step, self.times).filter(|_| is_new) else { return self.begin(step) };
        if at > self.times.now {
            return Next::Await(Wait::Time { step, at });
        }
        let late = Duration::try_from(self.times.now.duration_since(at)).unwrap_or_default();
        let is_late = late > self.times.pace.of(self.times.grace).max(Duration::from_secs(5));
        if is_late && !self.state.is_late(&step.id) {
            return Next::Late { step, late };
        }
        self.begin(step)
    }

    fn begin(&self, step: &'p PlannedStep) -> Next<'p> {
        match self.state.status(&step.id) {
            None => Next::Begin { step, attempt: 1 },
            Some(Status::TookEffect(attempt)) if self.is_word(step) => self.word(step, attempt),
            // It is as it has to be, and is not done twice.
            Some(Status::TookEffect(attempt)) => Next::Conclude { step, attempt },
            Some(Status::Done(attempt, verdict)) if step.class.is_grave() && !verdict.is_pass() => {
                Next::ReadBack { step, attempt }
            }
            Some(
                Status::Done(attempt, _)
                | Status::NoEffect(attempt)
                | Status::Open(attempt)
                | Status::Unknown(attempt),
            ) => Next::Begin { step, attempt: attempt + 1 },
        }
    }
}

/// Returns the steps of the ways back, and what comes behind them.
fn back_steps(plan: &Plan) -> impl Iterator<Item = &PlannedStep> {
    let ways = &plan.rollback;
    ways.primary.iter().chain(&ways.fallback).chain(&ways.after)
}

/// Returns whether a step belongs to a way back, or comes behind one.
pub(crate) fn is_back(plan: &Plan, step: &str) -> bool {
    back_steps(plan).any(|back| back.id == step)
}

fn carried_out(steps: &[PlannedStep]) -> Vec<&PlannedStep> {
    steps.iter().filter(|step| step.carried_out).collect()
}

/// Returns whether a step passes by what people say, unless the world carries it out.
pub(crate) fn is_word(step: &PlannedStep) -> bool {
    matches!(step.kind, Kind::SignOff | Kind::External | Kind::Decision)
}

#[cfg(test)]
mod tests;
