//! A rehearsal of a runbook: a stack and a load are started, the runbook is carried out on them with
//! stand-ins for people, something is broken, and what came of it is stated.
//!
//! Owns: the order of these, and when a rehearsal has passed. Must not know: terminals, arguments.

mod people;
mod script;
mod stage;
mod verdict;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use conductor::{
    Conductor, DriveError, DriveSettings, FolderError, Inbox, Live, Onlooker, OnlookerError, Pace,
    Phase, RunFolder, RunInfo, Stated,
};
use deployment::{
    CommandSettings, Deployment, DeploymentError, DeploymentSettings, Secrets, Service,
};
use evidence::{Hash, Outcome};
use guard::Arm;
use jiff::{SignedDuration, Timestamp};
use runbook::Plan;
use tokio::sync::watch;
use traffic::{Owner, Router, haproxy::HaproxyRouter, withdraw::WithdrawSettings};

pub use self::script::{
    Act, Check, DatabaseScript, Ends, LoadScript, Script, ScriptFaults, StackScript, StepScript,
};
use self::{
    people::StandIn,
    stage::{Candidate, Stage},
};
use crate::{
    Certificate, ChatLoad, Crowd, Database, Difference, Fault, Keys, Layout, Load, LoadError,
    LoadSettings, Rehearsed, RouterFiles, ServerProgram, Stack, StackError, StackSettings, Verdict,
    compare,
};

/// The organisation of a rehearsal's clients.
const ORG: &str = "org_rehearsal";

/// The secret that is the key to the service, by its name.
const SERVICE_KEY: &str = "service-key";

/// How long readers may take to have everything in the end.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// The setting with which a candidate fails on purpose.
const INJECT: &str = "TIDEGATE_INJECT";

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
    /// What is broken around the replicas once the canary has traffic.
    pub fault: Option<Fault>,
    /// The program `surreal`.
    pub surreal: PathBuf,
    /// How long replicas have to send their clients away.
    pub drain: Duration,
    /// How much faster than planned waiting times pass.
    pub pace: Pace,
    /// Where programs of the runbook run.
    pub commands_in: PathBuf,
    /// For how long the run may act without renewing its lease.
    pub lease: Duration,
}

