//! What statements say: in-toto's test result for gates, and types of our own.
//!
//! Names of fields are in camel case, as in-toto has them. Every type of our own says in which role
//! its signer speaks. Unknown fields are passed over.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::to_raw_value};

use crate::{
    Hash, Resource, STATEMENT_TYPE, Statement, entry,
    object::{self, Object},
};

/// The result of a gate: <https://in-toto.io/attestation/test-result/v0.1>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// How it ended.
    pub result: Outcome,
    /// What it was done with.
    #[serde(deserialize_with = "object::list")]
    pub configuration: Vec<Resource>,
    /// Where it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Names of what passed.
    #[serde(default)]
    pub passed_tests: Vec<String>,
    /// Names of what passed with a warning; a gate without enough data is none of those.
    #[serde(default)]
    pub warned_tests: Vec<String>,
    /// Names of what failed.
    #[serde(default)]
    pub failed_tests: Vec<String>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// All is well.
    Passed,
    /// There were warnings.
    Warned,
    /// It is not well, or it can't be told.
    Failed,
}

/// A decision of a person, over the log that they saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The role in which it was taken.
    pub role: String,
    /// What was decided.
    pub decision: Choice,
    /// Why.
    pub reason: String,
    /// What is waived or vouched for: a gate, a step or a guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The plan that it is for, by its SHA-256, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::some")]
    pub plan: Option<Resource>,
    /// The log as it was then.
    #[serde(deserialize_with = "object::one")]
    pub log: LogState,
}

/// What can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Choice {
    /// The plan is one to carry out.
    Approve,
    /// Go on.
    Go,
    /// Stop here until further notice.
    Hold,
    /// Go on although a gate, a step or a guard did not pass.
    Waive,
    /// A step is as it has to be.
    Attest,
    /// A step that was begun, and of which nobody else knows what became of it, was not done.
    Deny,
    /// Go back.
    Rollback,
    /// End without going back.
    Abort,
}

impl Choice {
    /// Returns the word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Choice::Approve => "APPROVE",
            Choice::Go => "GO",
            Choice::Hold => "HOLD",
            Choice::Waive => "WAIVE",
            Choice::Attest => "ATTEST",
            Choice::Deny => "DENY",
            Choice::Rollback => "ROLLBACK",
            Choice::Abort => "ABORT",
        }
    }

    /// Returns whether it means nothing without what it is about.
    const fn is_about_something(self) -> bool {
        matches!(self, Choice::Waive | Choice::Attest | Choice::Deny)
    }
}

/// A log at some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogState {
    /// Its name.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}

/// A transition of a live switch of the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Switch {
    /// The role in which the signer speaks.
    pub role: String,
    /// The backend that owned the logs.
    pub from: String,
    /// The backend that takes over.
    pub to: String,
    /// The state that was reached, as `shadow`, `switched`, `undone`, `finalised`.
    pub state: String,
    /// Whether the ledgers of both were equal, where they were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledgers_equal: Option<bool>,
    /// How many streams were concerned.
    pub streams: u64,
    /// For how long appends were held, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<u64>,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
}

/// A rollback, with its two clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// The role in which the signer speaks.
    pub role: String,
    /// Whether nothing is left on the canary and nothing was lost.
    pub complete: bool,
    /// Until the canary got no new traffic, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_traffic_ms: Option<u64>,
    /// Until no connection was left on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_connections_ms: Option<u64>,
    /// Events that moved readers lost.
    pub events_lost: u64,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
}

/// A rehearsal: a certificate for what it was done with, with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// The role in which the signer speaks.
    pub role: String,
    /// How it ended.
    pub result: Outcome,
    /// What it was done with: image, migrations, router configuration.
    #[serde(deserialize_with = "object::list")]
    pub configuration: Vec<Resource>,
    /// Until when it counts, RFC 3339 in UTC.
    pub expires: String,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// The result of a gate.
    TestResult(TestResult),
    /// A person's decision.
    Decision(Decision),
    /// A transition of a live switch.
    Switch(Switch),
    /// A rollback.
    Rollback(Rollback),
    /// A rehearsal.
    Rehearsal(Rehearsal),
}

/// A predicate that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// Its type is not known.
    #[error("predicates of the type {0:?} are not understood")]
    Type(String),
    /// It is not one of its type, or contradicts itself.
    #[error("it is no predicate of its type: {0}")]
    Content(String),
}

const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
const DECISION: &str = "urn:tidegate:decision:v1";
const SWITCH: &str = "urn:tidegate:switch:v1";
const ROLLBACK: &str = "urn:tidegate:rollback:v1";
const REHEARSAL: &str = "urn:tidegate:rehearsal:v1";

