//! What is written down of a run. Every event is data; what follows from it is the state's business.
//!
//! An entry is one of an evidence log, byte by byte, so that the journal is the evidence: what people
//! sign of the one holds in the other.

use evidence::{
    Choice, Decision, Envelope, Hash, Home, Kind, Output, Predicate, Resource, Signer, Statement,
};
use guard::{Judgement, Verdict};
use jiff::Timestamp;
use runbook::Mode;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{DamageKind, Pace};

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was written, RFC 3339 in UTC.
    pub at: String,
    /// What happened.
    pub event: Event,
    /// What it left behind, by digest.
    pub outputs: Vec<Output>,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "data", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A run begins; the first entry of each journal and no other.
    Begun {
        /// The run's name, which no other has and which has no spaces: the log's origin.
        run: String,
        /// The digest of the plan that it carries out.
        plan: Hash,
        /// The plan's mode.
        mode: Mode,
        /// T0, where the plan has times.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        t0: Option<Timestamp>,
        /// How much faster than planned waiting times pass.
        #[serde(default, skip_serializing_if = "Pace::is_as_planned")]
        pace: Pace,
        /// What it acts on, by the digest of its description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acts_on: Option<Hash>,
    },
    /// A process goes on with a run that another one left.
    Resumed {
        /// Bytes of an entry that was not written to its end, which were cut off.
        torn_bytes: u64,
    },
    /// From here on the run acts on what has another description, as whoever went on with it said.
    ActsOn {
        /// The description's digest.
        sha256: Hash,
    },
    /// Guards see from here on what they judge, since another process watched before; what had failed stays
    /// so.
    GuardsAnew {
        /// Those that were armed.
        guards: Vec<String>,
    },
    /// Somebody without a key approves of the plan.
    Approved {
        /// In which role.
        role: String,
        /// Who.
        person: String,
        /// Of which plan.
        plan: Hash,
    },
    /// A step is about to be carried out; written before anything is done.
    Intent {
        /// The step.
        step: String,
        /// From 1 on.
        attempt: u32,
    },
    /// A step was carried out; what it left behind are the entry's outputs.
    Outcome {
        /// The step.
        step: String,
        /// The attempt of the intent.
        attempt: u32,
        /// How it ended.
        verdict: Verdict,
        /// One sentence.
        text: String,
    },
    /// What became of a step whose outcome is not known was read back.
    ReadBack {
        /// The step.
        step: String,
        /// The attempt of the intent.
        attempt: u32,
        /// What was found.
        happened: Effect,
        /// Who saw it; nobody where it is what a run that goes back takes for granted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen_by: Option<Witness>,
        /// One sentence.
        text: String,
    },
    /// A step was not begun when it was due: people say whether it is begun all the same.
    Late {
        /// The step.
        step: String,
        /// How much too late it was when that was seen, in seconds.
        late_s: u64,
    },
    /// Something that the run rests on is not there: its lease, say. It means HOLD.
    Trouble {
        /// What: `lease`, `clock`, `journal`, `traffic`, `guards` or `dead-man`.
        what: String,
        /// One sentence.
        text: String,
    },
    /// A guard was judged, with what the verdict rests on.
    Judged(Judgement),
    /// Somebody without a key decided.
    Decided {
        /// What.
        choice: Choice,
        /// In which role.
        role: String,
        /// Who.
        person: String,
        /// Why.
        reason: String,
        /// The gate, step or guard that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
    },
    /// People approved or decided, and signed it over the journal that they saw.
    #[serde(skip)]
    Signed {
        /// In which role.
        role: String,
        /// A decision as an in-toto statement.
        envelope: Envelope,
    },
    /// The run ended; nothing comes after it.
    Ended {
        /// Ending.
        how: Ending,
    },
}

impl Event {
    /// Returns the beginning of a run without times of its own, at the pace that is planned.
    pub fn begun(run: impl Into<String>, plan: Hash, mode: Mode) -> Self {
        let (run, pace) = (run.into(), Pace::AS_PLANNED);
        Event::Begun { run, plan, mode, t0: None, pace, acts_on: None }
    }

    /// Returns a decision that a key signed, over the journal that it names.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn signed(decision: Decision, signer: &Signer) -> Result<Self, serde_json::Error> {
        let role = decision.role.clone();
        let envelope = statement(decision)?.signed(signer)?;
        Ok(Event::Signed { role, envelope })
    }

    /// Returns a decision in the envelope that a key signs, for who has the key elsewhere.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn to_sign(decision: Decision) -> Result<Envelope, serde_json::Error> {
        statement(decision)?.unsigned()
    }
}

