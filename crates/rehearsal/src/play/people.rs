//! Stand-ins for people: they approve of the plan, say what a script says, and decide how a run goes on
//! that stands still.
//!
//! They speak through the run's inbox as everybody does, without keys: the evidence says whose word was
//! only asserted. Must not know: how a check is made.

use std::collections::{BTreeSet, HashSet};

use conductor::{Event, Inbox, Live, LiveGuard, LiveWait, Pending, Phase, Request};
use evidence::Choice;
use guard::Verdict;
use runbook::{Kind, Plan};
use tokio::sync::watch;

use super::{Check, Deciders, Script};

/// What looks whether something is so before a stand-in says that it is.
pub(super) trait Looks: Send + Sync {
    /// Returns what was found, in one sentence.
    ///
    /// # Errors
    /// Fails with what is not so.
    fn look<'a>(&'a self, check: &'a Check, step: &'a str) -> Pending<'a, Result<String, String>>;
}

/// A stand-in for everybody.
pub(super) struct StandIn<'s> {
    plan: &'s Plan,
    script: &'s Script,
    inbox: Inbox,
    looks: &'s dyn Looks,
    deciders: Deciders,
    /// What was said, and of what.
    said: BTreeSet<String>,
    /// Guards that were waived, each with the verdict that was.
    waived_guards: HashSet<(String, Verdict)>,
    /// Why it is pointless to go on.
    refused: Option<String>,
}