impl Predicate {
    /// Returns the name of its type.
    pub const fn type_uri(&self) -> &'static str {
        match self {
            Predicate::TestResult(_) => TEST_RESULT,
            Predicate::Decision(_) => DECISION,
            Predicate::Switch(_) => SWITCH,
            Predicate::Rollback(_) => ROLLBACK,
            Predicate::Rehearsal(_) => REHEARSAL,
        }
    }

    /// Returns the role in which its signer speaks, where its type says so.
    pub fn role(&self) -> Option<&str> {
        match self {
            Predicate::TestResult(_) => None,
            Predicate::Decision(it) => Some(&it.role),
            Predicate::Switch(it) => Some(&it.role),
            Predicate::Rollback(it) => Some(&it.role),
            Predicate::Rehearsal(it) => Some(&it.role),
        }
    }

    /// Returns what it says, in a few words.
    pub fn summary(&self) -> String {
        match self {
            Predicate::TestResult(it) => format!("test result {}", outcome(it.result)),
            Predicate::Decision(it) => {
                let about = it.about.iter().map(|about| format!(" of {about}")).collect::<String>();
                format!("decision {}{about}: {}", it.decision.as_str(), it.reason)
            }
            Predicate::Switch(it) => format!("switch from {} to {}: {}", it.from, it.to, it.state),
            Predicate::Rollback(it) if it.complete => "rollback, complete".to_owned(),
            Predicate::Rollback(_) => "rollback, not complete".to_owned(),
            Predicate::Rehearsal(it) => {
                format!("rehearsal {}, until {}", outcome(it.result), it.expires)
            }
        }
    }

    /// Returns the statement that says this of these things.
    ///
    /// # Errors
    /// Fails where it can't be written as JSON.
    pub fn about(&self, subject: Vec<Resource>) -> Result<Statement, serde_json::Error> {
        let predicate = match self {
            Predicate::TestResult(it) => to_raw_value(it),
            Predicate::Decision(it) => to_raw_value(it),
            Predicate::Switch(it) => to_raw_value(it),
            Predicate::Rollback(it) => to_raw_value(it),
            Predicate::Rehearsal(it) => to_raw_value(it),
        }?;
        Ok(Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: self.type_uri().to_owned(),
            predicate,
        })
    }

    /// Reads what a statement says.
    ///
    /// # Errors
    /// Fails on a type that is not known, and where the content is not of its type.
    pub fn of(statement: &Statement) -> Result<Self, PredicateError> {
        fn read<T: DeserializeOwned>(statement: &Statement) -> Result<T, PredicateError> {
            let read = serde_json::from_str(statement.predicate.get());
            let read = read.map_err(|error| PredicateError::Content(error.to_string()));
            read.map(|Object(said)| said)
        }
        let said = match statement.predicate_type.as_str() {
            TEST_RESULT => read(statement).map(Predicate::TestResult),
            DECISION => read(statement).map(Predicate::Decision),
            SWITCH => read(statement).map(Predicate::Switch),
            ROLLBACK => read(statement).map(Predicate::Rollback),
            REHEARSAL => read(statement).map(Predicate::Rehearsal),
            other => Err(PredicateError::Type(other.to_owned())),
        }?;
        match said.contradiction() {
            None => Ok(said),
            Some(why) => Err(PredicateError::Content(why.to_owned())),
        }
    }

    /// Returns why its fields can't stand beside each other.
    fn contradiction(&self) -> Option<&'static str> {
        match self {
            Predicate::TestResult(it)
                if it.result != Outcome::Failed && !it.failed_tests.is_empty() =>
            {
                Some("tests failed, and the result is not FAILED")
            }
            Predicate::Decision(it) if it.decision.is_about_something() && it.about.is_none() => {
                Some("a WAIVE, an ATTEST or a DENY names what it is about")
            }
            Predicate::Decision(it) if it.decision == Choice::Approve && it.plan.is_none() => {
                Some("an APPROVE names the plan that is approved of")
            }
            Predicate::Decision(it)
                if it.plan.as_ref().is_some_and(|plan| plan.sha256().is_none()) =>
            {
                Some("a plan is named by its SHA-256, 64 lower-case hexadecimal digits")
            }
            Predicate::Rehearsal(it) if !entry::is_time(&it.expires) => {
                Some("a rehearsal counts until a time of RFC 3339 in UTC")
            }
            _ => None,
        }
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASSED",
        Outcome::Warned => "WARNED",
        Outcome::Failed => "FAILED",
    }
}
