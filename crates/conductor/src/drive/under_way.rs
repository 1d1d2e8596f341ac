//! A step that is under way: what the world does of it, then guards that it waits for, then people.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use guard::Verdict;
use runbook::{Kind, Plan, PlannedStep};
use tokio::time::Instant;

use super::{Conductor, DriveError, Input, room, show, worse};
use crate::{Artefact, Done, Event, Next, Pending, Phase, Wait, Witness, next::is_back, shown};

/// How much longer than it may take a step is waited for: whatever carries it out ends it itself.
const OVERTIME: Duration = Duration::from_secs(10);

/// A step that is under way.
pub(super) struct UnderWay {
    pub(super) step: PlannedStep,
    pub(super) attempt: u32,
    pub(super) begun_at: Instant,
    pub(super) stage: Stage,
    /// What is still to be carried out of it, in its order.
    parts: VecDeque<PlannedStep>,
    /// What came of the parts.
    verdict: Verdict,
    pub(super) texts: Vec<String>,
    artefacts: Vec<Artefact>,
}

pub(super) enum Stage {
    /// The world does something.
    Doing(Pending<'static, Input>),
    /// Guards are waited for.
    Guards,
    /// People are waited for.
    People,
    /// The world did what people do, and is asked whether it is so.
    Confirming(Pending<'static, Input>),
    /// It is found out what became of it, by whom.
    ReadingBack(Pending<'static, Input>, Option<Witness>),
}

impl UnderWay {
    /// Returns a step that begins now, of which nothing is to be carried out.
    pub(super) fn of(step: &PlannedStep, attempt: u32, stage: Stage) -> Self {
        UnderWay {
            step: step.clone(),
            attempt,
            begun_at: Instant::now(),
            stage,
            parts: VecDeque::new(),
            verdict: Verdict::Pass,
            texts: Vec::new(),
            artefacts: Vec::new(),
        }
    }

    /// Waits for what the world does.
    pub(super) async fn input(under_way: &mut Option<UnderWay>) -> Input {
        match under_way.as_mut().map(|step| &mut step.stage) {
            Some(Stage::Doing(asked) | Stage::Confirming(asked) | Stage::ReadingBack(asked, _)) => {
                asked.await
            }
            _ => std::future::pending().await,
        }
    }
}

/// Returns a step and what it repeats.
fn whole<'p>(plan: &'p Plan, step: &'p PlannedStep) -> impl Iterator<Item = &'p PlannedStep> {
    plan.all_steps().filter(|other| step.repeats.contains(&other.id)).chain([step])
}

impl Conductor {
    /// Returns what the world carries out of a step: itself, or what it repeats.
    pub(super) fn parts(&self, step: &PlannedStep) -> VecDeque<PlannedStep> {
        let is_done = |step: &&PlannedStep| !self.is_word(step) && step.kind != Kind::Guard;
        if step.kind != Kind::Repeat {
            return [step].into_iter().filter(is_done).cloned().collect();
        }
        let all = || self.plan.all_steps();
        let named = step.repeats.iter().filter_map(|id| all().find(|step| step.id == *id));
        named.filter(is_done).cloned().collect()
    }

    /// Begins a step: its intent is on disk before anything is done.
    /// Returns whether it was begun: not where there is no room for that in the journal.
    pub(super) fn begin(
        &mut self,
        (step, attempt): (&PlannedStep, u32),
    ) -> Result<bool, DriveError> {
        let intent = Event::Intent { step: step.id.clone(), attempt };
        if !self.append_or_hold(intent)? {
            return Ok(false);
        }
        self.watches.begun(&self.plan, self.journal.state());
        let parts = self.parts(step);
        self.under_way = Some(UnderWay { parts, ..UnderWay::of(step, attempt, Stage::People) });
        self.go_on().map(|()| true)
    }

    /// Turns to what comes next of the step that is under way.
    fn go_on(&mut self) -> Result<(), DriveError> {
        let Some(mut under_way) = self.under_way.take() else { return Ok(()) };
        if let Some(part) = under_way.parts.pop_front() {
            let (world, work) = (Arc::clone(&self.world), self.work(&part, under_way.attempt));
            let most = work.within.max(Duration::from_secs(under_way.step.within_s)) + OVERTIME;
            under_way.stage = Stage::Doing(Box::pin(async move {
                let done = tokio::time::timeout(most, world.carry_out(&work)).await;
                Input::Done(done.unwrap_or_else(|_| Done {
                    verdict: Verdict::Error,
                    text: format!("It did not end within {}.", shown::of_s(most.as_secs())),
                    artefacts: Vec::new(),
                }))
            }));
            self.under_way = Some(under_way);
            return Ok(());
        }
        let (has_guards, has_words) = {
            let whole: Vec<_> = whole(&self.plan, &under_way.step).collect();
            (
                whole.iter().any(|it| !it.guards.is_empty()),
                whole.iter().any(|it| self.needs_word(it)),
            )
        };
        let is_good = under_way.verdict.is_pass();
        let is_watched = matches!(under_way.stage, Stage::Guards);
        under_way.stage = if is_good && has_guards && !is_watched {
            self.watches.tell_again();
            Stage::Guards
        } else if is_good && has_words && self.is_seen_by_the_world(&under_way.step) {
            self.confirming(&under_way.step, under_way.attempt)
        } else if is_good && has_words {
            Stage::People
        } else {
            self.under_way = Some(under_way);
            return self.finish(None);
        };
        self.under_way = Some(under_way);
        self.wait_on()
    }

    /// Takes in what the world did.
    pub(super) fn part_done(&mut self, done: Done) -> Result<(), DriveError> {
        let Some(under_way) = &mut self.under_way else { return Ok(()) };
        under_way.verdict = worse(under_way.verdict, done.verdict);
        under_way.texts.push(done.text);
        under_way.artefacts.extend(done.artefacts);
        if !under_way.verdict.is_pass() {
            under_way.parts.clear();
        }
        self.go_on()
    }

    /// Looks whether guards or people have said what a step waits for, or its time is over.
    pub(super) fn wait_on(&mut self) -> Result<(), DriveError> {
        let Some(under_way) = &self.under_way else { return Ok(()) };
        let most = Duration::from_secs(under_way.step.within_s);
        let is_over = under_way.begun_at.elapsed() > most;
        match under_way.stage {
            Stage::Doing(_) | Stage::Confirming(_) | Stage::ReadingBack(..) => Ok(()),
            Stage::Guards => {
                let outcome = self.outcome(Verdict::Pass, String::new());
                if self.journal.may_follow(&outcome).is_ok() || self.passes_but_for_people() {
                    return self.go_on();
                }
                if is_over {
                    let missing = self.watches.not_passed(&self.plan, &self.under_way_guards());
                    let text = format!("In its time {} did not pass.", missing.join(", "));
                    return self.finish(Some((Verdict::Insufficient, text)));
                }
                Ok(())
            }
            Stage::People => {
                let id = under_way.step.id.clone();
                if self.state().unvouched(&id).is_empty() {
                    return self.finish(None);
                }
                if is_over && self.is_bounded(&id) {
                    let text =
                        format!("Nobody vouched for it within {}.", shown::of_s(most.as_secs()));
                    return self.finish(Some((Verdict::Insufficient, text)));
                }
                let (step, attempt) = (under_way.step.clone(), under_way.attempt);
                self.wait_for(&Wait::Word { step: &step, attempt });
                Ok(())
            }
        }
    }

    /// Returns whether nothing but a person's word is missing.
    fn passes_but_for_people(&self) -> bool {
        let outcome = self.outcome(Verdict::Pass, String::new());
        matches!(self.journal.may_follow(&outcome), Err(crate::Refused::NotAttested(_)))
    }

    fn under_way_guards(&self) -> Vec<String> {
        let Some(under_way) = &self.under_way else { return Vec::new() };
        let whole = whole(&self.plan, &under_way.step);
        whole.flat_map(|step| step.guards.iter().cloned()).collect()
    }

    /// Returns whether people are waited for no longer than a step may take: not before anything is
    /// changed, nor at the end of what is kept.
    pub(super) fn is_bounded(&self, step: &str) -> bool {
        let is_in = |steps: &[PlannedStep]| steps.iter().any(|other| other.id == step);
        let is_patient = is_in(&self.plan.gates) || is_in(&self.plan.closing);
        self.state().phase() == Phase::RollingBack || !is_patient
    }

    fn outcome(&self, verdict: Verdict, text: String) -> Event {
        let (step, attempt) = match &self.under_way {
            Some(step) => (step.step.id.clone(), step.attempt),
            None => (String::new(), 0),
        };
        Event::Outcome { step, attempt, verdict, text }
    }

    /// Writes the outcome of the step that is under way: what came of its parts, or what is said here.
    pub(super) fn finish(&mut self, instead: Option<(Verdict, String)>) -> Result<(), DriveError> {
        let Some(under_way) = &mut self.under_way else { return Ok(()) };
        let artefacts = std::mem::take(&mut under_way.artefacts);
        let (mut verdict, mut text) = match instead {
            Some((verdict, text)) => {
                under_way.texts.push(text);
                (verdict, under_way.texts.join(" "))
            }
            None => (under_way.verdict, under_way.texts.join(" ")),
        };
        if text.is_empty() {
            text = self.word_sentence();
        }
        let (outputs, kept) = match self.keep(&artefacts) {
            Err(DriveError::Folder(error)) if self.goes_on_without(&error) => {
                self.not_kept(&error);
                let why = room::with_source(&error);
                text = format!("{text} What it left behind could not be kept: {why}.");
                if verdict.is_pass() && self.state().phase() != Phase::RollingBack {
                    verdict = Verdict::Insufficient;
                }
                (Vec::new(), Vec::new())
            }
            kept => kept?,
        };
        // A guard that changed its mind while the last part was done speaks against a pass.
        if let Err(why) = self.journal.may_follow(&self.outcome(verdict, text.clone())) {
            (verdict, text) = (Verdict::Insufficient, format!("{text} But {why}."));
        }
        let outcome = self.outcome(verdict, text);
        let under_way = self.under_way.take();
        self.append(outcome, outputs)?;
        if let Some(under_way) = under_way
            && super::is_compared(&self.plan, &under_way.step.id)
        {
            Arc::make_mut(&mut self.kept).insert(under_way.step.id, kept);
        }
        Ok(())
    }

    /// Says who vouched for the step that is under way.
    fn word_sentence(&self) -> String {
        let id = self.under_way.as_ref().map(|step| step.step.id.clone()).unwrap_or_default();
        match self.facts.vouched.get(&id) {
            Some(said) if !said.is_empty() => format!("{}.", said.join("; ")),
            _ => "It is done.".to_owned(),
        }
    }

    /// Gives up a step of the run that is under way while the run goes back, or that was withheld.
    pub(super) fn give_up_what_goes_back(&mut self) -> Result<bool, DriveError> {
        let Some(under_way) = &self.under_way else { return Ok(false) };
        let is_going_back = self.state().phase() == Phase::RollingBack;
        let is_of_the_run = {
            let id = &under_way.step.id;
            let closing = self.plan.closing.iter().chain(&self.plan.triggers);
            !is_back(&self.plan, id) && !closing.into_iter().any(|step| step.id == *id)
        };
        // What began before the run went back is looked at anew behind that.
        let is_old = self.sent_back_at.is_some_and(|since| under_way.begun_at < since);
        if !is_going_back || !(is_of_the_run || is_old) {
            return Ok(false);
        }
        // What became of a step is still to be found out.
        if matches!(under_way.stage, Stage::ReadingBack(..)) {
            return Ok(false);
        }
        let text = "It was given up, since the run goes back.".to_owned();
        self.finish(Some((Verdict::Error, text)))?;
        Ok(true)
    }

    /// Returns what is due, for people.
    pub(super) fn due<'p>(&self, plan: &'p Plan) -> Next<'p> {
        crate::next(plan, self.journal.state(), &self.times())
    }

    /// Returns whether people are waited for in the step that is under way.
    pub(super) fn waits_for_people(&self) -> Option<&PlannedStep> {
        let under_way = self.under_way.as_ref()?;
        matches!(under_way.stage, Stage::People).then_some(&under_way.step)
    }

    /// Says what is happening in the step that is under way.
    pub(super) fn doing(&self) -> Option<String> {
        let under_way = self.under_way.as_ref()?;
        let id = &under_way.step.id;
        Some(match under_way.stage {
            Stage::Doing(_) => format!("{id}: {}", show::first_line(&under_way.step.text)),
            Stage::Guards => {
                let guards = self.watches.not_passed(&self.plan, &self.under_way_guards());
                format!("{id} waits for guards: {}", guards.join(", "))
            }
            Stage::People => format!("{id} waits for people"),
            Stage::Confirming(_) => format!("{id}: looking whether it is so"),
            Stage::ReadingBack(..) => format!("{id}: finding out what became of it"),
        })
    }
}
