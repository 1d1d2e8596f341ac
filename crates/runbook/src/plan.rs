//! The plan: what follows from a runbook, as plain data with a digest that approvals bind to.
//!
//! The executor makes no choices: what is done, in which order, by whom and how it is taken back
//! stands here.

mod build;
mod canonical;
mod table;

use evidence::{Decision, Hash, Resource, Verifier};
use serde::Serialize;

use crate::{
    Class, Content, Detection, GuardSpec, Kind, Mode, Offset, Options, Problem, Rto, Traffic, Undo,
    check, front,
};

/// The form that the digest is made of.
const FORMAT: &str = "tidegate.plan.v1";

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The version of this form.
    pub format: &'static str,
    /// The runbook's title.
    pub runbook: String,
    /// The digest of the document.
    pub source: Hash,
    /// For what it is run.
    pub mode: Mode,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// How long it may be from the first to the last time, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u64>,
    /// The share of good releases that a guard may fail.
    pub alpha: f64,
    /// Who is who.
    pub roles: Vec<PlannedRole>,
    /// What has to pass before anything is changed.
    pub gates: Vec<PlannedStep>,
    /// What is done, in this order.
    pub steps: Vec<PlannedStep>,
    /// What makes the run go back.
    pub triggers: Vec<PlannedStep>,
    /// The way back.
    pub rollback: Ways,
    /// What people sign and what has to hold at the end.
    pub closing: Vec<PlannedStep>,
    /// What watches, with what it can see.
    pub guards: Vec<PlannedGuard>,
    /// The step from which on nothing takes the run back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point_of_no_return: Option<String>,
    /// How long the way back may take.
    pub rto: Rto,
    /// How long the way back may take by the runbook, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rto_promised_s: Option<u64>,
}

/// A role and its people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedRole {
    /// The role.
    pub role: String,
    /// Who speaks in it.
    pub people: Vec<PlannedPerson>,
}

/// A person of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedPerson {
    /// The name.
    pub name: String,
    /// The whole public key that signs for them: an approval of the plan is one of its keys too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Verifier>,
}

/// The ways back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ways {
    /// The one that is tried first.
    pub primary: Vec<PlannedStep>,
    /// The one if that fails.
    pub fallback: Vec<PlannedStep>,
    /// What is done behind either, and behind the run where nothing is taken back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<PlannedStep>,
}

impl PlannedPerson {
    /// Returns whether both are one and the same, by their names or by their keys.
    pub fn is(&self, other: &PlannedPerson) -> bool {
        front::is_same((&self.name, self.key.as_ref()), (&other.name, other.key.as_ref()))
    }
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedStep {
    /// Its name.
    pub id: String,
    /// When, against T0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Offset>,
    /// What it does.
    pub kind: Kind,
    /// What doing it twice, or taking it back, means.
    pub class: Class,
    /// Whether it is carried out in this mode.
    pub carried_out: bool,
    /// The roles that own it.
    pub owners: Vec<String>,
    /// How long it may take, in seconds.
    pub within_s: u64,
    /// What the document says.
    pub text: String,
    /// What a pass is, in the document's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    /// What it leaves behind, in the document's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What is carried out or looked at.
    #[serde(flatten)]
    pub content: Content,
    /// Steps that are done again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<String>,
    /// Steps whose outcome it is compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compares: Vec<String>,
    /// Guards whose verdict it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<String>,
    /// The certificate of a rehearsal that it asks for, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Steps that have to be done before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// The share of the traffic that it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// What takes it back.
    pub undo: UndoBy,
    /// The step that brought it along to be taken back by it: where that one was not begun, there is
    /// nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
}

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoBy {
    /// It changes nothing.
    Nothing,
    /// What stands beside it, which is a step of the primary way back too.
    Own(Undo),
    /// These steps of a way back.
    Steps(Vec<String>),
    /// The whole primary way back.
    Rollback,
    /// It can't be taken back.
    Impossible,
}

/// A guard of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedGuard {
    /// What it looks at.
    #[serde(flatten)]
    pub spec: GuardSpec,
    /// The step from which on it is armed, until the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed_from: Option<String>,
    /// What it can see.
    pub sees: Detection,
}

/// A plan beside what there is to say of the document.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan; none where there is a fault.
    pub plan: Option<Plan>,
    /// All problems, by line.
    pub problems: Vec<Problem>,
}

/// Makes the plan of a runbook.
pub fn plan(text: &str, options: &Options) -> Planned {
    let (runbook, problems) = check::checked(text, options);
    let is_sound = !problems.iter().any(Problem::is_fault);
    let plan = runbook.filter(|_| is_sound).map(|runbook| build::build(&runbook));
    Planned { plan, problems }
}

impl Plan {
    /// Returns the digest: SHA-256 of [`Plan::canonical`].
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn digest(&self) -> Result<Hash, serde_json::Error> {
        Ok(Hash::of(self.canonical()?.as_bytes()))
    }

    /// Returns the text that the digest is made of: the form's name, a newline and the plan as JSON in
    /// the form of RFC 8785, which leaves nothing to choose.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        let value = serde_json::to_value(self)?;
        Ok(format!("{FORMAT}\n{}", canonical::text(&value)))
    }

    /// Returns the plan as statements name it.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn resource(&self) -> Result<Resource, serde_json::Error> {
        Ok(Resource::of_sha256("plan", self.digest()?))
    }

    /// Returns whether a decision is about this plan and no other.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn is_meant_by(&self, decision: &Decision) -> Result<bool, serde_json::Error> {
        let digest = self.digest()?;
        Ok(decision.plan.as_ref().is_some_and(|plan| plan.is_sha256(digest)))
    }

    /// Returns the people who carry out what changes something, the way back left out: whoever sees the
    /// need may send a run back.
    pub fn operators(&self) -> impl Iterator<Item = &PlannedPerson> {
        let steps = self.gates.iter().chain(&self.steps).chain(&self.triggers).chain(&self.closing);
        let changing = steps.filter(|step| step.carried_out && step.class.changes());
        let roles = changing.flat_map(|step| &step.owners);
        let known = roles.filter_map(|owner| self.roles.iter().find(|role| role.role == *owner));
        known.flat_map(|role| &role.people)
    }

    /// Returns all steps, in the order in which they stand here.
    pub fn all_steps(&self) -> impl Iterator<Item = &PlannedStep> {
        let Ways { primary, fallback, after } = &self.rollback;
        let back = primary.iter().chain(fallback).chain(after);
        let run = self.gates.iter().chain(&self.steps).chain(&self.triggers);
        run.chain(back).chain(&self.closing)
    }
}
