//! How a run stands, for people: what is happening, what is next, who is waited for.

use std::collections::BTreeMap;

use evidence::{Choice, Predicate, Statement};
use guard::Verdict;
use jiff::Timestamp;
use runbook::{Kind, Measure, Plan, PlannedStep};
use tokio::time::Instant;

use super::{Conductor, choices::Asked};
use crate::{
    Ending, Event, Live, LiveClocks, LiveGuard, LiveNext, LiveStep, LiveWait, Next, Phase, State,
    Status, TrafficShare, Wait, next::due,
};

/// What is remembered of a run beside its state, for people.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) begun_at: Option<Timestamp>,
    pub(super) steps: BTreeMap<String, StepFacts>,
    /// Who vouched for each step since it was begun, in words.
    pub(super) vouched: BTreeMap<String, Vec<String>>,
    /// Why the run stands still, goes back or has ended.
    pub(super) why: Option<String>,
    /// When the run began to stand still, the last time that it did.
    pub(super) held_at: Option<Timestamp>,
    pub(super) going_back_since: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) traffic: Option<TrafficShare>,
    /// What the last traffic step gave the canary, where nothing that changes something was begun since.
    pub(super) given: Option<Given>,
    pub(super) troubles: Vec<String>,
    pub(super) is_lease_lost: bool,
}

/// What a step gave the canary.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    pub(super) step: String,
    pub(super) percent: f64,
}

impl Given {
    /// Returns what a step gave that passed; nothing for one that gives nothing.
    fn by(step: &PlannedStep) -> Option<Self> {
        let traffic = step.traffic.as_ref().filter(|_| step.kind == Kind::Traffic)?;
        Some(Given { step: step.id.clone(), percent: traffic.weight_percent })
    }
}

/// What is remembered of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct StepFacts {
    begun_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    said: Option<String>,
}

impl Facts {
    /// Takes an entry in.
    pub(super) fn take(&mut self, plan: &Plan, at: Timestamp, event: &Event) {
        match event {
            Event::Begun { .. } => self.begun_at = Some(at),
            Event::Intent { step, .. } => {
                let facts = self.steps.entry(step.clone()).or_default();
                *facts = StepFacts { begun_at: Some(at), ..StepFacts::default() };
                self.vouched.remove(step);
                let planned = plan.all_steps().find(|planned| planned.id == *step);
                if planned.is_some_and(|planned| planned.class.changes()) {
                    self.given = None;
                }
            }
            Event::Outcome { step, text, verdict, .. } => {
                self.ended(at, step, text);
                let planned = plan.all_steps().find(|planned| planned.id == *step);
                let given = planned.filter(|_| verdict.is_pass()).and_then(Given::by);
                self.given = given.or(self.given.take());
            }
            Event::Trouble { what, .. } if what == "traffic" => self.given = None,
            Event::ReadBack { step, text, .. } => self.ended(at, step, text),
            Event::Decided { choice: Choice::Attest, role, person, reason, about } => {
                self.vouch(about.as_ref(), format!("{person} as {role}: {reason}"));
            }
            Event::Signed { role, envelope } => {
                if let Ok((_, Predicate::Decision(decision))) = Statement::read(envelope)
                    && decision.decision == Choice::Attest
                {
                    let people = signers(plan, role, envelope);
                    let said = format!("{people} as {role}: {}", decision.reason);
                    self.vouch(decision.about.as_ref(), said);
                }
            }
            Event::Ended { .. } => self.ended_at = Some(at),
            _ => {}
        }
    }

    fn ended(&mut self, at: Timestamp, step: &str, text: &str) {
        let facts = self.steps.entry(step.to_owned()).or_default();
        (facts.ended_at, facts.said) = (Some(at), Some(text.to_owned()));
    }

    /// Takes in that an event brought the run into another phase.
    pub(super) fn turn(&mut self, at: Timestamp, event: &Event, phase: Phase) {
        if let Some(why) = why(event) {
            self.why = Some(why);
        }
        if phase == Phase::Hold {
            self.held_at = Some(at);
        }
        if phase == Phase::RollingBack {
            self.going_back_since.get_or_insert(at);
        }
    }

    fn vouch(&mut self, about: Option<&String>, said: String) {
        if let Some(step) = about {
            self.vouched.entry(step.clone()).or_default().push(said);
        }
    }
}

