//! What happened: the journal folded into steps with their attempts, decisions, judgements and turns.

use std::collections::BTreeMap;

use evidence::{Choice, Hash, Output, Predicate, Statement};
use guard::{Judgement, Verdict};
use jiff::Timestamp;
use runbook::{Mode, Plan};

use super::{
    Material, ReportError,
    back::{self, Clocks, WayBack},
};
use crate::{Effect, Ending, Entry, Event, JournalView, Pace, Phase, State, shown};

/// One time that a step was carried out.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) begun_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) verdict: Option<Verdict>,
    /// The sentence of its outcome, or of what was read back.
    pub(super) text: String,
    pub(super) outputs: Vec<Output>,
}

/// What somebody approved, vouched for or decided.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) at: Timestamp,
    pub(super) choice: Choice,
    pub(super) role: String,
    pub(super) people: Vec<String>,
    pub(super) reason: String,
    pub(super) about: Option<String>,
    /// The keys that signed it; none where it was not signed.
    pub(super) keys: Vec<String>,
    /// The journal that they saw: how long it was, and its root.
    pub(super) over: Option<(u64, Hash)>,
}

/// That the run went from one phase to another.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) at: Timestamp,
    pub(super) to: Phase,
    pub(super) why: String,
    /// The guard that turned it.
    pub(super) guard: Option<String>,
}

/// What happened in a run.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) run: String,
    pub(super) plan: Hash,
    pub(super) mode: Mode,
    pub(super) t0: Option<Timestamp>,
    /// How much faster than planned waiting times passed.
    pub(super) pace: Pace,
    pub(super) begun_at: Timestamp,
    /// When the last entry was written.
    pub(super) last_at: Timestamp,
    pub(super) ended: Option<(Timestamp, Ending)>,
    pub(super) phase: Phase,
    /// How it ended and why, in one sentence.
    pub(super) why: String,
    pub(super) steps: BTreeMap<String, Vec<Attempt>>,
    pub(super) said: Vec<Said>,
    pub(super) judged: Vec<(Timestamp, Judgement)>,
    pub(super) turns: Vec<Turn>,
    /// When other processes went on with it.
    pub(super) resumed: Vec<Timestamp>,
    /// The way back, or that it was given up.
    pub(super) back: Option<WayBack>,
    pub(super) clocks: Option<Clocks>,
}

/// Returns the word of a phase.
pub(super) fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Draft => "DRAFT",
        Phase::Gates => "GATES",
        Phase::Go => "GO",
        Phase::Hold => "HOLD",
        Phase::RollingBack => "ROLLING BACK",
        Phase::Kept => "KEPT",
        Phase::RolledBack => "ROLLED BACK",
        Phase::RollbackFailed => "ROLLBACK FAILED",
        Phase::Aborted => "ABORTED",
    }
}

impl Facts {
    pub(super) fn of(material: &Material<'_>) -> Result<Self, ReportError> {
        let first = material.journal.entries.first().ok_or(ReportError::Empty)?;
        let begun_at = time(first, 1)?;
        let mut facts = Facts {
            run: String::new(),
            plan: material.plan.digest()?,
            mode: material.plan.mode,
            t0: None,
            pace: Pace::AS_PLANNED,
            begun_at,
            last_at: begun_at,
            ended: None,
            phase: Phase::Draft,
            why: String::new(),
            steps: BTreeMap::new(),
            said: Vec::new(),
            judged: Vec::new(),
            turns: Vec::new(),
            resumed: Vec::new(),
            back: None,
            clocks: None,
        };
        let mut state = State::new(material.plan)?;
        for (line, entry) in (1..).zip(&material.journal.entries) {
            let at = time(entry, line)?;
            let log = JournalView { tree: &material.journal.tree, size: line - 1 };
            let applied = state.apply(&entry.event, log);
            applied.map_err(|source| ReportError::Refused { line, source })?;
            facts.take(material.plan, entry, at);
            facts.turn(&entry.event, state.phase(), at);
            facts.last_at = at;
        }
        facts.clocks = back::clocks(&facts, material);
        facts.back = back::way_back(&facts, material);
        facts.why = back::why(&facts, material.plan);
        Ok(facts)
    }

    fn take(&mut self, plan: &Plan, entry: &Entry, at: Timestamp) {
        match &entry.event {
            Event::Begun { run, t0, pace, .. } => {
                self.run.clone_from(run);
                (self.t0, self.pace) = (*t0, *pace);
            }
            Event::Resumed { .. } => self.resumed.push(at),
            Event::Intent { step, .. } => {
                self.steps.entry(step.clone()).or_default().push(Attempt {
                    begun_at: at,
                    ended_at: None,
                    verdict: None,
                    text: "It was begun, and has no outcome.".to_owned(),
                    outputs: Vec::new(),
                })
            }
            Event::Outcome { step, verdict, text, .. } => {
                if let Some(attempt) = self.last_of(step) {
                    (attempt.ended_at, attempt.verdict) = (Some(at), Some(*verdict));
                    attempt.text.clone_from(text);
                    attempt.outputs.extend(entry.outputs.iter().cloned());
                }
            }
            Event::ReadBack { step, happened, text, .. } => {
                let found = match happened {
                    Effect::Yes => "it took effect",
                    Effect::No => "it took no effect",
                    Effect::Unclear => "it is not clear whether it took effect",
                };
                if let Some(attempt) = self.last_of(step) {
                    attempt.text = format!("Read back: {found}. {text}");
                    attempt.outputs.extend(entry.outputs.iter().cloned());
                }
            }
            Event::Judged(judgement) => self.judged.push((at, judgement.clone())),
            Event::Ended { how } => self.ended = Some((at, *how)),
            other => self.said.extend(said(plan, other, at)),
        }
    }

