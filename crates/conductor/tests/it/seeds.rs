//! The runbooks that stand in the tree can be carried out under the rules: to their end, and back.

use conductor::{Ending, Event, JournalView, Phase, Refused, State};
use evidence::{Choice, Tree};
use guard::Verdict;
use runbook::{Kind, Mode, Options, Plan, PlannedStep, plan};

use super::cast::judged_by;

pub(super) const RUNBOOKS: [&str; 5] = [
    include_str!("../../../../runbooks/rollback-rehearsal.run.md"),
    include_str!("../../../../runbooks/runtime-cutover.run.md"),
    include_str!("../../../../runbooks/step22-production-cutover.run.md"),
    include_str!("../../../../runbooks/ws3-redis-cutover.run.md"),
    include_str!("../../../../runbooks/ws3-sse-broker.run.md"),
];

/// A run that carries out what its plan says, in the order in which it stands there.
struct Walk {
    plan: Plan,
    state: State,
}

impl Walk {
    /// Begins a run, passes its gates and lets it go on.
    fn begin(text: &str, mode: Mode) -> Self {
        let planned = plan(text, &Options { mode: Some(mode), environment: None });
        let plan = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems));
        let mut walk = Walk { state: State::new(&plan).unwrap(), plan };
        let plan = walk.plan.digest().unwrap();
        walk.follow(&Event::begun("r", plan, mode));
        let (role, person) = walk.somebody(None);
        walk.follow(&Event::Approved { role, person, plan });
        let gates = walk.plan.gates.clone();
        walk.carry_out(&gates);
        let steps = walk.plan.gates.iter().chain(&walk.plan.steps);
        let decision = steps.clone().find(|step| step.kind == Kind::Decision).cloned();
        walk.decide(Choice::Go, decision.as_ref(), None);
        walk
    }

    #[track_caller]
    fn follow(&mut self, event: &Event) {
        self.apply(event).unwrap_or_else(|why| panic!("{} {event:?}: {why}", self.plan.runbook));
    }

    fn apply(&mut self, event: &Event) -> Result<(), Refused> {
        self.state.apply(event, JournalView::whole(&Tree::default()))
    }

    /// Returns an owner of a step, or of the first role.
    fn somebody(&self, step: Option<&PlannedStep>) -> (String, String) {
        let owner = step.map(|step| &step.owners[0]);
        let mut roles = self.plan.roles.iter();
        let role = roles.find(|role| owner.is_none_or(|owner| role.role == *owner)).unwrap();
        (role.role.clone(), role.people[0].name.clone())
    }

    fn decide(&mut self, choice: Choice, step: Option<&PlannedStep>, about: Option<String>) {
        let (role, person) = self.somebody(step);
        self.follow(&Event::Decided { choice, role, person, reason: "so".into(), about });
    }

    fn carry_out(&mut self, steps: &[PlannedStep]) {
        for step in steps.iter().filter(|step| step.carried_out) {
            self.follow(&Event::Intent { step: step.id.clone(), attempt: 1 });
            self.judge();
            if step.kind == Kind::Decision {
                for owner in &step.owners {
                    let alone = PlannedStep { owners: vec![owner.clone()], ..step.clone() };
                    self.decide(Choice::Attest, Some(&alone), Some(step.id.clone()));
                }
            }
            let (verdict, text) = (Verdict::Pass, String::new());
            self.follow(&Event::Outcome { step: step.id.clone(), attempt: 1, verdict, text });
        }
    }

    /// Every guard says PASS.
    fn judge(&mut self) {
        let guards: Vec<_> = self.plan.guards.iter().map(|guard| guard.spec.id.clone()).collect();
        for guard in guards {
            self.follow(&judged_by(&guard, Verdict::Pass, "it is well"));
        }
    }
}

#[test]
fn each_is_carried_out_to_its_end() {
    for text in RUNBOOKS {
        for mode in [Mode::Readiness, Mode::Rehearsal] {
            let mut walk = Walk::begin(text, mode);
            let (steps, closing) = (walk.plan.steps.clone(), walk.plan.closing.clone());
            walk.carry_out(&steps);
            let kept = Event::Ended { how: Ending::Kept };
            assert!(matches!(
                walk.state.clone().apply(&kept, JournalView::whole(&Tree::default())),
                Err(Refused::NotPassed(_))
            ));
            walk.carry_out(&walk.plan.rollback.after.clone());
            walk.carry_out(&closing);
            walk.follow(&kept);
            assert_eq!(walk.state.phase(), Phase::Kept);
        }
    }
}

#[test]
fn each_goes_back_from_every_step() {
    for text in RUNBOOKS {
        let steps = Walk::begin(text, Mode::Rehearsal).plan.steps;
        let first = steps.iter().position(|step| step.class.changes()).unwrap();
        for reached in first..steps.len() {
            let mut walk = Walk::begin(text, Mode::Rehearsal);
            walk.carry_out(&steps[..=reached]);
            walk.decide(Choice::Rollback, None, None);
            let (primary, fallback) =
                (walk.plan.rollback.primary.clone(), walk.plan.rollback.fallback.clone());
            walk.carry_out(&primary);
            walk.carry_out(&fallback);
            walk.carry_out(&walk.plan.rollback.after.clone());
            walk.follow(&Event::Ended { how: Ending::RolledBack });
        }
    }
}