/// Returns the names of those who signed, by the plan.
fn signers(plan: &Plan, role: &str, envelope: &evidence::Envelope) -> String {
    let people = plan.roles.iter().filter(|other| other.role == role).flat_map(|role| &role.people);
    let has_signed = |key: &evidence::Verifier| {
        let Ok(payload) = envelope.payload() else { return false };
        envelope.signers(&payload, &std::iter::once(key)).iter().any(Result::is_ok)
    };
    let names = people.filter(|person| person.key.as_ref().is_some_and(has_signed));
    names.map(|person| person.name.clone()).collect::<Vec<_>>().join(" and ")
}

/// Returns why an event turned the run, in one sentence.
fn why(event: &Event) -> Option<String> {
    match event {
        Event::Outcome { step, verdict, text, .. } => {
            Some(format!("{step} is {}: {text}", verdict_word(*verdict)))
        }
        Event::ReadBack { step, text, .. } => Some(format!("{step}: {text}")),
        Event::Late { step, late_s } => {
            Some(format!("{step} was due {late_s} seconds before it could begin."))
        }
        Event::Trouble { text, .. } => Some(text.clone()),
        Event::Judged(judged) => {
            let verdict = verdict_word(judged.verdict);
            Some(format!("The guard {} is {verdict}: {}", judged.guard, judged.sentence))
        }
        Event::Decided { choice, role, person, reason, .. } => {
            Some(format!("{person} as {role} decided {}: {reason}", choice.as_str()))
        }
        Event::Signed { role, envelope } => match Statement::read(envelope) {
            Ok((_, Predicate::Decision(decision))) => {
                let choice = decision.decision.as_str();
                Some(format!("Signed as {role}: {choice}, {}", decision.reason))
            }
            _ => None,
        },
        // What stopped it on its way does not stand for how it ended.
        Event::Ended { how: Ending::Kept } => Some("Every step is over.".to_owned()),
        _ => None,
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Insufficient => "INSUFFICIENT",
        Verdict::Error => "ERROR",
    }
}

/// Returns what a phase is, in words.
pub(super) const fn phase_sentence(phase: Phase) -> &'static str {
    match phase {
        Phase::Draft => "Nothing has begun",
        Phase::Gates => "Gates are looked at",
        Phase::Go => "The run goes on",
        Phase::Hold => "The run stands still until people decide",
        Phase::RollingBack => "The run goes back",
        Phase::Kept => "The run has ended, and what was changed is kept",
        Phase::RolledBack => "The run has ended, and all was taken back",
        Phase::RollbackFailed => "The way back is stuck, and a person is needed",
        Phase::Aborted => "The run was given up before anything was changed",
    }
}

/// Returns the first line of a step's text.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Says what people are waited for.
pub(super) fn wait_sentence(plan: &Plan, state: &State, wait: &Wait<'_>) -> String {
    match wait {
        Wait::Approval => {
            "Somebody who does not carry the run out approves of the plan.".to_owned()
        }
        Wait::Go => "People say that the run goes on.".to_owned(),
        Wait::Hold => hold_sentence(plan, state),
        Wait::Word { step, .. } => {
            format!(
                "{} needs the word of {}: {}",
                step.id,
                step.owners.join(" and "),
                first_line(&step.text)
            )
        }
        Wait::End { step } => {
            let text = first_line(&step.text);
            format!("{} has to hold and did not pass: look again, or go back. {text}", step.id)
        }
        Wait::Time { step, at } => format!("{} is due at {at:.0}.", step.id),
        Wait::Guards(guards) => {
            let count = plan.guards.len();
            format!("Of {count} guards these have not passed: {}.", guards.join(", "))
        }
    }
}

fn hold_sentence(plan: &Plan, state: &State) -> String {
    let unknown: Vec<_> = state.unknown().collect();
    let is_undone = |id: &str| matches!(state.status(id), Some(Status::NoEffect(_)));
    let undone = plan.all_steps().map(|step| step.id.as_str()).filter(|id| is_undone(id));
    let undone: Vec<_> = undone.collect();
    let mut text =
        "The run stands still: people go on, waive what did not pass, or go back.".to_owned();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        text += &format!(" Nobody knows whether {unknown} was done: look, and say it first.");
    }
    if !undone.is_empty() {
        let undone = undone.join(", ");
        text += &format!(" {undone} was not done, and is carried out once people say GO.");
    }
    text
}

/// Returns the roles that are waited for.
pub(super) fn wait_roles(plan: &Plan, state: &State, wait: &Wait<'_>) -> Vec<String> {
    match wait {
        Wait::Word { step, .. } => {
            state.unvouched(&step.id).into_iter().map(ToOwned::to_owned).collect()
        }
        Wait::Go | Wait::Hold => deciders(plan),
        Wait::End { step } => step.owners.clone(),
        Wait::Approval => plan.roles.iter().map(|role| role.role.clone()).collect(),
        Wait::Time { .. } | Wait::Guards(_) => Vec::new(),
    }
}

