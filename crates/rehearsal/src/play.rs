//! A rehearsal of a runbook: a stack and a load are started, the runbook is carried out on them with
//! stand-ins for people, something is broken, and what came of it is stated.
//!
//! Owns: the order of these, and when a rehearsal has passed. Must not know: terminals, arguments.

mod breaking;
mod excuse;
mod how;
mod inject;
mod looks;
mod people;
mod script;
mod setup;
mod stage;
mod unseen;
mod verdict;
mod vouch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conductor::{
    Conductor, DriveError, DriveSettings, FolderError, Inbox, Live, Onlooker, OnlookerError, Pace,
    Phase, RunFolder, RunInfo, Stated,
};
use deployment::{Deployment, DeploymentError};
use evidence::{Hash, Outcome};
use jiff::{SignedDuration, Timestamp};
use runbook::Plan;
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch, time::sleep};
use traffic::haproxy::HaproxySettings;

pub use self::script::{
    Act, ChainScript, Check, DatabaseScript, Ends, FaultScript, LoadScript, Script, ScriptFaults,
    StackScript, StepScript,
};
use self::{
    breaking::Breaking, how::How, people::StandIn, stage::Stage, unseen::Seen, vouch::Grounds,
};
use crate::{
    Baseline, Certificate, Difference, Fault, Load, LoadError, Rehearsed, ServerProgram,
    StackError, Verdict,
};

/// How long readers may take to have everything in the end.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// A rehearsal to be played.
#[derive(Clone, Debug)]
pub struct PlaySettings {
    /// The run's name.
    pub run: String,
    /// The runbook.
    pub document: String,
    /// Its plan.
    pub plan: Plan,
    /// How it is played.
    pub script: Script,
    /// Where everything goes; it must not be there yet.
    pub folder: PathBuf,
    /// The version that is there.
    pub stable: ServerProgram,
    /// The new version.
    pub candidate: ServerProgram,
    /// What the candidate does wrong on purpose, instead of what the script says; it has to be built
    /// for that.
    pub inject: Option<String>,
    /// What is broken around the replicas, instead of what the script says and when that says so, or
    /// else once the canary has traffic.
    pub fault: Option<Fault>,
    /// The program `surreal`.
    pub surreal: PathBuf,
    /// The program `anvil`, for a script with a chain.
    pub anvil: PathBuf,
    /// How long replicas have to send their clients away.
    pub drain: Duration,
    /// How much faster than planned waiting times pass.
    pub pace: Pace,
    /// Who approves of the plan and decides how the run goes on.
    pub deciders: Deciders,
    /// Where programs of the runbook run.
    pub commands_in: PathBuf,
    /// For how long the run may act without renewing its lease.
    pub lease: Duration,
}

/// Who approves of a rehearsal's plan, says `GO`, and decides what becomes of a run that stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deciders {
    /// Stand-ins.
    #[default]
    StandIns,
    /// People, through the run's inbox; stand-ins vouch for steps alone.
    People,
}

