//! Stand-ins for people: they approve of the plan, say what a script says, and decide how a run goes on
//! that stands still.
//!
//! They speak through the run's inbox as everybody does, without keys: the evidence says whose word was
//! only asserted. Must not know: how a check is made.

use std::collections::BTreeSet;

use conductor::{Event, Inbox, Live, LiveWait, Pending, Request};
use evidence::Choice;
use guard::Verdict;
use runbook::Plan;
use tokio::sync::watch;

use super::{Check, Script};

/// What looks whether something is so before a stand-in says that it is.
pub(super) trait Looks: Send + Sync {
    /// Returns what was found, in one sentence.
    ///
    /// # Errors
    /// Fails with what is not so.
    fn look<'a>(&'a self, check: Check, step: &'a str) -> Pending<'a, Result<String, String>>;
}

/// A stand-in for everybody.
pub(super) struct StandIn<'s> {
    plan: &'s Plan,
    script: &'s Script,
    inbox: Inbox,
    looks: &'s dyn Looks,
    /// What was said, and of what.
    said: BTreeSet<String>,
    has_waived_guard: bool,
}

impl<'s> StandIn<'s> {
    /// Returns one that has said nothing.
    pub(super) fn new(
        plan: &'s Plan,
        script: &'s Script,
        inbox: Inbox,
        looks: &'s dyn Looks,
    ) -> Self {
        StandIn { plan, script, inbox, looks, said: BTreeSet::new(), has_waived_guard: false }
    }

    /// Says what is asked for until the run is over.
    ///
    /// # Errors
    /// Fails where the inbox can't be written.
    pub(super) async fn speak(
        &mut self,
        mut looking: watch::Receiver<Option<Live>>,
    ) -> Result<(), std::io::Error> {
        while looking.changed().await.is_ok() {
            let Some(live) = looking.borrow_and_update().clone() else { continue };
            for wait in &live.waiting {
                self.answer(&live, wait).await?;
            }
        }
        Ok(())
    }

    async fn answer(&mut self, live: &Live, wait: &LiveWait) -> Result<(), std::io::Error> {
        match (wait.choice.as_str(), wait.about.as_deref()) {
            ("APPROVE", _) => {
                self.say_by_all(live, wait, Choice::Approve, None, "The plan was read.")
            }
            ("GO", _) => self.say_by_all(live, wait, Choice::Go, None, "All gates are passed."),
            ("ATTEST", Some(step)) => self.attest(live, wait, step).await,
            _ => self.decide(live, wait),
        }
    }

    /// Vouches for a step, or sends the run back where the script says so, or where what the step says
    /// is not so.
    async fn attest(
        &mut self,
        live: &Live,
        wait: &LiveWait,
        step: &str,
    ) -> Result<(), std::io::Error> {
        if !self.is_new(live, wait, "look") {
            return Ok(());
        }
        if self.script.rollback_at.as_deref() == Some(step) {
            let why = "A rehearsal goes back here whatever was seen.";
            return self.say_by_one(live, wait, Choice::Rollback, None, why);
        }
        let script = self.script.step(step);
        let found = match script.check {
            Some(check) => self.looks.look(check, step).await,
            None => Ok(String::new()),
        };
        match found {
            Ok(found) => {
                let said =
                    script.say.unwrap_or_else(|| "said by the rehearsal's stand-in".to_owned());
                let reason = if found.is_empty() { said } else { format!("{said}: {found}") };
                self.say_by_all(live, wait, Choice::Attest, Some(step), &reason)
            }
            // What is not so is not vouched for; on the way back the step's time runs out.
            Err(why) if live.phase == "rolling-back" => {
                tracing::warn!(step, why, "the stand-in does not vouch for it");
                Ok(())
            }
            Err(why) => self.give_up(live, wait, &format!("{step} is not so: {why}")),
        }
    }