/// Returns a decision as a statement about the journal that it names.
fn statement(decision: Decision) -> Result<Statement, serde_json::Error> {
    let subject = vec![Resource::of_sha256("journal", decision.log.root)];
    Predicate::Decision(decision).about(subject)
}

/// What reading back found of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It took effect.
    Yes,
    /// It did not.
    No,
    /// It can't be told, and a person is needed.
    Unclear,
}

/// Who saw what became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// What the run acts on.
    World,
    /// People.
    People,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// What was changed is kept.
    Kept,
    /// All was taken back.
    RolledBack,
    /// It was not possible to take all back: a person is needed.
    RollbackFailed,
    /// It was given up before anything was changed.
    Aborted,
}

/// An event as a record of the log has it.
#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
    data: Box<RawValue>,
}

impl Entry {
    /// Returns an entry that leaves nothing behind.
    pub fn new(at: impl Into<String>, event: Event) -> Self {
        Entry { at: at.into(), event, outputs: Vec::new() }
    }

    /// Returns the JSON of the entry in its place, from 0 on.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub(crate) fn to_json(&self, n: u64) -> Result<Vec<u8>, serde_json::Error> {
        let mut written = evidence::Entry {
            n,
            at: self.at.clone(),
            kind: Kind::Record,
            name: None,
            data: None,
            role: None,
            envelope: None,
            outputs: self.outputs.clone(),
        };
        if let Event::Signed { role, envelope } = &self.event {
            written.kind = Kind::Statement;
            (written.role, written.envelope) = (Some(role.clone()), Some(envelope.clone()));
        } else {
            let named: Named = serde_json::from_str(to_raw_value(&self.event)?.get())?;
            (written.name, written.data) = (Some(named.name), Some(named.data));
        }
        serde_json::to_vec(&written)
    }

    /// Reads the JSON of the entry in a place.
    ///
    /// # Errors
    /// Fails where it is no entry of a journal, or not the one of this place.
    pub(crate) fn read(n: u64, json: &[u8]) -> Result<Self, DamageKind> {
        let read =
            evidence::Entry::read(json).map_err(|error| DamageKind::Entry(error.to_string()))?;
        if read.n != n {
            return Err(DamageKind::Entry(format!("it says that it is entry {}", read.n)));
        }
        let event = match (read.kind, read.name, read.data, read.role, read.envelope) {
            (Kind::Record, Some(name), Some(data), ..) => event(name, data)?,
            (Kind::Statement, _, _, Some(role), Some(envelope)) => Event::Signed { role, envelope },
            _ => return Err(DamageKind::Entry("a journal has no such entry".to_owned())),
        };
        // Beside the log stand the records of servers, and nothing of a run.
        if let Some(output) = read.outputs.iter().find(|output| output.home != Home::Outputs) {
            return Err(DamageKind::Entry(format!(
                "its output {} is not among the outputs",
                output.name
            )));
        }
        Ok(Entry { at: read.at, event, outputs: read.outputs })
    }
}

fn event(name: String, data: Box<RawValue>) -> Result<Event, DamageKind> {
    // Fields are there by their names, and not by their order.
    if !data.get().starts_with('{') {
        return Err(DamageKind::Entry("its data are no object".to_owned()));
    }
    let named = serde_json::to_string(&Named { name, data });
    let event = named.and_then(|named| serde_json::from_str(&named));
    event.map_err(|error| DamageKind::Entry(error.to_string()))
}

/// What people say to a run, as another process writes it down for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Said {
    Approved { role: String, person: String, plan: Hash },
    Decided { choice: Choice, role: String, person: String, reason: String, about: Option<String> },
    Signed { role: String, envelope: Envelope },
}

impl Said {
    /// Returns what people say in an event; nothing for what they don't.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event.clone() {
            Event::Approved { role, person, plan } => Some(Said::Approved { role, person, plan }),
            Event::Decided { choice, role, person, reason, about } => {
                Some(Said::Decided { choice, role, person, reason, about })
            }
            Event::Signed { role, envelope } => Some(Said::Signed { role, envelope }),
            _ => None,
        }
    }
}

impl From<Said> for Event {
    fn from(said: Said) -> Event {
        match said {
            Said::Approved { role, person, plan } => Event::Approved { role, person, plan },
            Said::Decided { choice, role, person, reason, about } => {
                Event::Decided { choice, role, person, reason, about }
            }
            Said::Signed { role, envelope } => Event::Signed { role, envelope },
        }
    }
}
