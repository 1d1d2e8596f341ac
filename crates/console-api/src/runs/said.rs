//! What people say to a run from the page: a word without a key, or one that their browser signed.
//!
//! The private key never comes here. The page asks for what is to be signed, shows it, signs it, and
//! sends it back; whether it counts says the process that carries the run out.

use std::time::Duration;

use conductor::{Answer, By, Event, Inbox, Onlooker, Request, Word};
use evidence::{Choice, Envelope};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::RunError;

/// How long the run's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// From look to look for the answer.
const LOOK: Duration = Duration::from_millis(50);

/// A decision that is asked for to be signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    /// What.
    choice: Choice,
    /// In which role.
    role: String,
    /// Why.
    #[serde(default)]
    reason: String,
    /// The gate, step or guard that it is about.
    about: Option<String>,
}

/// What is said.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Given {
    /// A decision that a key signed.
    Signed {
        /// In which role.
        role: String,
        /// The decision.
        envelope: Envelope,
    },
    /// A decision of somebody without a key.
    Unsigned {
        /// The decision.
        word: Speech,
        /// Who, by the name in the plan.
        person: String,
    },
    /// A gate or a step is to be carried out again.
    Again {
        /// Which.
        step: String,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Answered {
    /// It counts.
    Taken,
    /// It does not.
    Refused {
        /// Why.
        why: String,
    },
    /// It lies in the run's inbox, and nobody has said anything yet.
    Waiting {
        /// Whether a process carries the run out that could.
        is_carried_out: bool,
    },
}

impl Speech {
    /// Returns the decision in the envelope that is to be signed.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub(crate) fn envelope(self, run: &Onlooker) -> Result<Envelope, RunError> {
        let Speech { choice, role, reason, about } = self;
        let decision = run.decision(choice, role, reason, about);
        decision.and_then(Event::to_sign).map_err(|error| RunError::of(&error))
    }
}

/// What is put into a run's inbox, or why it is not.
pub(crate) enum Said {
    /// This.
    Request(Request, Inbox),
    /// It can't count.
    Refused(String),
}

impl Given {
    /// Looks at it with what the run's journal says, so that whoever says it learns at once where it
    /// can't count; the run looks at it once more.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub(crate) fn check(self, run: &Onlooker) -> Result<Said, RunError> {
        let inbox = Inbox::new(run.folder.inbox());
        let event = match self {
            Given::Again { step } => return Ok(Said::Request(Request::Again { step }, inbox)),
            Given::Signed { role, envelope } => Event::Signed { role, envelope },
            Given::Unsigned { word, person } => {
                let Speech { choice, role, reason, about } = word;
                let word = Word { choice, about, role, reason, by: By::Name(person) };
                run.say(&word).map_err(|error| RunError::of(&error))?
            }
        };
        Ok(match run.may_follow(&event) {
            Ok(()) => Said::Request(Request::Said(Box::new(event)), inbox),
            Err(why) => Said::Refused(why.to_string()),
        })
    }
}

impl Said {
    /// Puts it there and waits for the run's answer, up to 5 seconds. Where this is given up, it is in
    /// the inbox all the same.
    ///
    /// # Errors
    /// Fails where the inbox can't be written or read.
    pub(crate) async fn put(self, is_carried_out: bool) -> Result<Answered, RunError> {
        let (request, inbox) = match self {
            Said::Refused(why) => return Ok(Answered::Refused { why }),
            Said::Request(request, inbox) => (request, inbox),
        };
        let name = inbox.put(&request).map_err(|error| RunError::of(&error))?;
        let begun = Instant::now();
        while is_carried_out && begun.elapsed() < PATIENCE {
            match inbox.answer(&name).map_err(|error| RunError::of(&error))? {
                Some(Answer::Taken) => return Ok(Answered::Taken),
                Some(Answer::Refused(why)) => return Ok(Answered::Refused { why }),
                None => sleep(LOOK).await,
            }
        }
        Ok(Answered::Waiting { is_carried_out })
    }
}
