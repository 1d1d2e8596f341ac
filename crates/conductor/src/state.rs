//! The state of a run: a fold of its journal over its plan. What must not happen is refused, whether
//! it is about to be written or was read.

mod refused;
mod rules;
mod signed;

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Hash, Tree};
use guard::Verdict;
use runbook::{Class, Mode, OnFail, Plan, PlannedPerson, PlannedStep};

pub use self::refused::Refused;
use crate::Event;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was begun and has no outcome yet.
    Open(u32),
    /// It was begun by a process that is gone: whether it took effect has to be read back.
    Unknown(u32),
    /// It ended.
    Done(u32, Verdict),
    /// It was begun, and did not take effect.
    Undone(u32),
}

/// Where a step stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Gate,
    Run,
    Back,
    /// The way back if the primary one fails.
    Fallback,
    /// Triggers, at any time.
    Beside,
    /// What is signed and has to hold at the end; at any time too.
    Closing,
}

/// What the plan says of a step.
#[derive(Clone, Copy, Debug)]
struct Known {
    place: Place,
    class: Class,
    is_carried_out: bool,
}

/// The state of a run.
#[derive(Clone, Debug)]
pub struct State {
    plan: Hash,
    mode: Mode,
    known: BTreeMap<String, Known>,
    guards: BTreeMap<String, OnFail>,
    /// Roles with the people that may speak in them.
    people: BTreeMap<String, Vec<PlannedPerson>>,
    /// People who carry out what changes something.
    operators: Vec<PlannedPerson>,
    run: Option<String>,
    phase: Phase,
    steps: BTreeMap<String, Status>,
    waived: BTreeSet<String>,
    /// People with the role in which they approved of the plan.
    approvals: BTreeSet<(String, String)>,
    /// Digests of what was signed: it counts once.
    statements: BTreeSet<Hash>,
    failed_guards: BTreeSet<String>,
    has_changed: bool,
    /// How long the journal has to be that a person saw who lets the run go on: up to the last thing
    /// that could speak against it.
    news: u64,
}

/// The journal before an entry, by which is checked what people signed.
#[derive(Clone, Copy, Debug)]
pub struct Log<'t> {
    /// Its entries, and maybe later ones.
    pub tree: &'t Tree,
    /// How many there are before the entry.
    pub size: u64,
}

impl<'t> Log<'t> {
    /// Returns the journal with all that is there.
    pub fn whole(tree: &'t Tree) -> Self {
        Log { tree, size: tree.len() }
    }
}

impl State {
    /// Returns the state before anything happened.
    ///
    /// # Errors
    /// Fails where the plan has no digest.
    pub fn new(plan: &Plan) -> Result<Self, serde_json::Error> {
        let mut known = BTreeMap::new();
        let mut add = |steps: &[PlannedStep], place| {
            known.extend(steps.iter().map(|step| {
                let (class, is_carried_out) = (step.class, step.carried_out);
                (step.id.clone(), Known { place, class, is_carried_out })
            }));
        };
        add(&plan.gates, Place::Gate);
        add(&plan.steps, Place::Run);
        add(&plan.triggers, Place::Beside);
        add(&plan.rollback.primary, Place::Back);
        add(&plan.rollback.fallback, Place::Fallback);
        add(&plan.closing, Place::Closing);
        let guards = plan.guards.iter().map(|guard| (guard.spec.id.clone(), guard.spec.on_fail));
        let people: BTreeMap<_, _> =
            plan.roles.iter().map(|role| (role.role.clone(), role.people.clone())).collect();
        let mut operators: Vec<PlannedPerson> = Vec::new();
        for person in plan.operators() {
            if !operators.contains(person) {
                operators.push(person.clone());
            }
        }
        Ok(State {
            plan: plan.digest()?,
            mode: plan.mode,
            known,
            guards: guards.collect(),
            people,
            operators,
            run: None,
            phase: Phase::Draft,
            steps: BTreeMap::new(),
            waived: BTreeSet::new(),
            approvals: BTreeSet::new(),
            statements: BTreeSet::new(),
            failed_guards: BTreeSet::new(),
            has_changed: false,
            news: 0,
        })
    }

    /// Takes an event in that comes behind a journal.
    ///
    /// # Errors
    /// Fails, and changes nothing, where it can't follow.
    pub fn apply(&mut self, event: &Event, log: Log<'_>) -> Result<(), Refused> {
        rules::apply(self, event, log)
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

    /// Returns steps whose outcome has to be read back.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let is_unknown = |status: &Status| matches!(status, Status::Unknown(_));
        self.steps.iter().filter(move |(_, status)| is_unknown(status)).map(|(id, _)| id.as_str())
    }

    /// Returns the steps of a place that are carried out and did not pass.
    fn lacking(&self, place: Place) -> impl Iterator<Item = &str> {
        let steps = self.known.iter().filter(move |(_, known)| known.place == place);
        let lacks = |id: &str| !matches!(self.steps.get(id), Some(Status::Done(_, Verdict::Pass)));
        let carried_out =
            steps.filter(|(_, known)| known.is_carried_out).map(|(id, _)| id.as_str());
        carried_out.filter(move |id| lacks(id))
    }

    fn has(&self, place: Place) -> bool {
        self.known.values().any(|known| known.place == place)
    }

    /// Returns gates that keep the run from going on.
    pub fn closed_gates(&self) -> impl Iterator<Item = &str> {
        self.lacking(Place::Gate).filter(|id| !self.waived.contains(*id))
    }
}
