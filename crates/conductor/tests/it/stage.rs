//! A world that does what a test tells it, in this process, and the people of a run who say what they
//! are asked for through its folder.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use conductor::{
    Answer, Artefact, Conductor, Done, DriveError, DriveSettings, Effect, Event, Found, Inbox,
    JournalRead, LeaseError, Live, LiveWait, NoSight, Notice, Pace, Pending, Phase, Request,
    RunFolder, RunInfo, Sighting, TrafficShare, Work, World,
};
use evidence::{Choice, Redactor};
use guard::{At, Counts, Look, Verdict};
use jiff::Timestamp;
use runbook::{Measure, Mode, Options, Plan, PlannedGuard, PlannedStep, plan};
use tokio::{sync::watch, task::JoinSet};

/// How long anything may take before a test has failed; far more than it does take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the world is told.
#[derive(Default)]
pub(crate) struct Script {
    /// How a step ends the next times; after that it passes.
    pub(crate) verdicts: BTreeMap<String, VecDeque<Verdict>>,
    /// Steps that never end by themselves.
    pub(crate) hanging: BTreeSet<String>,
    /// Steps of the kind `external` that it carries out.
    pub(crate) acts: BTreeSet<String>,
    /// What it says of a step, instead of that it was done.
    pub(crate) says: BTreeMap<String, String>,
    /// What a step leaves behind.
    pub(crate) leaves: BTreeMap<String, Vec<u8>>,
    /// What is read back of a step; by default that it has not happened.
    pub(crate) found: BTreeMap<String, Effect>,
    /// What is seen for a guard; by default that all is well.
    pub(crate) sights: BTreeMap<String, Result<Sighting, NoSight>>,
    /// What is said about the lease.
    pub(crate) lease: Option<LeaseError>,
    /// What is said about the traffic.
    pub(crate) traffic: Option<NoSight>,
    /// What the router says that the canary was given.
    pub(crate) given_percent: Option<f64>,
    /// Whether telling people never ends.
    pub(crate) is_mute: bool,
    /// Why people can't be told.
    pub(crate) unheard: Option<String>,
    /// What was carried out, in its order.
    pub(crate) done: Vec<String>,
    /// Since when the run goes back, as each of those was told.
    pub(crate) going_back_since: Vec<(String, Option<Timestamp>)>,
    /// What was dropped before it ended.
    pub(crate) dropped: Vec<String>,
    /// What people were told: of which kind, and what.
    pub(crate) told: Vec<String>,
    pub(crate) notices: Vec<String>,
}

/// The world.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Mutex<Script>>);

/// Says when it is dropped before its time.
struct Dropped<'s>(&'s Stage, &'s str);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.script().dropped.push(self.1.to_owned());
    }
}

impl Stage {
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    pub(crate) fn has_done(&self, step: &str) -> bool {
        self.script().done.iter().any(|done| done == step)
    }

    pub(crate) fn sees(&self, guard: &str, seen: Result<Sighting, NoSight>) {
        self.script().sights.insert(guard.to_owned(), seen);
    }

    pub(crate) fn ends(&self, step: &str, verdicts: &[Verdict]) {
        let verdicts = verdicts.iter().copied().collect();
        self.script().verdicts.insert(step.to_owned(), verdicts);
    }
}

impl World for Stage {
    fn carry_out<'a>(&'a self, work: &'a Work) -> Pending<'a, Done> {
        Box::pin(async move {
            let id = &work.step.id;
            self.script().done.push(id.clone());
            self.script().going_back_since.push((id.clone(), work.going_back_since));
            if self.script().hanging.contains(id) {
                let _dropped = Dropped(self, id);
                std::future::pending::<()>().await;
            }
            let next = self.script().verdicts.get_mut(id).and_then(VecDeque::pop_front);
            let verdict = next.unwrap_or(Verdict::Pass);
            let text = self.script().says.get(id).cloned();
            let text = text.unwrap_or_else(|| format!("{id} was done."));
            let bytes = self.script().leaves.get(id).cloned();
            let left = bytes.map(|bytes| Artefact { name: format!("{id}.txt"), bytes });
            Done { verdict, text, artefacts: left.into_iter().collect() }
        })
    }

    fn acts(&self, step: &PlannedStep) -> bool {
        step.certificate.is_some() || self.script().acts.contains(&step.id)
    }

    fn read_back<'a>(&'a self, work: &'a Work) -> Pending<'a, Found> {
        let effect = self.script().found.get(&work.step.id).copied().unwrap_or(Effect::No);
        let found = Found { effect, text: "It was looked for.".into() };
        Box::pin(std::future::ready(found))
    }