    /// Decides how a run goes on that stands still: what the script waives is waived, everything else
    /// sends it back.
    fn decide(&mut self, live: &Live, wait: &LiveWait) -> Result<(), std::io::Error> {
        let failed: Vec<(String, String)> = failed(live).collect();
        let waived = |id: &String| self.script.waive.get(id).cloned();
        let open = failed.iter().find(|(id, _)| waived(id).is_none());
        if let Some((id, said)) = open {
            return self.give_up(live, wait, &format!("{id} did not pass: {said}"));
        }
        let is_waived = live.steps.iter().any(|step| step.status.as_deref() == Some("waived"));
        if failed.is_empty() && !(is_waived || self.has_waived_guard) {
            let why = live.why.clone().unwrap_or_default();
            return self.give_up(live, wait, &format!("nothing that is waived stopped it: {why}"));
        }
        for (id, _) in &failed {
            let why = waived(id).unwrap_or_default();
            self.has_waived_guard |= live.guards.iter().any(|guard| guard.id == *id);
            self.say_by_one(live, wait, Choice::Waive, Some(id), &why)?;
        }
        if failed.is_empty() {
            self.say_by_one(live, wait, Choice::Go, None, "What stopped it is waived.")?;
        }
        Ok(())
    }

    /// Sends the run back, or ends it where nothing was changed.
    fn give_up(&mut self, live: &Live, wait: &LiveWait, why: &str) -> Result<(), std::io::Error> {
        let choice = if live.has_changed { Choice::Rollback } else { Choice::Abort };
        self.say_by_one(live, wait, choice, None, why)
    }

    fn say_by_all(
        &mut self,
        live: &Live,
        wait: &LiveWait,
        choice: Choice,
        about: Option<&str>,
        reason: &str,
    ) -> Result<(), std::io::Error> {
        for role in &wait.roles {
            self.say(live, role, choice, about, reason)?;
        }
        Ok(())
    }

    fn say_by_one(
        &mut self,
        live: &Live,
        wait: &LiveWait,
        choice: Choice,
        about: Option<&str>,
        reason: &str,
    ) -> Result<(), std::io::Error> {
        match wait.roles.first() {
            Some(role) => self.say(live, role, choice, about, reason),
            None => Ok(()),
        }
    }

    fn say(
        &mut self,
        live: &Live,
        role: &str,
        choice: Choice,
        about: Option<&str>,
        reason: &str,
    ) -> Result<(), std::io::Error> {
        let word = format!("{choice:?} {about:?} {role} {}", moment(live, about));
        let Some(known) = self.plan.roles.iter().find(|known| known.role == role) else {
            return Ok(());
        };
        let Some(person) = known.people.first() else { return Ok(()) };
        if !self.said.insert(word) {
            return Ok(());
        }
        let (role, person, reason) = (role.to_owned(), person.name.clone(), reason.to_owned());
        let event = if choice == Choice::Approve {
            let plan = self.plan.digest().map_err(std::io::Error::other)?;
            Event::Approved { role, person, plan }
        } else {
            let about = about.map(ToOwned::to_owned);
            Event::Decided { choice, role, person, reason, about }
        };
        self.inbox.put(&Request::Said(Box::new(event))).map(|_| ())
    }

    fn is_new(&mut self, live: &Live, wait: &LiveWait, what: &str) -> bool {
        let about = wait.about.as_deref();
        let roles = wait.roles.join(" ");
        self.said.insert(format!("{what} {about:?} {roles} {}", moment(live, about)))
    }
}

/// Returns when what is asked about began: the same may be asked again of a later attempt.
fn moment(live: &Live, about: Option<&str>) -> String {
    let step = about.and_then(|id| live.steps.iter().find(|step| step.id == id));
    match step.and_then(|step| step.begun_at) {
        Some(at) => at.to_string(),
        None => format!("{} {}", live.phase, live.entries),
    }
}

/// Returns what did not pass and is not waived: gates and steps, and armed guards.
fn failed(live: &Live) -> impl Iterator<Item = (String, String)> {
    let is_bad = |verdict: Option<Verdict>| verdict.is_some_and(|verdict| !verdict.is_pass());
    let steps = live.steps.iter().filter(move |step| {
        is_bad(step.verdict) && matches!(step.place.as_str(), "gate" | "step" | "after")
    });
    let steps = steps.map(|step| (step.id.clone(), step.said.clone().unwrap_or_default()));
    let guards = live.guards.iter().filter(|guard| {
        guard.is_armed && matches!(guard.verdict, Some(Verdict::Fail | Verdict::Error))
    });
    steps.chain(guards.map(|guard| (guard.id.clone(), guard.sentence.clone())))
}
