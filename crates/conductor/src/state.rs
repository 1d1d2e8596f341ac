//! The state of a run: a fold of its journal over its plan. What must not happen is refused, whether
//! it is about to be written or was read.

mod guards;
mod outline;
mod people;
mod refused;
mod rules;
mod signed;
mod steps;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use evidence::{Hash, Tree};
use guard::Verdict;
use runbook::Plan;
use serde::{Deserialize, Serialize};

use self::outline::{Known, Outline, Place};
pub use self::refused::Refused;
use crate::Event;

/// How far a run is. From T0 over the canary to watching what was promoted it is in `Go`: which of the
/// steps are behind it, the steps' own status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing is written yet.
    Draft,
    /// Gates are looked at; nothing may be changed.
    Gates,
    /// People said that it goes on.
    Go,
    /// It stands still until people decide.
    Hold,
    /// It goes back.
    RollingBack,
    /// What was changed is kept.
    Kept,
    /// All was taken back.
    RolledBack,
    /// Not all could be taken back: a person is needed.
    RollbackFailed,
    /// It was given up before anything was changed.
    Aborted,
}

impl Phase {
    /// Returns whether a run has ended in it.
    pub const fn is_over(self) -> bool {
        matches!(self, Phase::Kept | Phase::RolledBack | Phase::RollbackFailed | Phase::Aborted)
    }

    /// Returns its word, as a run's status has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Draft => "draft",
            Phase::Gates => "gates",
            Phase::Go => "go",
            Phase::Hold => "hold",
            Phase::RollingBack => "rolling-back",
            Phase::Kept => "kept",
            Phase::RolledBack => "rolled-back",
            Phase::RollbackFailed => "rollback-failed",
            Phase::Aborted => "aborted",
        }
    }
}

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was begun and has no outcome yet.
    Open(u32),
    /// It was begun by a process that is gone: whether it took effect has to be read back.
    Unknown(u32),
    /// It changed what it is to change, and nobody has judged that yet: it has not passed.
    TookEffect(u32),
    /// It ended.
    Done(u32, Verdict),
    /// It was begun, and did not take effect.
    NoEffect(u32),
}

/// The state of a run.
#[derive(Clone, Debug)]
pub struct State {
    outline: Arc<Outline>,
    run: Option<String>,
    phase: Phase,
    /// How many events were taken in.
    clock: u64,
    steps: BTreeMap<String, Status>,
    /// When each step was begun last, by the clock.
    begun_at: BTreeMap<String, u64>,
    /// How often each step of the way back did not pass, of the times that it was begun since the run goes
    /// back.
    tries: BTreeMap<String, u32>,
    /// Steps of which what the run acts on was seen to be so since they were begun.
    witnessed: BTreeSet<String>,
    /// Steps that owners have vouched for since they were begun: by role, who.
    attested: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    waived: BTreeSet<String>,
    /// Steps behind the run that have to be done again, since it goes back.
    stale: BTreeSet<String>,
    /// Steps of which is known that they come late.
    late: BTreeSet<String>,
    /// What holds at the end and was looked at since something was changed for the last time.
    fresh: BTreeSet<String>,
    /// People with the role in which they approved of the plan.
    approvals: BTreeSet<(String, String)>,
    /// Digests of what was signed: it counts once.
    statements: BTreeSet<Hash>,
    /// What each guard said last, and when.
    verdicts: BTreeMap<String, (Verdict, u64)>,
    /// Guards with the verdict that people went on from.
    waived_guards: BTreeMap<String, Verdict>,
    failed_guards: BTreeSet<String>,
    has_changed: bool,
    /// When the run began to go back, by the clock.
    back_at: Option<u64>,
    /// When another process went on with the run last, by the clock.
    resumed_at: u64,
    /// How long the journal has to be that a person saw who lets the run go on: up to the last thing
    /// that could speak against it.
    news: u64,
}

/// The journal before an entry, by which is checked what people signed.
#[derive(Clone, Copy, Debug)]
pub struct JournalView<'t> {
    /// Its entries, and maybe later ones.
    pub tree: &'t Tree,
    /// How many there are before the entry.
    pub size: u64,
}

impl<'t> JournalView<'t> {
    /// Returns the journal with all that is there.
    pub fn whole(tree: &'t Tree) -> Self {
        JournalView { tree, size: tree.len() }
    }
}

impl State {
    /// Returns the state before anything happened.
    ///
    /// # Errors
    /// Fails where the plan has no digest.
    pub fn new(plan: &Plan) -> Result<Self, serde_json::Error> {
        Ok(State {
            outline: Arc::new(Outline::new(plan)?),
            run: None,
            phase: Phase::Draft,
            clock: 0,
            steps: BTreeMap::new(),
            begun_at: BTreeMap::new(),
            tries: BTreeMap::new(),
            witnessed: BTreeSet::new(),
            attested: BTreeMap::new(),
            waived: BTreeSet::new(),
            stale: BTreeSet::new(),
            late: BTreeSet::new(),
            fresh: BTreeSet::new(),
            approvals: BTreeSet::new(),
            statements: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            waived_guards: BTreeMap::new(),
            failed_guards: BTreeSet::new(),
            has_changed: false,
            back_at: None,
            resumed_at: 0,
            news: 0,
        })
    }