/// Returns the roles that own a decision of the plan, or all where none does.
pub(super) fn deciders(plan: &Plan) -> Vec<String> {
    let steps = plan.gates.iter().chain(&plan.steps);
    let decisions = steps.filter(|step| step.carried_out && step.kind == Kind::Decision);
    let mut roles: Vec<String> = decisions.flat_map(|step| step.owners.iter().cloned()).collect();
    roles.sort();
    roles.dedup();
    if roles.is_empty() { plan.roles.iter().map(|role| role.role.clone()).collect() } else { roles }
}

impl Conductor {
    /// Writes down how the run stands.
    pub(super) fn show(&mut self) {
        let now = self.clock.now();
        let live = self.live(now);
        let is_new =
            self.facts_shown != Some((live.phase, live.now.clone(), self.journal.tip().entries));
        let age = self.shown_at.map_or(f64::MAX, |at| at.elapsed().as_secs_f64());
        if !is_new && age < 1.0 {
            return;
        }
        (self.shown_at, self.facts_shown) = (
            Some(Instant::now()),
            Some((live.phase, live.now.clone(), self.journal.tip().entries)),
        );
        if let Err(error) = self.folder.show(&live) {
            tracing::warn!(%error, "the run's status could not be written");
        }
        let _nobody_looks = self.looking.send(Some(live));
    }

    fn live(&self, now: Timestamp) -> Live {
        let (plan, state) = (&self.plan, self.journal.state());
        let due_next = self.due(plan);
        let run = state.run().unwrap_or_default().to_owned();
        Live {
            run,
            runbook: plan.runbook.clone(),
            mode: plan.mode.as_str().to_owned(),
            pid: std::process::id(),
            at: now,
            begun_at: self.facts.begun_at.unwrap_or(now),
            t0: self.settings.t0,
            pace: self.settings.pace,
            phase: state.phase(),
            entries: self.journal.tip().entries,
            has_changed: state.has_changed(),
            why: self.facts.why.clone().filter(|_| state.phase() != Phase::Go),
            now: self.now_sentence(&due_next),
            steps: self.live_steps(),
            next: self.live_next(&due_next),
            waiting: self.live_waiting(&due_next),
            guards: self.live_guards(),
            traffic: self.facts.traffic,
            clocks: self.live_clocks(now),
            troubles: self.facts.troubles.clone(),
        }
    }

    fn now_sentence(&self, due_next: &Next<'_>) -> String {
        if let Some(doing) = self.doing() {
            return doing;
        }
        match due_next {
            Next::Await(wait) => wait_sentence(&self.plan, self.state(), wait),
            Next::Over => format!("{}.", phase_sentence(self.state().phase())),
            _ => "Going on.".to_owned(),
        }
    }

    fn live_steps(&self) -> Vec<LiveStep> {
        let plan = &self.plan;
        let ways = &plan.rollback;
        let places: [(&str, &[PlannedStep]); 7] = [
            ("gate", &plan.gates),
            ("step", &plan.steps),
            ("back", &ways.primary),
            ("fallback", &ways.fallback),
            ("after", &ways.after),
            ("trigger", &plan.triggers),
            ("closing", &plan.closing),
        ];
        let all =
            places.iter().flat_map(|(place, steps)| steps.iter().map(move |step| (place, step)));
        let carried_out = all.filter(|(_, step)| step.carried_out);
        carried_out.map(|(place, step)| self.live_step(place, step)).collect()
    }

    fn live_step(&self, place: &str, step: &PlannedStep) -> LiveStep {
        let facts = self.facts.steps.get(&step.id).cloned().unwrap_or_default();
        let (status, verdict) = match self.state().status(&step.id) {
            _ if self.state().is_waived(&step.id) => (Some("waived"), None),
            None => (None, None),
            Some(Status::Open(_)) => (Some("open"), None),
            Some(Status::Unknown(_)) => (Some("unknown"), None),
            Some(Status::TookEffect(_)) => (Some("took-effect"), None),
            Some(Status::NoEffect(_)) => (Some("no-effect"), None),
            Some(Status::Done(_, verdict)) => (Some("done"), Some(verdict)),
        };
        LiveStep {
            id: step.id.clone(),
            kind: step.kind.to_string(),
            place: place.to_owned(),
            text: first_line(&step.text).to_owned(),
            owners: step.owners.clone(),
            due: due(step, &self.times()),
            status: status.map(ToOwned::to_owned),
            verdict,
            said: facts.said,
            begun_at: facts.begun_at,
            ended_at: facts.ended_at,
        }
    }