    fn look<'a>(
        &'a self,
        guard: &'a PlannedGuard,
        _: At,
    ) -> Pending<'a, Result<Sighting, NoSight>> {
        let told = self.script().sights.get(&guard.spec.id).cloned();
        Box::pin(std::future::ready(told.unwrap_or_else(|| Ok(good(guard.spec.measure)))))
    }

    fn keep<'a>(&'a self, _: &'a str, _: Timestamp) -> Pending<'a, Result<(), LeaseError>> {
        Box::pin(std::future::ready(self.script().lease.clone().map_or(Ok(()), Err)))
    }

    fn traffic(&self) -> Pending<'_, Result<Option<TrafficShare>, NoSight>> {
        let given_percent = self.script().given_percent;
        let share = given_percent.map(|_| TrafficShare { given_percent, ..Default::default() });
        let seen = self.script().traffic.clone().map_or(Ok(share), Err);
        Box::pin(std::future::ready(seen))
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Pending<'a, Result<(), String>> {
        Box::pin(async move {
            self.script().told.push(notice.kind.to_owned());
            self.script().notices.push(notice.text.clone());
            let unheard = self.script().unheard.clone();
            if let Some(why) = unheard {
                return Err(why);
            }
            if self.script().is_mute {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
}

/// What is seen where all is well.
fn good(measure: Measure) -> Sighting {
    match measure {
        Measure::Errors => arms(100_000.0, 100.0, 100.0),
        Measure::Disconnects => arms(10_000_000.0, 100.0, 100.0),
        Measure::Latency => Sighting::Pairs { unit: "ms", pairs: vec![(10.0, 10.0); 100] },
        Measure::Zero => Sighting::Bad { checked: 10.0, found: 0.0 },
        Measure::Down => Sighting::Up(true),
        Measure::Restarts => Sighting::Restarts(0),
    }
}

pub(crate) fn arms(exposed: f64, canary: f64, stable: f64) -> Sighting {
    let counts = |errors| Counts::of_requests(exposed, errors).unwrap();
    Sighting::Arms(Look { canary: counts(canary), stable: counts(stable) })
}

/// A folder with a run, and what it acts on.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) plan: Plan,
    pub(crate) folder: RunFolder,
    pub(crate) settings: DriveSettings,
    pub(crate) redactor: Redactor,
    document: String,
    home: tempfile::TempDir,
}

/// A run that goes on, and how it stands.
pub(crate) struct Running {
    pub(crate) looking: watch::Receiver<Option<Live>>,
    pub(crate) stop: watch::Sender<bool>,
    task: JoinSet<Result<Phase, DriveError>>,
}

impl Play {
    pub(crate) fn new(document: &str, mode: Mode) -> Self {
        let planned = plan(document, &Options { mode: Some(mode), environment: None });
        let plan = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems));
        let home = tempfile::tempdir().unwrap();
        let settings = DriveSettings {
            t0: None,
            pace: Pace::AS_PLANNED,
            grace: Duration::from_secs(60),
            lease: Duration::from_secs(2),
            on_entry: None,
        };
        let document = document.to_owned();
        let folder = folder(&home.path().join("run"), &document, &plan);
        let redactor = Redactor::default();
        Play { stage: Stage::default(), plan, folder, settings, redactor, document, home }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join("run")
    }

    /// Makes the folder once more.
    pub(crate) fn again(&mut self) {
        self.folder = folder(&self.path(), &self.document, &self.plan);
    }

    pub(crate) async fn begin(&self) -> Result<Conductor, DriveError> {
        let world = Arc::new(self.stage.clone());
        Conductor::start(self.folder.clone(), self.redactor.clone(), world, self.settings.clone())
            .await
    }

    pub(crate) async fn go_on(&self) -> Result<Conductor, DriveError> {
        let world = Arc::new(self.stage.clone());
        let settings = DriveSettings { t0: None, pace: Pace::AS_PLANNED, ..self.settings.clone() };
        Conductor::resume(self.folder.clone(), self.redactor.clone(), world, settings).await
    }

    pub(crate) async fn start(&self) -> Running {
        Running::of(self.begin().await.unwrap())
    }

    pub(crate) async fn resume(&self) -> Running {
        Running::of(self.go_on().await.unwrap())
    }

    pub(crate) fn journal(&self) -> JournalRead {
        conductor::read(&std::fs::read(self.folder.journal()).unwrap()).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.journal().entries.into_iter().map(|entry| entry.event).collect()
    }

    /// Returns the steps that were begun, in their order.
    pub(crate) fn intents(&self) -> Vec<String> {
        let events = self.events().into_iter();
        let begun = events.filter_map(|event| match event {
            Event::Intent { step, .. } => Some(step),
            _ => None,
        });
        begun.collect()
    }

    /// Says something to the run, and returns what became of it.
    pub(crate) async fn say(&self, request: &Request) -> Answer {
        let inbox = Inbox::new(self.folder.inbox());
        let name = inbox.put(request).unwrap();
        let answered = async {
            loop {
                if let Some(answer) = inbox.answer(&name).unwrap() {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, answered).await;
        answer.unwrap_or_else(|_| panic!("nobody answers {request:?}: {:#?}", self.events()))
    }

    /// Decides something in the first role that is known.
    pub(crate) async fn decide(&self, role: &str, choice: Choice, about: Option<&str>) -> Answer {
        self.say(&Request::Said(Box::new(self.decided(role, choice, about)))).await
    }

    pub(crate) fn decided(&self, role: &str, choice: Choice, about: Option<&str>) -> Event {
        let known = self.plan.roles.iter().find(|known| known.role == role).unwrap();
        let (role, person) = (role.to_owned(), known.people[0].name.clone());
        let about = about.map(ToOwned::to_owned);
        Event::Decided { choice, role, person, reason: "it is so".into(), about }
    }

    /// Says what people are asked for, but for these choices, until the run ends or stands so.
    pub(crate) async fn answer(
        &self,
        running: &mut Running,
        until: impl Fn(&Live) -> bool,
    ) -> Live {
        let mut said = BTreeSet::new();
        let answered = async {
            loop {
                let live = running.looking.borrow_and_update().clone();
                if let Some(live) = live {
                    if until(&live) {
                        return live;
                    }
                    for wait in &live.waiting {
                        self.answer_wait(wait, &mut said).await;
                    }
                }
                if running.looking.changed().await.is_err() {
                    return running.looking.borrow().clone().expect("it was shown");
                }
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.expect("the run gets there")
    }

    async fn answer_wait(&self, wait: &LiveWait, said: &mut BTreeSet<(String, String, u32)>) {
        // One GO is enough.
        let roles = if wait.choice.starts_with("GO") { 1 } else { wait.roles.len() };
        for role in wait.roles.iter().take(roles) {
            let attempts =
                self.intents().iter().filter(|it| Some(*it) == wait.about.as_ref()).count();
            let attempts = u32::try_from(attempts).unwrap();
            let word = (format!("{} {:?}", wait.choice, wait.about), role.clone(), attempts);
            if said.contains(&word) {
                continue;
            }
            let event = match wait.choice.as_str() {
                "APPROVE" => {
                    let Event::Decided { role, person, .. } = self.decided(role, Choice::Go, None)
                    else {
                        panic!("a decision")
                    };
                    Event::Approved { role, person, plan: self.plan.digest().unwrap() }
                }
                "ATTEST" => self.decided(role, Choice::Attest, wait.about.as_deref()),
                "GO" | "GO, WAIVE or ROLLBACK" => self.decided(role, Choice::Go, None),
                _ => continue,
            };
            // What comes too early is said again.
            if self.say(&Request::Said(Box::new(event))).await == Answer::Taken {
                said.insert(word);
            }
        }
    }

    /// Lets people say what they are asked for until the run ends.
    pub(crate) async fn play(&self, mut running: Running) -> Phase {
        self.answer(&mut running, |live| live.phase.is_over()).await;
        running.ended().await.unwrap()
    }
}

fn folder(path: &std::path::Path, document: &str, plan: &Plan) -> RunFolder {
    let info = RunInfo {
        run: "cutover-9".into(),
        mode: plan.mode,
        environment: None,
        acts_on: None,
        acts_on_file: None,
    };
    RunFolder::create(path, document, plan, &info).unwrap()
}

impl Running {
    pub(crate) fn of(mut conductor: Conductor) -> Self {
        let looking = conductor.looking();
        let (stop, stopped) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(async move { conductor.run(stopped).await });
        Running { looking, stop, task }
    }

    /// Waits for the end.
    pub(crate) async fn ended(mut self) -> Result<Phase, DriveError> {
        let ended = tokio::time::timeout(PATIENCE, self.task.join_next());
        ended.await.expect("the run ends").expect("it was begun").unwrap()
    }

    /// Waits until a run stands so.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Live) -> bool) -> Live {
        let seen = self.looking.wait_for(|live| live.as_ref().is_some_and(&holds));
        let Ok(seen) = tokio::time::timeout(PATIENCE, seen).await else {
            panic!("waited in vain for: {what}");
        };
        seen.unwrap().clone().expect("it was shown")
    }
}