    /// Takes an event in that comes behind a journal.
    ///
    /// # Errors
    /// Fails, and changes nothing, where it can't follow.
    pub fn apply(&mut self, event: &Event, journal: JournalView<'_>) -> Result<(), Refused> {
        rules::apply(self, event, journal)?;
        self.clock += 1;
        Ok(())
    }

    /// Returns the run's name, once it has begun.
    pub fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Returns how far the run is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns what is known of a step; nothing where it was not begun.
    pub fn status(&self, step: &str) -> Option<Status> {
        self.steps.get(step).copied()
    }

    /// Returns whether the plan's point of no return is behind: its step was begun, and it is not known
    /// that it had no effect.
    pub fn is_past_no_return(&self) -> bool {
        self.outline.no_return.as_ref().is_some_and(|step| self.was_begun(step))
    }

    /// Returns steps whose outcome has to be read back.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let is_unknown = |status: &Status| matches!(status, Status::Unknown(_));
        self.steps.iter().filter(move |(_, status)| is_unknown(status)).map(|(id, _)| id.as_str())
    }

    /// Returns gates that keep the run from going on.
    pub fn closed_gates(&self) -> impl Iterator<Item = &str> {
        self.lacking(Place::Gate)
    }

    /// Returns the roles that own a step and have not vouched for it since it was begun. In production
    /// they are different people.
    pub fn unvouched(&self, step: &str) -> Vec<&str> {
        let Some(known) = self.outline.steps.get(step) else { return Vec::new() };
        let said = self.attested.get(step);
        let has_said = |role: &&String| said.is_some_and(|said| said.contains_key(*role));
        let missing: Vec<_> = known.owners.iter().filter(|role| !has_said(role)).collect();
        if missing.is_empty() && !people::is_quorum(self, step) {
            return known.owners.iter().map(String::as_str).collect();
        }
        missing.into_iter().map(String::as_str).collect()
    }

    /// Returns whether owners said of a step that was begun that it is as it has to be, all that have to.
    pub(crate) fn is_vouched(&self, step: &str) -> bool {
        self.attested.contains_key(step) && self.unvouched(step).is_empty()
    }

    /// Returns how often a step did not pass, of the times that it was begun since the run goes back.
    pub(crate) fn tries_going_back(&self, step: &str) -> u32 {
        self.tries.get(step).copied().unwrap_or_default()
    }

    /// Returns whether something was begun that changes something.
    pub const fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Returns whether somebody approved of the plan who may.
    pub fn is_approved(&self) -> bool {
        people::is_approved(self)
    }

    /// Returns whether a step was waived.
    pub fn is_waived(&self, step: &str) -> bool {
        self.waived.contains(step)
    }

    /// Returns what a guard said last.
    pub fn verdict(&self, guard: &str) -> Option<Verdict> {
        self.verdicts.get(guard).map(|(verdict, _)| *verdict)
    }

    /// Returns whether a guard failed, and nobody went on from that.
    pub(crate) fn has_failed(&self, guard: &str) -> bool {
        self.failed_guards.contains(guard)
    }

    /// Returns whether something holds that has to at the end, as far as is known.
    pub(crate) fn holds_at_the_end(&self, step: &str) -> bool {
        let changes = self.outline.steps.get(step).is_some_and(|known| known.class.changes());
        self.has_passed(step) && (changes || self.fresh.contains(step))
    }

    /// Returns armed guards that have not said PASS last.
    pub(crate) fn guards_to_pass(&self) -> Vec<String> {
        guards::silent(self).map(ToOwned::to_owned).collect()
    }

    /// Returns whether a step has to be done again, since the run goes back.
    pub(crate) fn is_stale(&self, step: &str) -> bool {
        self.stale.contains(step)
    }

    /// Returns whether it is known that a step comes late.
    pub(crate) fn is_late(&self, step: &str) -> bool {
        self.late.contains(step)
    }

    fn known(&self, step: &str) -> Result<Known, Refused> {
        let known = self.outline.steps.get(step).cloned();
        known.ok_or_else(|| Refused::NoSuch(step.to_owned()))
    }

    /// Returns whether a step passed.
    pub fn has_passed(&self, step: &str) -> bool {
        matches!(self.status(step), Some(Status::Done(_, Verdict::Pass)))
    }

    /// Returns whether a step was begun, and may have had an effect.
    pub(crate) fn was_begun(&self, step: &str) -> bool {
        !matches!(self.status(step), None | Some(Status::NoEffect(_)))
    }

    /// Returns whether a step was begun since the run goes back.
    pub(crate) fn was_begun_going_back(&self, step: &str) -> bool {
        let begun_at = self.begun_at.get(step);
        self.back_at.is_some_and(|since| begun_at.is_some_and(|at| *at > since))
    }

    /// Returns whether what comes behind a step may begin, as far as that one is concerned.
    pub(crate) fn is_over(&self, step: &str) -> bool {
        !self.stale.contains(step) && (self.has_passed(step) || self.waived.contains(step))
    }

    /// Returns the steps of a place that are carried out and are not over, in their order.
    fn lacking(&self, place: Place) -> impl Iterator<Item = &str> {
        let here = self.outline.in_order(place);
        let lacks = |id: &str, known: &Known| match &known.undoes {
            Some(other) if !self.was_begun(other) => false,
            _ => !self.is_over(id),
        };
        here.filter(move |(id, known)| lacks(id, known)).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests;
