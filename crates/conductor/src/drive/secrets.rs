//! Where texts of others come into a run, and secrets are taken out of them: what is remembered, shown,
//! told and written down has none.

use evidence::Redactor;

use super::{Conductor, Input};
use crate::{Answer, Done, Found, LeaseError, NoSight};

/// Returns a text without secrets.
fn clean(redactor: &Redactor, text: &str) -> String {
    String::from_utf8_lossy(&redactor.redact(text.as_bytes())).into_owned()
}

/// Returns why a lease could not be kept, without secrets.
pub(super) fn clean_lease(redactor: &Redactor, error: &LeaseError) -> LeaseError {
    match error {
        LeaseError::Held(by) => LeaseError::Held(clean(redactor, by)),
        LeaseError::Unreachable(why) => LeaseError::Unreachable(clean(redactor, why)),
    }
}

impl Conductor {
    /// Returns a text without secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        clean(&self.redactor, text)
    }

    /// Returns what happened without secrets; what steps left behind is cleaned where it is kept.
    pub(super) fn without_secrets(&self, input: Input) -> Input {
        match input {
            Input::Done(done) => Input::Done(Done { text: self.clean(&done.text), ..done }),
            Input::Found(found) => Input::Found(Found { text: self.clean(&found.text), ..found }),
            Input::Looked(guard, at, Err(NoSight(why))) => {
                Input::Looked(guard, at, Err(NoSight(self.clean(&why))))
            }
            Input::Kept(Err(error)) => Input::Kept(Err(clean_lease(&self.redactor, &error))),
            Input::Shared(begun, given, Err(NoSight(why))) => {
                Input::Shared(begun, given, Err(NoSight(self.clean(&why))))
            }
            Input::Told(Err(why)) => Input::Told(Err(self.clean(&why))),
            other => other,
        }
    }

    /// Returns an answer without secrets.
    pub(super) fn clean_answer(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Refused(why) => Answer::Refused(self.clean(&why)),
            Answer::Taken => Answer::Taken,
        }
    }
}