    fn live_next(&self, due_next: &Next<'_>) -> Option<LiveNext> {
        let (step, at) = match due_next {
            Next::Await(Wait::Time { step, at }) => (*step, Some(*at)),
            Next::Begin { step, .. } if self.under_way.is_none() => (*step, None),
            _ if self.state().phase() == Phase::Go => {
                let is_open = |step: &&PlannedStep| {
                    step.carried_out && self.state().status(&step.id).is_none()
                };
                let step = self.plan.steps.iter().find(is_open)?;
                (step, due(step, &self.times()))
            }
            _ => return None,
        };
        Some(LiveNext { step: step.id.clone(), text: first_line(&step.text).to_owned(), at })
    }

    fn live_waiting(&self, due_next: &Next<'_>) -> Vec<LiveWait> {
        if let Some(step) = self.waits_for_people() {
            return vec![self.live_wait(&Wait::Word { step, attempt: 1 })];
        }
        match due_next {
            Next::Await(Wait::Time { .. } | Wait::Guards(_)) => Vec::new(),
            Next::Await(wait) => vec![self.live_wait(wait)],
            _ => Vec::new(),
        }
    }

    fn live_wait(&self, wait: &Wait<'_>) -> LiveWait {
        let folder = self.folder.path().display();
        let (choice, about, arguments) = match wait {
            Wait::Approval => ("APPROVE", None, String::new()),
            Wait::Go => ("GO", None, "--go ".to_owned()),
            Wait::Word { step, .. } => {
                ("ATTEST", Some(step.id.clone()), format!("--step {} ", step.id))
            }
            Wait::End { step } => {
                ("AGAIN or ROLLBACK", Some(step.id.clone()), format!("--again {} ", step.id))
            }
            _ => ("GO, WAIVE or ROLLBACK", None, "--go ".to_owned()),
        };
        let roles = wait_roles(&self.plan, self.state(), wait);
        let who = roles.iter().map(|role| {
            let people = self.plan.roles.iter().filter(|known| known.role == *role);
            let names = people.flat_map(|role| &role.people).map(|person| person.name.as_str());
            format!("{role} ({})", names.collect::<Vec<_>>().join(", "))
        });
        let role = roles.first().map_or("ROLE", String::as_str);
        let asked = Asked {
            plan: &self.plan,
            state: self.state(),
            folder: folder.to_string(),
            decider: deciders(&self.plan).into_iter().next().unwrap_or_else(|| role.to_owned()),
        };
        LiveWait {
            choice: choice.to_owned(),
            about,
            who: who.collect(),
            roles: roles.clone(),
            text: wait_sentence(&self.plan, self.state(), wait),
            command: format!(
                "tidegate runbook approve {folder} {arguments}--role {role} --key FILE --reason TEXT"
            ),
            others: asked.others(wait),
        }
    }

    fn live_guards(&self) -> Vec<LiveGuard> {
        let guards = self.plan.guards.iter().map(|guard| {
            let (id, said) = (guard.spec.id.clone(), self.watches.said(&guard.spec.id));
            LiveGuard {
                is_armed: self.watches.is_armed(&id),
                verdict: said.map(|said| said.verdict),
                value: said.and_then(|said| said.value),
                baseline: said.and_then(|said| said.baseline),
                bound: said.and_then(|said| said.bound),
                margin: guard.spec.ratio.filter(|_| guard.spec.measure == Measure::Latency),
                unit: said.map(|said| said.unit.clone()).unwrap_or_default(),
                n: said.map_or(0.0, |said| said.n),
                sentence: said.map(|said| said.sentence.clone()).unwrap_or_default(),
                id,
            }
        });
        guards.collect()
    }

    fn live_clocks(&self, now: Timestamp) -> Option<LiveClocks> {
        let is_back = matches!(
            self.state().phase(),
            Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed
        );
        let since = self.facts.going_back_since.filter(|_| is_back)?;
        let ms = |at: Timestamp| u64::try_from(at.duration_since(since).as_millis()).unwrap_or(0);
        let clocks = self.world.clocks();
        Some(LiveClocks {
            since_ms: ms(self.facts.ended_at.unwrap_or(now)),
            new_traffic_ms: clocks.new_traffic_at.map(ms),
            residual_ms: clocks.residual_at.map(ms),
            promised_ms: self.plan.rto_promised_s.map(|seconds| seconds * 1000),
        })
    }
}