/// A rehearsal that can't be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
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
    /// What runs otherwise than at the beginning.
    pub differences: Vec<Difference>,
    /// Why it did not pass; empty where it did.
    pub reasons: Vec<String>,
    /// The certificate.
    pub certificate: Certificate,
    /// The run's folder.
    pub run_folder: PathBuf,
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
        let binary = settings.candidate.digest()?;
        let (stack, keys) = stack(&settings, told).await?;
        let router = router(&settings, stack.layout())?;
        told("the load begins");
        let load = Load::start(load(&settings, &stack, keys.clone())).await?;
        let candidate = Candidate {
            program: settings.candidate.clone(),
            settings: settings.inject.iter().map(|it| (INJECT.to_owned(), it.clone())).collect(),
        };
        let stage = Stage::new(stack, load, settings.script.clone(), candidate).await;
        let router_configuration = stage.baseline().router_configuration;
        let stage = Arc::new(stage);
        let deployment = Deployment::new(
            deployment(&settings, &stage, router, &keys),
            Arc::clone(&stage) as Arc<dyn deployment::Hands>,
            &settings.plan,
        )?;
        let run_folder = settings.folder.join("run");
        let info = RunInfo {
            run: settings.run.clone(),
            mode: settings.plan.mode,
            environment: settings.plan.environment.clone(),
            acts_on: None,
            acts_on_file: None,
        };
        let folder = RunFolder::create(&run_folder, &settings.document, &settings.plan, &info)?;
        let driven = DriveSettings {
            t0: t0(&settings.plan, settings.pace),
            pace: settings.pace,
            grace: Duration::from_secs(300),
            lease: settings.lease,
            on_entry: None,
        };
        told("the run begins");
        let redactor = deployment.redactor();
        let conductor = Conductor::start(folder, redactor, Arc::new(deployment), driven).await?;
        Ok(Play { settings, stage, conductor, run_folder, router_configuration, binary })
    }

    /// Returns how the run stands, for whoever looks.
    pub fn looking(&self) -> watch::Receiver<Option<Live>> {
        self.conductor.looking()
    }

    /// Carries the run out to its end, lets clients have all that is due to them, and ends the stack.
    ///
    /// # Errors
    /// Fails where the run can't go on, or is told to stop; the stack is ended then too.
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Played, PlayError> {
        let looking = self.conductor.looking();
        let (plan, script) = (&self.settings.plan, &self.settings.script);
        let inbox = Inbox::new(self.run_folder.join("inbox"));
        let mut people = StandIn::new(plan, script, inbox, &*self.stage);
        let breaking = breaks(&self.stage, self.settings.fault.as_ref(), looking.clone());
        let phase = tokio::select! {
            ended = self.conductor.run(stop) => ended?,
            said = people.speak(looking) => {
                said.map_err(PlayError::People)?;
                return Err(PlayError::People(std::io::Error::other("nobody was asked any more")));
            }
            broken = breaking => return Err(broken),
        };
        let Play { settings, stage, conductor, run_folder, router_configuration, binary } = self;
        drop(conductor);
        let mut now = stage.stack().capture().await;
        now.replicas.retain(|_, replica| replica.arm == arm_word(Arm::Stable));
        let differences = compare(stage.baseline(), &now);
        let Some(stage) = Arc::into_inner(stage) else {
            return Err(PlayError::Router("somebody still acts on the stack".to_owned()));
        };
        let (stack, load) = stage.into_parts();
        let load = load.finish(SETTLE_MAX).await;
        let migrations = now.migration_checksum().and_then(|text| text.parse().ok());
        let _ended = stack.end().await;
        let of =
            Rehearsed { binary, migrations, router_configuration, runbook: settings.plan.source };
        let reasons = verdict::reasons(&verdict::Account {
            settings: &settings,
            phase,
            load: &load,
            differences: &differences,
            run: &Onlooker::open(&run_folder)?,
            stable: &now,
            binary,
        });
        let result = if reasons.is_empty() { Outcome::Passed } else { Outcome::Failed };
        let counts_for =
            SignedDuration::from_hours(24 * i64::from(settings.script.counts_for_days));
        let certificate = Certificate::new(of, result, Timestamp::now(), counts_for);
        Ok(Played { phase, load, differences, reasons, certificate, run_folder })
    }
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
            ],
        })
    }
}

/// Breaks something around the replicas once the canary has traffic; never ends but by failing.
async fn breaks(
    stage: &Stage,
    fault: Option<&Fault>,
    mut looking: watch::Receiver<Option<Live>>,
) -> PlayError {
    let Some(fault) = fault else { return std::future::pending().await };
    let has_traffic = |live: &Option<Live>| {
        let share = live.as_ref().and_then(|live| live.traffic);
        share.is_some_and(|share| share.canary_percent > 0.0)
    };
    if looking.wait_for(has_traffic).await.is_ok()
        && let Err(error) = stage.stack().inject(fault).await
    {
        return error.into();
    }
    std::future::pending().await
}

