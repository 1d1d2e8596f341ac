//! The loop that carries a run out: one owner of the journal, inputs in the order in which they come.
//!
//! It makes no choices: `next` says what is due, the world does it, and nothing is done before its
//! intent is on disk. Where the journal can't be written nothing more is begun, and the lease runs out.

mod around;
mod choices;
mod clock;
mod guards;
mod people;
mod read_back;
mod room;
mod secrets;
mod settings;
mod show;
mod start;
mod traffic;
mod under_way;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use evidence::{Home, Output, Redactor};
use futures_util::{StreamExt, stream::FuturesUnordered};
use guard::{At, Verdict};
use jiff::{SignedDuration, Timestamp};
use runbook::{Kind, Mode, Plan, PlannedStep};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use self::{
    clock::Clock,
    guards::Watches,
    show::{Facts, Given},
    under_way::UnderWay,
};
pub use self::{
    clock::WallClock,
    settings::{DriveError, DriveSettings, OnEntry},
    start::ActsOn,
};
use crate::{
    Artefact, Done, Ending, Event, Found, Inbox, Journal, LeaseError, Live, Next, NoSight, Notice,
    Pending, Phase, RunFolder, Sample, Sighting, State, Times, TrafficShare, Wait, Work, World,
    next, next::is_word,
};

/// From look to look at what people say, at timers and at how the run stands.
const TICK: Duration = Duration::from_millis(100);

/// How many notices may be under way; more are left out, and seen in the run's status alone.
const NOTICES_MAX: usize = 16;

/// How long telling people may take.
const NOTICE_MAX: Duration = Duration::from_secs(30);

/// How many troubles are shown.
const TROUBLES_MAX: usize = 8;

/// Something that happened, in the order in which it came.
enum Input {
    Done(Done),
    Found(Found),
    Looked(String, At, Result<Sighting, NoSight>),
    Kept(Result<(), LeaseError>),
    /// What a look at the traffic gave, when that began, and what the canary was given then.
    Shared(Instant, Option<Given>, Result<Option<TrafficShare>, NoSight>),
    Told(Result<(), String>),
    Tick,
    Stop,
}

/// A run that is carried out.
pub struct Conductor {
    plan: Plan,
    folder: RunFolder,
    inbox: Inbox,
    journal: Journal,
    redactor: Redactor,
    world: Arc<dyn World>,
    settings: DriveSettings,
    clock: Clock,
    under_way: Option<UnderWay>,
    asked: FuturesUnordered<Pending<'static, Input>>,
    watches: Watches,
    facts: Facts,
    /// What steps left behind that others compare with.
    kept: Arc<BTreeMap<String, Vec<Artefact>>>,
    /// What was ended that a process before left running; told where a step is read back.
    left_over: Vec<String>,
    unclear: BTreeSet<String>,
    /// Steps of the kind `external` that the world carries out.
    acted: BTreeSet<String>,
    /// Steps that people want carried out again.
    again: BTreeSet<String>,
    /// When the lease was renewed last, and whether that is under way.
    leased_at: Option<Instant>,
    /// Whether it is renewed before its time.
    is_lease_due: bool,
    is_leasing: bool,
    is_sharing: bool,
    shared_at: Option<Instant>,
    /// When the last look at the traffic began that gave something, and since when that is waited for.
    seen_at: Option<Instant>,
    blind_since: Option<Instant>,
    /// Since when guards are waited for at the end, and whether people were told.
    silent_since: Option<(Instant, bool)>,
    samples: Vec<Sample>,
    notices: usize,
    /// What people were told last that they are waited for.
    waited: Option<String>,
    /// When this process sent the run back, if it did.
    sent_back_at: Option<Instant>,
    /// When this process sent the run back first, by the clock that nobody sets.
    going_back_since: Option<Instant>,
    /// The step whose owners are asked what became of it, with since when.
    asked_of: Option<(String, u32, Instant)>,
    /// When the run's status was written last, and what it said.
    shown_at: Option<Instant>,
    facts_shown: Option<(Phase, String, u64)>,
    looking: watch::Sender<Option<Live>>,
}