impl<'s> StandIn<'s> {
    /// Returns one that has said nothing.
    pub(super) fn new(
        plan: &'s Plan,
        script: &'s Script,
        inbox: Inbox,
        (looks, deciders): (&'s dyn Looks, Deciders),
    ) -> Self {
        StandIn {
            plan,
            script,
            inbox,
            looks,
            deciders,
            said: BTreeSet::new(),
            waived_guards: HashSet::new(),
            refused: None,
        }
    }

    /// Says what is asked for until the run is over. Returns why it is pointless to go on, where what a
    /// step of the way back says is not so: nobody can refuse a word there but by silence.
    ///
    /// # Errors
    /// Fails where the inbox can't be written.
    pub(super) async fn speak(
        &mut self,
        mut looking: watch::Receiver<Option<Live>>,
    ) -> Result<Option<String>, std::io::Error> {
        while self.refused.is_none() && looking.changed().await.is_ok() {
            let Some(live) = looking.borrow_and_update().clone() else { continue };
            self.waive_guards(&live)?;
            for wait in &live.waiting {
                self.answer(&live, wait).await?;
            }
        }
        Ok(self.refused.take())
    }

    /// Waives guards by name that see nothing here, as soon as they say so. A failure is none of these.
    fn waive_guards(&mut self, live: &Live) -> Result<(), std::io::Error> {
        let has_begun = matches!(live.phase, Phase::Go | Phase::Hold);
        for guard in live.guards.iter().filter(|guard| guard.is_armed && has_begun) {
            let Some(why) = self.script.waives(&guard.id).cloned() else { continue };
            let verdict = match guard.verdict {
                Some(verdict @ (Verdict::Insufficient | Verdict::Error)) => verdict,
                _ => continue,
            };
            if self.waived_guards.insert((guard.id.clone(), verdict)) {
                let role = self.decider().to_owned();
                let about = Some(guard.id.as_str());
                self.put(&role, Choice::Waive, about, &why)?;
            }
        }
        Ok(())
    }

    /// Returns a role that decides how the run goes on: one that owns a decision, else any.
    fn decider(&self) -> &str {
        let steps = self.plan.gates.iter().chain(&self.plan.steps);
        let mut decisions = steps.filter(|it| it.carried_out && it.kind == Kind::Decision);
        let owner = decisions.find_map(|step| step.owners.first());
        let any = || self.plan.roles.first().map(|role| &role.role);
        owner.or_else(any).map_or("", String::as_str)
    }

    async fn answer(&mut self, live: &Live, wait: &LiveWait) -> Result<(), std::io::Error> {
        match (wait.choice.as_str(), wait.about.as_deref()) {
            ("ATTEST", Some(step)) => self.attest(live, wait, step).await,
            _ if self.deciders == Deciders::People => Ok(()),
            ("APPROVE", _) => {
                self.say_by_all(live, wait, Choice::Approve, None, "The plan was read.")
            }
            ("GO", _) => self.say_by_all(live, wait, Choice::Go, None, "All gates are passed."),
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
        let goes_back = live.phase == Phase::RollingBack;
        if self.script.rollback_at.as_deref() == Some(step) && !goes_back {
            let why = "A rehearsal goes back here whatever was seen.";
            return self.say_by_one(live, wait, Choice::Rollback, None, why);
        }
        let script = self.script.step(step);
        match self.found(&script.check, step).await {
            Ok(found) => {
                let said =
                    script.say.unwrap_or_else(|| "said by the rehearsal's stand-in".to_owned());
                let reason = if found.is_empty() { said } else { format!("{said}: {found}") };
                self.say_by_all(live, wait, Choice::Attest, Some(step), &reason)
            }
            Err(why) if goes_back => {
                self.refused = Some(format!("on the way back {step} is not so: {why}"));
                Ok(())
            }
            Err(why) => self.give_up(live, wait, &format!("{step} is not so: {why}")),
        }
    }

    /// Makes all checks of a step; returns what was found, or the first that is not so.
    async fn found(&self, checks: &[Check], step: &str) -> Result<String, String> {
        let mut found = Vec::new();
        for check in checks {
            found.push(self.looks.look(check, step).await?);
        }
        Ok(found.join("; "))
    }

    /// Decides how a run goes on that stands still: what the script waives is waived, everything else
    /// sends it back.
    fn decide(&mut self, live: &Live, wait: &LiveWait) -> Result<(), std::io::Error> {
        let is_waived = |guard: &LiveGuard| {
            let verdict = guard.verdict.map(|verdict| (guard.id.clone(), verdict));
            verdict.is_some_and(|it| self.waived_guards.contains(&it))
        };
        let failed: Vec<(String, String)> = failed(live, &is_waived).collect();
        let waived = |id: &String| self.script.waives(id).cloned();
        let open = failed.iter().find(|(id, _)| waived(id).is_none());
        if let Some((id, said)) = open {
            return self.give_up(live, wait, &format!("{id} did not pass: {said}"));
        }
        let has_waived = live.steps.iter().any(|step| step.status.as_deref() == Some("waived"));
        if failed.is_empty() && !has_waived && self.waived_guards.is_empty() {
            let why = live.why.clone().unwrap_or_default();
            return self.give_up(live, wait, &format!("nothing that is waived stopped it: {why}"));
        }
        for (id, _) in &failed {
            let why = waived(id).unwrap_or_default();
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
        if !self.said.insert(word) {
            return Ok(());
        }
        self.put(role, choice, about, reason)
    }

    fn put(
        &self,
        role: &str,
        choice: Choice,
        about: Option<&str>,
        reason: &str,
    ) -> Result<(), std::io::Error> {
        let Some(known) = self.plan.roles.iter().find(|known| known.role == role) else {
            return Ok(());
        };
        let Some(person) = known.people.first() else { return Ok(()) };
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
        None => format!("{} {}", live.phase.as_str(), live.entries),
    }
}

/// Returns what did not pass and is not waived: gates and steps, and armed guards.
fn failed(
    live: &Live,
    is_waived: &dyn Fn(&LiveGuard) -> bool,
) -> impl Iterator<Item = (String, String)> {
    let is_bad = |verdict: Option<Verdict>| verdict.is_some_and(|verdict| !verdict.is_pass());
    let steps = live.steps.iter().filter(move |step| {
        is_bad(step.verdict) && matches!(step.place.as_str(), "gate" | "step" | "after")
    });
    let steps = steps.map(|step| (step.id.clone(), step.said.clone().unwrap_or_default()));
    let guards = live.guards.iter().filter(move |guard| {
        let is_bad = matches!(guard.verdict, Some(Verdict::Fail | Verdict::Error));
        guard.is_armed && is_bad && !is_waived(guard)
    });
    steps.chain(guards.map(|guard| (guard.id.clone(), guard.sentence.clone())))
}
