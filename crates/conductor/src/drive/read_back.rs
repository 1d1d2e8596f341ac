//! What became of a step of which this process does not know: the world is asked, or its owners, and none
//! of them for ever.

use std::{sync::Arc, time::Duration};

use guard::Verdict;
use runbook::{Kind, PlannedStep};
use tokio::time::Instant;

use super::{
    Conductor, DriveError, Input,
    under_way::{Stage, UnderWay},
};
use crate::{
    Effect, Event, Found, Pending, Phase, Status, Witness, Work, World, next::is_back, shown,
};

/// How long the world may take to say what became of a step.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Asks the world what became of a step.
async fn ask(world: Arc<dyn World>, work: Work) -> Input {
    let found = tokio::time::timeout(ANSWER_MAX, world.read_back(&work)).await;
    Input::Found(found.unwrap_or_else(|_| Found {
        effect: Effect::Unclear,
        text: format!("It could not be read back within {}.", shown::of_s(ANSWER_MAX.as_secs())),
    }))
}

/// Returns what was found of a step that does no harm when it is done again.
fn harmless(found: &Found) -> Found {
    let text = format!("{} It does no harm to do it again.", found.text);
    Found { effect: Effect::No, text }
}

impl Conductor {
    /// Finds out what became of a step.
    pub(super) fn read_back(&mut self, step: &PlannedStep, attempt: u32) -> Result<(), DriveError> {
        let (asked, witness): (Pending<'static, Input>, _) = match self.known(step) {
            Some(found) => (Box::pin(std::future::ready(Input::Found(found))), None),
            None => {
                let asked = ask(Arc::clone(&self.world), self.work(step, attempt));
                (Box::pin(asked), Some(Witness::World))
            }
        };
        let stage = Stage::ReadingBack(asked, witness);
        self.under_way = Some(UnderWay::of(step, attempt, stage));
        Ok(())
    }

    /// Returns what can be said of a step without asking anybody.
    fn known(&self, step: &PlannedStep) -> Option<Found> {
        let is_word = self.is_word(step);
        let is_going_back = self.state().phase() == Phase::RollingBack;
        let (effect, text) = if is_word && is_going_back && step.class.changes() {
            if is_back(&self.plan, &step.id) {
                (Effect::Unclear, "Nobody said what became of it.".to_owned())
            } else {
                let text =
                    "Nobody said what became of it; it is taken back as if it had been done.";
                (Effect::Yes, text.to_owned())
            }
        } else if is_word || step.kind == Kind::Guard {
            (Effect::No, "Nothing of it was done yet but asking.".to_owned())
        } else if step.kind == Kind::Repeat {
            // What may be repeated may be done again.
            let parts = self.parts(step).len();
            (Effect::Unclear, format!("Of its {parts} parts nobody knows which were done."))
        } else {
            return None;
        };
        Some(Found { effect, text })
    }

    /// Takes in what was found of a step.
    pub(super) fn found(&mut self, found: Found) -> Result<(), DriveError> {
        let Some(under_way) = self.under_way.take() else { return Ok(()) };
        let witness = match under_way.stage {
            Stage::ReadingBack(_, witness) => witness,
            _ => return self.confirmed(under_way, found),
        };
        let (step, attempt) = (under_way.step, under_way.attempt);
        let is_open = found.effect == Effect::Unclear;
        let is_going_back = self.state().phase() == Phase::RollingBack;
        let (found, witness) = if is_open && !step.class.is_grave() {
            (harmless(&found), None)
        } else if is_open && is_going_back && !is_back(&self.plan, &step.id) {
            let text = format!("{} It is taken back as if it had been done.", found.text);
            (Found { effect: Effect::Yes, text }, None)
        } else {
            (found, witness)
        };
        self.write_found(&step, attempt, found, witness)
    }