impl Conductor {
    /// Returns how the run stands, for whoever looks in this process.
    pub fn looking(&self) -> watch::Receiver<Option<Live>> {
        self.looking.subscribe()
    }

    /// Returns the journal's state.
    pub fn state(&self) -> &State {
        self.journal.state()
    }

    /// Carries the run out to its end, and returns how it ended. It ends early where it is told to stop,
    /// and where the journal can't be written.
    ///
    /// # Errors
    /// Fails where nothing more can be done; the run stays as it is, its lease runs out, and another
    /// process can go on with it.
    ///
    /// # Cancel safety
    /// Dropping it is like killing the process: what was begun and has no outcome is unknown.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<Phase, DriveError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while self.proceed()? {}
            self.show();
            if self.state().phase().is_over() {
                self.conclude().await;
                return Ok(self.state().phase());
            }
            let asked = &mut self.asked;
            let under_way = &mut self.under_way;
            let input = tokio::select! {
                biased;
                () = told_to(&mut stop) => Input::Stop,
                Some(input) = asked.next(), if !asked.is_empty() => input,
                input = UnderWay::input(under_way) => input,
                _ = ticks.tick() => Input::Tick,
            };
            self.take(input)?;
        }
    }

    fn take(&mut self, input: Input) -> Result<(), DriveError> {
        match self.without_secrets(input) {
            Input::Stop => return Err(DriveError::Stopped),
            Input::Done(done) => self.part_done(done)?,
            Input::Found(found) => self.found(found)?,
            Input::Looked(guard, at, seen) => self.looked(&guard, at, seen)?,
            Input::Kept(kept) => self.leased(kept)?,
            Input::Shared(begun, given, shared) => self.shared(begun, given, shared)?,
            Input::Told(told) => {
                self.notices = self.notices.saturating_sub(1);
                if let Err(why) = told {
                    self.trouble(&format!("people could not be told: {why}"));
                }
            }
            Input::Tick => {
                self.compare_clocks()?;
                self.listen()?;
                self.look_around();
                self.wait_on()?;
            }
        }
        Ok(())
    }

    /// Does what is due; returns whether something else may be due then.
    fn proceed(&mut self) -> Result<bool, DriveError> {
        if self.under_way.is_some() {
            return self.give_up_what_goes_back();
        }
        let plan = self.plan.clone();
        let times = self.times();
        if let Some(step) = self.wanted_again(&plan) {
            return self.begin(step);
        }
        match next(&plan, self.journal.state(), &times) {
            Next::Over => return Ok(false),
            Next::End(how) => self.end(how)?,
            Next::Late { step, late } => {
                let late_s = late.as_secs();
                self.append(Event::Late { step: step.id.clone(), late_s }, Vec::new())?;
            }
            Next::Begin { step, .. } if !self.may_change(step)? => return Ok(false),
            Next::Begin { step, attempt } => return self.begin((step, attempt)),
            Next::ReadBack { step, attempt } => self.read_back(step, attempt)?,
            Next::Conclude { step, attempt } => self.conclude_step(step, attempt)?,
            Next::Await(wait) => {
                if let Wait::Word { step, attempt } = wait
                    && self.has_asked_long_enough(step, attempt)
                {
                    return self.nobody_said(step, attempt).map(|()| true);
                }
                self.wait_for(&wait);
                if let Wait::Guards(guards) = wait {
                    return self.wait_for_guards(&guards);
                }
                self.silent_since = None;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn times(&self) -> Times {
        Times {
            now: self.clock.now(),
            t0: self.settings.t0,
            pace: self.settings.pace,
            grace: self.settings.grace,
            unclear: self.unclear.clone(),
            acted: self.acted.clone(),
        }
    }

    /// Returns a gate or a step that people want carried out again, where that has a place now.
    fn wanted_again<'p>(&mut self, plan: &'p Plan) -> Option<(&'p PlannedStep, u32)> {
        let wanted = self.again.pop_first()?;
        let mut steps = plan.gates.iter().chain(&plan.steps).chain(&plan.closing);
        let step = steps.find(|step| step.id == wanted)?;
        let attempt = match self.state().status(&wanted)? {
            crate::Status::Done(attempt, _) | crate::Status::NoEffect(attempt) => attempt + 1,
            _ => return None,
        };
        let intent = Event::Intent { step: wanted, attempt };
        self.journal.may_follow(&intent).is_ok().then_some((step, attempt))
    }

    fn end(&mut self, how: Ending) -> Result<(), DriveError> {
        self.flush_samples();
        let mut outputs = Vec::new();
        let samples = self.folder.samples()?;
        if !samples.is_empty() {
            match self.folder.keep(&samples) {
                Ok(_) => outputs.push(Output::new("samples.jsonl", &samples, Home::Outputs)),
                // A run that went back has ended all the same.
                Err(error) if how != Ending::Kept => self.not_kept(&error),
                Err(error) => return Err(error.into()),
            }
        }
        self.append(Event::Ended { how }, outputs)
    }

    /// Tells people of the end, and lets the lease go.
    async fn conclude(&mut self) {
        // A renewal that is still under way ends before the lease is let go.
        let rest = async {
            while let Some(input) = self.asked.next().await {
                if let Input::Told(Err(why)) = input {
                    tracing::warn!(why, "people could not be told of the end");
                }
            }
        };
        let _in_time = tokio::time::timeout(self.settings.lease, rest).await;
        let run = self.journal.state().run().unwrap_or_default();
        let kept = self.world.keep(run, self.clock.now());
        match tokio::time::timeout(self.settings.lease, kept).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.trouble(&format!("the lease could not be given back: {error}")),
            Err(_) => self.trouble("the lease could not be given back in time"),
        }
        self.show();
    }

    /// Writes an entry, and takes in what follows from it for people.
    fn append(&mut self, event: Event, outputs: Vec<Output>) -> Result<(), DriveError> {
        let (at, before) = (self.clock.now(), self.state().phase());
        // As it was written, without secrets.
        let written = self.journal.append(at, event, outputs)?;
        if let Some(OnEntry(called)) = &self.settings.on_entry {
            called(self.journal.tip().entries);
        }
        self.facts.take(&self.plan, at, &written);
        let after = self.state().phase();
        if after != before {
            self.facts.turn(at, &written, after);
            self.turned(after);
        }
        Ok(())
    }

    /// Tells people that the run is in another phase.
    fn turned(&mut self, phase: Phase) {
        // What could not be told is asked about once more, and taken back as if it had been done.
        if matches!(phase, Phase::Go | Phase::RollingBack) {
            self.unclear.clear();
        }
        if phase == Phase::RollingBack {
            let (now, at) = (Instant::now(), self.facts.going_back_since);
            self.sent_back_at = Some(now);
            // Writing that down took a while.
            let written_in = at.map(|at| self.clock.now().duration_since(at));
            let written_in = written_in.and_then(|it| Duration::try_from(it).ok());
            self.going_back_since.get_or_insert(now - written_in.unwrap_or_default());
            self.again.clear();
        }
        let why = self.facts.why.as_deref().unwrap_or_default();
        let text = format!("{}. {why}", show::phase_sentence(phase));
        match phase {
            Phase::Hold => self.tell("hold", &text, Vec::new()),
            Phase::RollingBack => self.tell("rollback", &text, Vec::new()),
            phase if phase.is_over() => self.tell("ended", &text, Vec::new()),
            _ => {}
        }
    }

    fn tell(&mut self, kind: &'static str, text: &str, roles: Vec<String>) {
        if self.notices >= NOTICES_MAX {
            return;
        }
        self.notices += 1;
        let run = self.journal.state().run().unwrap_or_default().to_owned();
        let notice = Notice { run, kind, text: self.clean(text.trim()), roles };
        let world = Arc::clone(&self.world);
        self.asked.push(Box::pin(async move {
            let told = tokio::time::timeout(NOTICE_MAX, world.tell(&notice)).await;
            let seconds = NOTICE_MAX.as_secs();
            Input::Told(told.unwrap_or_else(|_| Err(format!("no answer within {seconds} s"))))
        }));
    }

    fn trouble(&mut self, text: &str) {
        let text = self.clean(text);
        if self.facts.troubles.contains(&text) {
            return;
        }
        tracing::warn!(text, "trouble");
        self.facts.troubles.push(text);
        let surplus = self.facts.troubles.len().saturating_sub(TROUBLES_MAX);
        self.facts.troubles.drain(..surplus);
    }

    /// Keeps what a step left behind, without secrets, and returns it as an entry names it.
    fn keep(&self, artefacts: &[Artefact]) -> Result<(Vec<Output>, Vec<Artefact>), DriveError> {
        let (mut outputs, mut kept) = (Vec::new(), Vec::new());
        for artefact in artefacts {
            let bytes = self.redactor.redact(&artefact.bytes);
            self.folder.keep(&bytes)?;
            outputs.push(Output::new(&artefact.name, &bytes, Home::Outputs));
            kept.push(Artefact { name: artefact.name.clone(), bytes });
        }
        Ok((outputs, kept))
    }

    fn wait_for(&mut self, wait: &Wait<'_>) {
        let text = match wait {
            Wait::Time { .. } | Wait::Guards(_) => None,
            wait => Some(show::wait_sentence(&self.plan, self.state(), wait)),
        };
        if self.waited != text {
            self.waited.clone_from(&text);
            if let Some(text) = text {
                let roles = show::wait_roles(&self.plan, self.journal.state(), wait);
                self.tell("waiting", &text, roles);
            }
        }
    }

    /// Returns whether people carry a step out, or say something in it.
    fn is_word(&self, step: &PlannedStep) -> bool {
        is_word(step) && !self.acted.contains(&step.id)
    }

    /// Returns whether people vouch for a step before it passes: in production also for what the world
    /// carried out in the place of a person.
    fn needs_word(&self, step: &PlannedStep) -> bool {
        let is_signed = self.plan.mode == Mode::Production || step.certificate.is_some();
        self.is_word(step) || is_word(step) && is_signed
    }

    fn work(&self, step: &PlannedStep, attempt: u32) -> Work {
        Work {
            run: self.state().run().unwrap_or_default().to_owned(),
            step: step.clone(),
            attempt,
            within: Duration::from_secs(step.within_s),
            pace: self.settings.pace,
            kept: Arc::clone(&self.kept),
            going_back_since: self.going_back_since(),
        }
    }

    /// Returns when the run began to go back: as long ago as it really is, where that was in the time of
    /// this process, however the clock on the wall was set since.
    fn going_back_since(&self) -> Option<Timestamp> {
        let Some(since) = self.going_back_since else { return self.facts.going_back_since };
        let passed = SignedDuration::try_from(since.elapsed()).ok()?;
        self.clock.now().checked_sub(passed).ok()
    }
}

/// Returns whether a plan compares with what a step leaves behind.
fn is_compared(plan: &Plan, step: &str) -> bool {
    let mut compared = plan.all_steps().flat_map(|step| &step.compares);
    compared.any(|compared| compared == step)
}

/// Returns the steps of people that a world carries out itself, or looks at beside their word.
fn acted(plan: &Plan, world: &dyn World) -> BTreeSet<String> {
    let asked = plan.all_steps().filter(|it| it.kind == Kind::External || it.certificate.is_some());
    asked.filter(|step| world.acts(step)).map(|step| step.id.clone()).collect()
}

/// Waits until it is told to stop; for ever, where nobody can tell it any more.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    let is_told = stop.wait_for(|stop| *stop).await.is_ok();
    if !is_told {
        std::future::pending::<()>().await;
    }
}

/// Returns the worse of two verdicts: ERROR, FAIL, INSUFFICIENT, PASS.
fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Insufficient => 1,
        Verdict::Fail => 2,
        Verdict::Error => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}
