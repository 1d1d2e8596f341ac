//! What people may say to a run that waits for them, each with the whole command that they type.

use runbook::{Plan, PlannedStep};

use crate::{LiveChoice, Phase, State, Status, Wait};

/// A run that waits, and where it is.
pub(super) struct Asked<'r> {
    pub(super) plan: &'r Plan,
    pub(super) state: &'r State,
    /// The run's folder, as it is typed.
    pub(super) folder: String,
    /// A role that decides how the run goes on.
    pub(super) decider: String,
}

impl Asked<'_> {
    /// Returns what may be said beside the first of a wait's choices.
    pub(super) fn others(&self, wait: &Wait<'_>) -> Vec<LiveChoice> {
        let mut choices = match wait {
            Wait::Hold => self.of_hold(),
            Wait::Word { step, .. } => self.of_unknown(step).into_iter().skip(1).collect(),
            Wait::Time { .. } | Wait::Guards(_) | Wait::Approval => return Vec::new(),
            Wait::Go | Wait::End { .. } => Vec::new(),
        };
        if self.state.phase() != Phase::RollingBack {
            let what = if self.state.has_changed() { "go back" } else { "give it up" };
            choices.push(self.choice(what, "abort", "", &self.decider));
        }
        choices
    }

    fn of_hold(&self) -> Vec<LiveChoice> {
        let mut choices = Vec::new();
        for step in self.plan.all_steps() {
            match self.state.status(&step.id) {
                _ if self.state.is_waived(&step.id) => {}
                Some(Status::Unknown(_)) => choices.extend(self.of_unknown(step)),
                Some(Status::Done(_, verdict)) if !verdict.is_pass() => {
                    choices.extend(self.of_failed(step));
                }
                _ => {}
            }
        }
        for guard in &self.plan.guards {
            let id = &guard.spec.id;
            if self.state.has_failed(id) && !self.state.is_waived(id) {
                let what = format!("go on without the guard {id}");
                choices.push(self.choice(
                    &what,
                    "approve",
                    &format!("--waive {id}"),
                    &self.decider,
                ));
            }
        }
        choices
    }

    /// Of a step that was begun, and of which nobody knows what became.
    fn of_unknown(&self, step: &PlannedStep) -> Vec<LiveChoice> {
        if !matches!(self.state.status(&step.id), Some(Status::Unknown(_))) {
            return Vec::new();
        }
        let (id, owner) = (&step.id, step.owners.first().unwrap_or(&self.decider));
        vec![
            self.choice(&format!("{id} was done"), "approve", &format!("--step {id}"), owner),
            self.choice(&format!("{id} was not done"), "approve", &format!("--again {id}"), owner),
        ]
    }

    fn of_failed(&self, step: &PlannedStep) -> Vec<LiveChoice> {
        let id = &step.id;
        let mut choices = Vec::new();
        if self.plan.gates.iter().any(|gate| gate.id == *id) {
            let again = format!("--again {id}");
            choices.push(self.choice(
                &format!("look at {id} again"),
                "approve",
                &again,
                &self.decider,
            ));
        }
        let waive = format!("--waive {id}");
        choices.push(self.choice(&format!("go on without {id}"), "approve", &waive, &self.decider));
        choices
    }

    fn choice(&self, what: &str, verb: &str, arguments: &str, role: &str) -> LiveChoice {
        let space = if arguments.is_empty() { "" } else { " " };
        LiveChoice {
            choice: what.to_owned(),
            command: format!(
                "tidegate runbook {verb} {}{space}{arguments} --role {role} --key FILE --reason TEXT",
                self.folder
            ),
        }
    }
}