    fn write_found(
        &mut self,
        step: &PlannedStep,
        attempt: u32,
        found: Found,
        witness: Option<Witness>,
    ) -> Result<(), DriveError> {
        let is_open = found.effect == Effect::Unclear;
        if is_open {
            self.unclear.insert(step.id.clone());
        }
        let (Found { effect: happened, text }, step) = (found, step.id.clone());
        self.left_over.push(text);
        let text = std::mem::take(&mut self.left_over).join(" ");
        let seen_by = witness.filter(|_| !is_open);
        self.append(Event::ReadBack { step, attempt, happened, seen_by, text }, Vec::new())
    }

    /// Returns whether it is enough on the way back that the world says that a step is so which it carried
    /// out in the place of people.
    pub(super) fn is_seen_by_the_world(&self, step: &PlannedStep) -> bool {
        let is_going_back = self.state().phase() == Phase::RollingBack;
        is_going_back && is_back(&self.plan, &step.id) && self.acted.contains(&step.id)
    }

    /// Asks the world whether a step is so that it carried out.
    pub(super) fn confirming(&self, step: &PlannedStep, attempt: u32) -> Stage {
        Stage::Confirming(Box::pin(ask(Arc::clone(&self.world), self.work(step, attempt))))
    }

    /// Takes in whether a step is so that the world carried out; where it is not, people are asked.
    fn confirmed(&mut self, mut under_way: UnderWay, found: Found) -> Result<(), DriveError> {
        let (step, attempt) = (under_way.step.clone(), under_way.attempt);
        under_way.texts.push(found.text.clone());
        let is_so = found.effect == Effect::Yes;
        if !is_so {
            under_way.stage = Stage::People;
        }
        self.under_way = Some(under_way);
        if !is_so {
            return self.wait_on();
        }
        self.write_found(&step, attempt, found, Some(Witness::World))?;
        self.finish(None)
    }

    /// Returns whether the owners of a step were asked what became of it for as long as it may take.
    pub(super) fn has_asked_long_enough(&mut self, step: &PlannedStep, attempt: u32) -> bool {
        let since = match &self.asked_of {
            Some((id, of, since)) if *id == step.id && *of == attempt => *since,
            _ => Instant::now(),
        };
        self.asked_of = Some((step.id.clone(), attempt, since));
        self.is_bounded(&step.id) && since.elapsed() > Duration::from_secs(step.within_s)
    }

    /// Writes down that nobody said what became of a step.
    pub(super) fn nobody_said(
        &mut self,
        step: &PlannedStep,
        attempt: u32,
    ) -> Result<(), DriveError> {
        self.asked_of = None;
        let text = format!("Nobody said within {} what became of it.", shown::of_s(step.within_s));
        if !matches!(self.state().status(&step.id), Some(Status::Unknown(_))) {
            let (step, verdict) = (step.id.clone(), Verdict::Insufficient);
            return self.append(Event::Outcome { step, attempt, verdict, text }, Vec::new());
        }
        let found = Found { effect: Effect::Unclear, text };
        let found = if step.class.is_grave() { found } else { harmless(&found) };
        self.write_found(step, attempt, found, None)
    }

    /// Gives its outcome to a step that took effect, as was read back, or that people vouched for.
    pub(super) fn conclude_step(
        &mut self,
        step: &PlannedStep,
        attempt: u32,
    ) -> Result<(), DriveError> {
        let id = step.id.clone();
        let said = self.facts.vouched.get(&id).map(|said| said.join("; "));
        let text = said.unwrap_or_else(|| "It took effect, as was read back.".to_owned());
        if matches!(self.state().status(&id), Some(Status::Unknown(_))) {
            let found = Found { effect: Effect::Yes, text: text.clone() };
            self.write_found(step, attempt, found, Some(Witness::People))?;
        }
        let verdict = Verdict::Pass;
        let outcome = Event::Outcome { step: id, attempt, verdict, text: text.clone() };
        let stage = match self.journal.may_follow(&outcome) {
            Ok(()) => return self.append(outcome, Vec::new()),
            Err(crate::Refused::NotAttested(_)) => Stage::People,
            Err(_) => Stage::Guards,
        };
        // It took effect, and guards or people have still to speak.
        self.watches.tell_again();
        let mut under_way = UnderWay::of(step, attempt, stage);
        under_way.texts.push(text);
        self.under_way = Some(under_way);
        Ok(())
    }
}