/// A rehearsal that can't be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// What is to be broken can't be, or never would.
    #[error("what is to be broken")]
    Fault(#[from] ScriptFaults),
    /// What the candidate is to do wrong is nothing that a server knows.
    #[error("what the candidate is told to do wrong: {0}")]
    Inject(String),
    /// The stack can't be started.
    #[error("the stack")]
    Stack(#[from] StackError),
    /// The load can't be.
    #[error("the load")]
    Load(#[from] LoadError),
    /// The plan can't be carried out on it.
    #[error("the deployment")]
    Deployment(#[from] DeploymentError),
    /// The run's folder can't be made or read.
    #[error("the run's folder")]
    Folder(#[from] FolderError),
    /// The run can't go on.
    #[error("the run")]
    Drive(#[from] DriveError),
    /// The run can't be read.
    #[error("the run's journal")]
    Onlooker(#[from] OnlookerError),
    /// The router can't be spoken to.
    #[error("the router: {0}")]
    Router(String),
    /// Nobody can say anything to the run.
    #[error("the stand-ins for people")]
    People(#[source] std::io::Error),
    /// No JSON can be made of it.
    #[error("no JSON can be made of it")]
    Json(#[from] serde_json::Error),
}

/// A rehearsal whose stack and load are there, and whose run has begun.
pub struct Play {
    settings: PlaySettings,
    stage: Arc<Stage>,
    breaking: Breaking,
    conductor: Conductor,
    run_folder: PathBuf,
    router_configuration: Hash,
    /// Of the candidate, as it was when the rehearsal began.
    binary: Hash,
}

/// What came of a rehearsal.
#[derive(Debug)]
pub struct Played {
    /// How the run ended.
    pub phase: Phase,
    /// What clients saw in the end.
    pub load: Verdict,
    /// The same in sentences: gaps, who lacks what, what was excused since it was made on purpose.
    pub clients: Vec<String>,
    /// What runs otherwise than at the beginning.
    pub differences: Vec<Difference>,
    /// Why it did not pass; empty where it did.
    pub reasons: Vec<String>,
    /// The certificate.
    pub certificate: Certificate,
    /// The run's folder.
    pub run_folder: PathBuf,
    /// How it was played: what was scaled, made wrong on purpose, replaced, waived, stood in for.
    pub how: Value,
}

/// How the run of a rehearsal went.
enum Course {
    /// To its end.
    Ended(Phase),
    /// It was stopped before that, and why.
    Stopped(String),
}

/// What a stack leaves behind that was ended.
struct Left {
    /// What clients saw.
    load: Verdict,
    /// In what the stable arm is not what it was.
    differences: Vec<Difference>,
    /// What ran in the end of the version that was there.
    stable: Baseline,
    /// What ran with the candidate.
    rehearsed: Baseline,
}

impl PlaySettings {
    /// Looks at what can be known before anything is started: what is broken, what the candidate is told
    /// to do wrong, and whether both programs are servers.
    ///
    /// # Errors
    /// Fails with what is wrong, and what to do.
    pub fn check(&self) -> Result<(), PlayError> {
        if let Some(fault) = &self.fault {
            self.script.check_fault(fault, &self.plan)?;
        }
        if let Some(list) = &self.inject {
            inject::check(list).map_err(PlayError::Inject)?;
        }
        self.stable.check()?;
        Ok(self.candidate.check()?)
    }
}

impl Play {
    /// Starts the stack and the load, and begins the run.
    ///
    /// # Errors
    /// Fails where something is missing or does not start; what was started is ended.
    pub async fn begin(
        settings: PlaySettings,
        told: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Self, PlayError> {
        settings.check()?;
        let binary = settings.candidate.digest()?;
        let (stack, keys) = setup::stack(&settings, told).await?;
        let router = setup::router(&settings, stack.layout())?;
        told("the load begins");
        let load = Load::start(setup::load(&settings, &stack, keys.clone())).await?;
        let stage = Arc::new(Stage::new(stack, load, &settings).await?);
        if settings.script.stack.candidate {
            stage.deploy_candidate().await?;
        }
        let router_configuration = stage.baseline().router_configuration;
        let deployment = Deployment::new(
            setup::deployment(&settings, &stage, router, &keys),
            Arc::clone(&stage) as Arc<dyn deployment::Hands>,
            &settings.plan,
        )?;
        let run_folder = stage.run_folder().to_owned();
        let info = RunInfo {
            run: settings.run.clone(),
            mode: settings.plan.mode,
            environment: settings.plan.environment.clone(),
            acts_on: None,
            acts_on_file: None,
        };
        let folder = RunFolder::create(&run_folder, &settings.document, &settings.plan, &info)?;
        let driven = DriveSettings {
            t0: setup::t0(&settings.plan, settings.pace),
            pace: settings.pace,
            grace: Duration::from_secs(300),
            lease: settings.lease,
            on_entry: None,
        };
        told("the run begins");
        let redactor = deployment.redactor();
        let world = Seen { deployment, unseen: settings.script.unseen.clone() };
        let conductor = Conductor::start(folder, redactor, Arc::new(world), driven).await?;
        let breaking = Breaking::new(settings.script.fault.as_ref(), settings.fault.as_ref());
        Ok(Play { settings, stage, breaking, conductor, run_folder, router_configuration, binary })
    }

    /// Returns how the run stands, for whoever looks.
    pub fn looking(&self) -> watch::Receiver<Option<Live>> {
        self.conductor.looking()
    }

    /// Returns how the router is spoken to, for whoever acts when this process is gone.
    pub fn router(&self) -> HaproxySettings {
        self.stage.stack().layout().router()
    }

    /// Returns the run's folder.
    pub fn run_folder(&self) -> &Path {
        &self.run_folder
    }

    /// Carries the run out to its end, lets clients have all that is due to them, and ends the stack.
    ///
    /// # Errors
    /// Fails where the run can't go on, or is told to stop; the stack is ended then too.
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Played, PlayError> {
        let course = self.course(stop).await?;
        let Play { settings, stage, breaking, conductor, run_folder, router_configuration, binary } =
            self;
        drop(conductor);
        breaking.mend(stage.stack()).await?;
        let Left { load, differences, stable, rehearsed } = wind_up(stage).await?;
        let run = Onlooker::open(&run_folder)?;
        let (phase, stopped) = match course {
            Course::Ended(phase) => (phase, None),
            Course::Stopped(why) => (run.state.phase(), Some(why)),
        };
        let broken = breaking.broken();
        let mut reasons = verdict::reasons(&verdict::Account {
            settings: &settings,
            phase,
            stopped: stopped.as_deref(),
            broken: broken.as_ref(),
            load: &load,
            differences: &differences,
            run: &run,
            stable: &stable,
            binary,
        });
        let runbook = settings.plan.source;
        let nothing = Rehearsed { binary, migrations: None, router_configuration, runbook };
        let (of, unvouched) = match rehearsed.rehearsed(runbook) {
            Ok(of) => (of, Vec::new()),
            Err(unvouched) => (nothing, unvouched),
        };
        let left = excuse::judge(&load, settings.inject.as_deref());
        let clients = excuse::lines(&load, &left);
        let mut faults = faults_on_purpose(&settings, &rehearsed);
        // Where faults were made on purpose nothing is vouched for anyway, and this adds to why.
        let adds_to = if faults.is_empty() { &mut reasons } else { &mut faults };
        adds_to.extend(unvouched.iter().map(ToString::to_string));
        let grounds = Grounds::of(&settings, &run, phase, broken.as_ref(), &load);
        faults.extend(grounds.withheld());
        let result = if reasons.is_empty() { Outcome::Passed } else { Outcome::Failed };
        let certificate = certificate(&settings, of, result).not_for_production(faults);
        let how = How::of(&settings, broken).value()?;
        Ok(Played { phase, load, clients, differences, reasons, certificate, run_folder, how })
    }

    /// Lets the run go on to its end, while stand-ins speak and something is broken; stops it where it
    /// can't come to a good one any more.
    async fn course(&mut self, stop: watch::Receiver<bool>) -> Result<Course, PlayError> {
        let looking = self.conductor.looking();
        let (plan, script) = (&self.settings.plan, &self.settings.script);
        let inbox = Inbox::new(self.run_folder.join("inbox"));
        let deciders = self.settings.deciders;
        let mut people = StandIn::new(plan, script, inbox, (&*self.stage, deciders));
        let within = script.within_at(self.settings.pace.times());
        let doing = looking.clone();
        tokio::select! {
            ended = self.conductor.run(stop) => Ok(Course::Ended(ended?)),
            said = people.speak(looking.clone()) => match said.map_err(PlayError::People)? {
                Some(why) => Ok(Course::Stopped(why)),
                None => Err(PlayError::People(std::io::Error::other("nobody was asked any more"))),
            },
            broken = self.breaking.go_on(self.stage.stack(), looking) => Err(broken),
            () = sleep(within) => Ok(Course::Stopped(late(within, doing.borrow().as_ref()))),
        }
    }
}

/// Lets clients have all that is due to them, and ends the stack.
async fn wind_up(stage: Arc<Stage>) -> Result<Left, PlayError> {
    let (stable, differences) = stage.settled().await;
    let Some(stage) = Arc::into_inner(stage) else {
        return Err(PlayError::Router("somebody still acts on the stack".to_owned()));
    };
    let rehearsed = stage.rehearsed();
    let (stack, load) = stage.into_parts();
    let load = load.finish(SETTLE_MAX).await;
    let _ended = stack.end().await;
    Ok(Left { load, differences, stable, rehearsed })
}

/// Returns what was made to fail on purpose: by its build, and by what it was told.
fn faults_on_purpose(settings: &PlaySettings, rehearsed: &Baseline) -> Vec<String> {
    let told = settings.inject.iter().map(|it| format!("the candidate was told to fail: {it}"));
    rehearsed.faults_on_purpose().into_iter().chain(told).collect()
}

/// Says that a rehearsal took too long, and what it waited for.
fn late(within: Duration, live: Option<&Live>) -> String {
    let doing = live.map_or("nothing was done yet", |live| live.now.trim_end_matches('.'));
    format!("it was not over after {} s, and then: {doing}", within.as_secs())
}

fn certificate(settings: &PlaySettings, of: Rehearsed, result: Outcome) -> Certificate {
    let counts_for = SignedDuration::from_hours(24 * i64::from(settings.script.counts_for_days));
    Certificate::new(of, result, Timestamp::now(), counts_for)
}

impl Played {
    /// Returns whether the rehearsal passed.
    pub fn has_passed(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Returns what is stated of it, with what that rests on, for the run's evidence.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn stated(&self, role: &str) -> Result<Stated, serde_json::Error> {
        let differences: Vec<_> = self.differences.iter().map(ToString::to_string).collect();
        Ok(Stated {
            statement: self.certificate.statement(role)?,
            outputs: vec![
                ("clients.json".to_owned(), serde_json::to_vec_pretty(&self.load)?),
                ("differences.json".to_owned(), serde_json::to_vec_pretty(&differences)?),
                ("reasons.json".to_owned(), serde_json::to_vec_pretty(&self.reasons)?),
                ("rehearsal.json".to_owned(), serde_json::to_vec_pretty(&self.how)?),
            ],
        })
    }
}
