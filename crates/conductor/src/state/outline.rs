//! What the rules have to know of a plan; it never changes while the run goes on.

use std::collections::{BTreeMap, BTreeSet};

use evidence::Hash;
use runbook::{Class, Kind, Mode, OnFail, Plan, PlannedPerson, PlannedStep};

/// Where a step stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Gate,
    Run,
    Back,
    /// The way back if the primary one fails.
    Fallback,
    /// Behind either way back, and behind the run where nothing is taken back.
    After,
    /// Triggers, at any time.
    Beside,
    /// What is signed and has to hold at the end; at any time too.
    Closing,
}

/// What the plan says of a step.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) place: Place,
    /// Where it stands there.
    pub(super) position: usize,
    pub(super) class: Class,
    pub(super) is_carried_out: bool,
    pub(super) owners: Vec<String>,
    pub(super) after: Vec<String>,
    /// Guards for whose verdict it waits, by itself or by what it repeats.
    pub(super) guards: BTreeSet<String>,
    /// Whether people decide something in it.
    pub(super) is_decision: bool,
    /// Whether it passes by the word of its owners alone: of each role, where several own it.
    pub(super) is_attested: bool,
    /// Whether people carry it out, or say something in it.
    pub(super) is_personal: bool,
    /// Whether it is done outside of what a run acts on, by people or in their place.
    pub(super) is_external: bool,
    /// The step that it takes back, and no other.
    pub(super) undoes: Option<String>,
}

/// What the plan says of a guard.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) on_fail: OnFail,
    /// The step from which on it is armed; else from the start.
    pub(super) armed_from: Option<String>,
}

/// What the rules have to know of a plan.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) plan: Hash,
    pub(super) mode: Mode,
    pub(super) steps: BTreeMap<String, Known>,
    /// The steps of each place that are carried out, in their order.
    order: BTreeMap<Place, Vec<String>>,
    pub(super) guards: BTreeMap<String, Watch>,
    /// Roles with the people that may speak in them.
    pub(super) people: BTreeMap<String, Vec<PlannedPerson>>,
    /// People who carry out what changes something.
    pub(super) operators: Vec<PlannedPerson>,
    /// The roles that own the decisions to go on; where there are none, every role may.
    pub(super) deciders: BTreeSet<String>,
    pub(super) no_return: Option<String>,
}

impl Outline {
    pub(super) fn new(plan: &Plan) -> Result<Self, serde_json::Error> {
        let places = [
            (Place::Gate, &plan.gates),
            (Place::Run, &plan.steps),
            (Place::Beside, &plan.triggers),
            (Place::Back, &plan.rollback.primary),
            (Place::Fallback, &plan.rollback.fallback),
            (Place::After, &plan.rollback.after),
            (Place::Closing, &plan.closing),
        ];
        let (mut steps, mut order) = (BTreeMap::new(), BTreeMap::new());
        for (place, here) in places {
            let carried_out = here.iter().filter(|step| step.carried_out);
            order.insert(place, carried_out.map(|step| step.id.clone()).collect());
            for (position, step) in here.iter().enumerate() {
                steps.insert(step.id.clone(), known(plan, step, (place, position)));
            }
        }
        let guards = plan.guards.iter().map(|guard| {
            let (on_fail, armed_from) = (guard.spec.on_fail, guard.armed_from.clone());
            (guard.spec.id.clone(), Watch { on_fail, armed_from })
        });
        let roles = plan.roles.iter().map(|role| (role.role.clone(), role.people.clone()));
        let mut operators: Vec<PlannedPerson> = Vec::new();
        for person in plan.operators() {
            if !operators.contains(person) {
                operators.push(person.clone());
            }
        }
        Ok(Outline {
            plan: plan.digest()?,
            mode: plan.mode,
            steps,
            order,
            guards: guards.collect(),
            people: roles.collect(),
            operators,
            deciders: deciders(plan),
            no_return: plan.point_of_no_return.clone(),
        })
    }

    /// Returns the steps of a place that are carried out, in their order.
    pub(super) fn in_order(&self, place: Place) -> impl Iterator<Item = (&str, &Known)> {
        let here = self.order.get(&place).into_iter().flatten();
        here.filter_map(|id| Some((id.as_str(), self.steps.get(id)?)))
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.steps.values().any(|known| known.place == place)
    }
}

/// Returns who owns the decisions of gates and of the run; whoever sees the need may send a run back.
fn deciders(plan: &Plan) -> BTreeSet<String> {
    let steps = plan.gates.iter().chain(&plan.steps);
    let decisions = steps.filter(|step| step.carried_out && step.kind == Kind::Decision);
    decisions.flat_map(|step| step.owners.iter().cloned()).collect()
}

fn known(plan: &Plan, step: &PlannedStep, (place, position): (Place, usize)) -> Known {
    let repeated = || plan.all_steps().filter(|other| step.repeats.contains(&other.id));
    let whole = || repeated().chain([step]);
    let is_decision = whole().any(|step| step.kind == Kind::Decision);
    let is_personal = whole().any(|step| matches!(step.kind, Kind::SignOff | Kind::External));
    Known {
        place,
        position,
        class: step.class,
        is_carried_out: step.carried_out,
        owners: step.owners.clone(),
        after: step.after.clone(),
        guards: whole().flat_map(|step| step.guards.iter().cloned()).collect(),
        is_decision,
        is_attested: is_decision || is_personal && plan.mode == Mode::Production,
        is_personal: is_decision || is_personal,
        is_external: step.kind == Kind::External,
        undoes: step.undoes.clone(),
    }
}