    fn last_of(&mut self, step: &str) -> Option<&mut Attempt> {
        self.steps.get_mut(step)?.last_mut()
    }

    fn turn(&mut self, event: &Event, to: Phase, at: Timestamp) {
        if to == self.phase {
            return;
        }
        self.phase = to;
        // Who gives a run up ends it by that.
        if to == Phase::Aborted && self.ended.is_none() {
            self.ended = Some((at, Ending::Aborted));
        }
        let guard = match event {
            Event::Judged(judgement) => Some(judgement.guard.clone()),
            _ => None,
        };
        self.turns.push(Turn { at, to, why: self.cause(event), guard });
    }

    /// Returns what an event says, in one sentence.
    fn cause(&self, event: &Event) -> String {
        match event {
            Event::Begun { .. } => "The run began.".to_owned(),
            Event::Judged(judged) => {
                format!("The guard {} said {}: {}", judged.guard, judged.verdict, judged.sentence)
            }
            Event::Outcome { step, verdict, text, .. } => {
                format!("{step} ended with {verdict}: {text}")
            }
            Event::ReadBack { step, text, .. } => format!("{step} was read back: {text}"),
            Event::Ended { how } => ending(*how).to_owned(),
            Event::Late { step, late_s } => {
                let late = shown::of_ms(late_s.saturating_mul(1000));
                format!("{step} was not begun when it was due, {late} before.")
            }
            Event::Trouble { what, text } => format!("Trouble with the {what}: {text}"),
            _ => match self.said.last() {
                Some(said) => format!(
                    "{} ({}) decided {}: {}",
                    said.people.join(" and "),
                    said.role,
                    said.choice.as_str(),
                    said.reason
                ),
                None => "Another process went on with the run.".to_owned(),
            },
        }
    }

    /// Returns how often a step was carried out, the last time last.
    pub(super) fn attempts(&self, step: &str) -> &[Attempt] {
        self.steps.get(step).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns how a step ended last; a step under way has not ended.
    pub(super) fn verdict(&self, step: &str) -> Option<Verdict> {
        self.attempts(step).last()?.verdict
    }

    /// Returns what people said about a step or a guard.
    pub(super) fn said_of<'f>(&'f self, about: &'f str) -> impl Iterator<Item = &'f Said> {
        self.said.iter().filter(move |said| said.about.as_deref() == Some(about))
    }

    /// Returns whether the last word about something that did not pass is a waiver.
    pub(super) fn is_waived(&self, step: &str) -> bool {
        let ended = self.attempts(step).last().and_then(|attempt| attempt.ended_at);
        let is_no_pass = self.verdict(step).is_some_and(|verdict| !verdict.is_pass());
        let is_waiver = |said: &Said| said.choice == Choice::Waive && Some(said.at) >= ended;
        is_no_pass && self.said_of(step).any(is_waiver)
    }

    /// Returns what a guard said last.
    pub(super) fn last_judgement(&self, guard: &str) -> Option<&Judgement> {
        self.judged.iter().rev().map(|(_, judged)| judged).find(|judged| judged.guard == guard)
    }
}

/// Returns the sentence of an ending.
pub(super) fn ending(how: Ending) -> &'static str {
    match how {
        Ending::Kept => "What was changed is kept.",
        Ending::RolledBack => "All was taken back.",
        Ending::RollbackFailed => "Not all could be taken back; a person is needed.",
        Ending::Aborted => "It was given up before anything was changed.",
    }
}

fn time(entry: &Entry, line: u64) -> Result<Timestamp, ReportError> {
    entry.at.parse().map_err(|_| ReportError::Time { line })
}

/// Returns what somebody said, of the events in which people speak.
fn said(plan: &Plan, event: &Event, at: Timestamp) -> Option<Said> {
    let unsigned = |choice, role: &String, person: &String, reason: &str, about| Said {
        at,
        choice,
        role: role.clone(),
        people: vec![person.clone()],
        reason: reason.to_owned(),
        about,
        keys: Vec::new(),
        over: None,
    };
    match event {
        Event::Approved { role, person, .. } => {
            Some(unsigned(Choice::Approve, role, person, "", None))
        }
        Event::Decided { choice, role, person, reason, about } => {
            Some(unsigned(*choice, role, person, reason, about.clone()))
        }
        Event::Signed { role, envelope } => {
            let (_, predicate) = Statement::read(envelope).ok()?;
            let Predicate::Decision(decision) = predicate else { return None };
            let keys: Vec<_> =
                envelope.signatures().iter().map(|signature| signature.keyid.clone()).collect();
            let people = plan.roles.iter().filter(|it| it.role == *role).flat_map(|it| &it.people);
            let signed = people.filter(|person| {
                person.key.as_ref().is_some_and(|key| keys.contains(&key.key_id()))
            });
            Some(Said {
                at,
                choice: decision.decision,
                role: role.clone(),
                people: signed.map(|person| person.name.clone()).collect(),
                reason: decision.reason,
                about: decision.about,
                keys,
                over: Some((decision.log.size, decision.log.root)),
            })
        }
        _ => None,
    }
}