async fn stack(
    settings: &PlaySettings,
    told: &mut (dyn FnMut(&str) + Send),
) -> Result<(Stack, Keys), PlayError> {
    let script = &settings.script;
    let load = script.load;
    let crowd = Crowd { readers: load.readers, publishers: load.publishers, members: load.members };
    let keys = Keys::draw(ORG, crowd);
    let mut common = script.stack.settings.clone();
    common.insert("TIDEGATE_KEYS".to_owned(), keys.setting());
    let seconds = settings.drain.as_secs().max(1).to_string();
    common.insert("TIDEGATE_DRAIN_SECONDS".to_owned(), seconds);
    let stack = StackSettings {
        stable_replicas: script.stack.replicas,
        settings: common,
        drain: settings.drain,
        redis: script.stack.redis.then(|| PathBuf::from("redis-server")),
        database: match script.stack.database {
            DatabaseScript::None => Database::None,
            DatabaseScript::Embedded => Database::Embedded,
            DatabaseScript::Server => Database::Server { program: settings.surreal.clone() },
        },
        ..StackSettings::new(settings.folder.join("stack"), settings.stable.clone())
    };
    told("the stack starts: Redis, the database, replicas, the router");
    Ok((Stack::start(stack, RouterFiles::haproxy).await?, keys))
}

fn router(settings: &PlaySettings, layout: &Layout) -> Result<Arc<dyn Router>, PlayError> {
    let owner = settings.run.parse::<Owner>();
    let owner = owner.map_err(|error| PlayError::Router(error.to_string()))?;
    let router = HaproxyRouter::new(layout.router(), owner);
    Ok(Arc::new(router.map_err(|error| PlayError::Router(error.to_string()))?))
}

fn load(settings: &PlaySettings, stack: &Stack, keys: Keys) -> LoadSettings {
    let script = settings.script.load;
    LoadSettings {
        events_per_second: script.events_per_second,
        pairs_per_second: script.pairs_per_second,
        chat: (script.members > 0).then_some(ChatLoad {
            threads: script.threads,
            messages_per_second: script.messages_per_second,
        }),
        ..LoadSettings::new(stack.address(), keys)
    }
}

fn deployment(
    settings: &PlaySettings,
    stage: &Stage,
    router: Arc<dyn Router>,
    keys: &Keys,
) -> DeploymentSettings {
    let url = format!("http://{}", stage.stack().address());
    let mut variables = settings.script.variables.clone();
    variables.extend(found_by_commands(settings, stage, &url));
    DeploymentSettings {
        service: Service { url, key: Some(SERVICE_KEY.to_owned()) },
        router: Some(router),
        withdraw: WithdrawSettings { leave_within: settings.drain, ..WithdrawSettings::default() },
        commands: CommandSettings { folder: settings.commands_in.clone(), variables },
        webhook: None,
        sources: BTreeMap::new(),
        secrets: Secrets::given([(SERVICE_KEY, keys.service())]),
        lock: None,
    }
}

/// Returns what commands of a runbook find in their environment: where the stack is.
fn found_by_commands(
    settings: &PlaySettings,
    stage: &Stage,
    url: &str,
) -> BTreeMap<String, String> {
    let replicas = stage.stack().replicas_of(Arm::Stable);
    let replicas: Vec<_> = replicas.map(|it| format!("http://{}", it.address())).collect();
    let mut variables = stage.stack().settings().clone();
    variables.remove("TIDEGATE_KEYS");
    variables.insert("TIDEGATE_URL".to_owned(), url.to_owned());
    variables.insert("TIDEGATE_KEY".to_owned(), format!("secret:{SERVICE_KEY}"));
    // What the release gates are told by.
    variables.insert("GATES_REPLICAS".to_owned(), replicas.join(","));
    let program = settings.stable.path.display().to_string();
    variables.insert("GATES_TIDEGATE".to_owned(), program);
    variables
}

/// Returns the T0 with which the first step that has a time is due now.
fn t0(plan: &Plan, pace: Pace) -> Option<Timestamp> {
    let first = plan.steps.iter().filter_map(|step| step.at).min()?;
    let before = Duration::from_secs(60 * u64::try_from(-first.minutes()).unwrap_or(0));
    Timestamp::now().checked_add(pace.of(before)).ok()
}

fn arm_word(arm: Arm) -> &'static str {
    match arm {
        Arm::Stable => "stable",
        Arm::Canary => "canary",
    }
}
