//! One replica: a server's process that comes and goes in one folder, at one address.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use evidence::Hash;
use guard::Arm;
use parking_lot::Mutex as Lock;
use serde::Serialize;
use tokio::{sync::Mutex, time::sleep};

use super::begin::Begin;
use crate::{
    ServerProgram, StackError, http::Ask, log_file::LogFile, port::Port, process::Process,
};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a replica may take beyond its drain before it is killed.
const DRAIN_EXTRA: Duration = Duration::from_secs(2);

/// How long is waited before a replica that ended by itself is started again; each time twice as long.
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// After so long a replica counts as well again.
const WELL: Duration = Duration::from_secs(30);

/// A replica.
pub struct Replica {
    name: String,
    arm: Arm,
    port: Port,
    folder: PathBuf,
    log: LogFile,
    begin: Begin,
    run: Mutex<Run>,
    seen: Lock<Seen>,
}

/// Its process; who holds the lock starts and ends it.
#[derive(Default)]
struct Run {
    process: Option<Process>,
    /// What it is to be started with; nothing where it is not to run.
    wanted: Option<Wanted>,
    backoff: Duration,
    began: Option<Instant>,
    again_at: Option<Instant>,
}

#[derive(Clone)]
struct Wanted {
    program: ServerProgram,
    settings: BTreeMap<String, String>,
}

/// What others may know while it is being started or ended.
#[derive(Clone, Default)]
struct Seen {
    state: ReplicaState,
    digest: Option<Hash>,
    settings: BTreeMap<String, String>,
    restarts: u64,
    last_end: Option<String>,
    pid: Option<u32>,
}

/// What a replica is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// It was not started, or was stopped.
    #[default]
    Stopped,
    /// It is not ready yet.
    Starting,
    /// It runs.
    Running,
    /// It was asked to end.
    Stopping,
    /// It ended by itself, and is started again soon.
    Crashed,
}

/// How a replica ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Whether it ended by itself within its drain; one that did not was killed.
    pub graceful: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Replica {
    pub(super) fn new(
        name: String,
        arm: Arm,
        port: Port,
        begin: Begin,
    ) -> Result<Self, StackError> {
        let (folder, log) = (begin.folder(&name)?, begin.log(&name));
        let (run, seen) = (Mutex::default(), Lock::default());
        Ok(Replica { name, arm, port, folder, log, begin, run, seen })
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns of which arm it is.
    pub fn arm(&self) -> Arm {
        self.arm
    }

    /// Returns where it listens while it runs.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Returns the SHA-256 of its binary, where it was ever started.
    pub fn digest(&self) -> Option<Hash> {
        self.seen.lock().digest
    }

    /// Returns what it was started with, secrets among it.
    pub fn settings(&self) -> BTreeMap<String, String> {
        self.seen.lock().settings.clone()
    }

    /// Returns what it is doing.
    pub fn state(&self) -> ReplicaState {
        self.seen.lock().state
    }

    /// Returns how often it ended by itself and was started again.
    pub fn restarts(&self) -> u64 {
        self.seen.lock().restarts
    }

    /// Returns how it last ended by itself.
    pub fn last_end(&self) -> Option<String> {
        self.seen.lock().last_end.clone()
    }

    /// Returns its process, while it has one.
    pub fn pid(&self) -> Option<u32> {
        self.seen.lock().pid
    }

    /// Returns where it writes to.
    pub fn log(&self) -> &std::path::Path {
        self.log.path()
    }

    /// Ends it where it runs, and starts this binary with these settings; returns how it ended.
    ///
    /// # Errors
    /// Fails where it is not ready in time; then it does not run.
    pub(super) async fn deploy(
        &self,
        program: &ServerProgram,
        digest: Hash,
        settings: BTreeMap<String, String>,
    ) -> Result<Option<Stopped>, StackError> {
        let mut run = self.run.lock().await;
        let stopped = self.end(&mut run).await;
        let wanted = Wanted { program: program.clone(), settings: self.complete(settings) };
        {
            let mut seen = self.seen.lock();
            (seen.digest, seen.settings) = (Some(digest), wanted.settings.clone());
        }
        run.wanted = Some(wanted);
        self.start_wanted(&mut run).await?;
        Ok(stopped)
    }

    /// Starts it again as it was last.
    ///
    /// # Errors
    /// Fails where it was never deployed, and where it is not ready in time; then it does not run.
    pub async fn start(&self) -> Result<(), StackError> {
        let mut run = self.run.lock().await;
        if run.process.as_mut().is_some_and(|process| process.ended().is_none()) {
            return Ok(());
        }
        if run.wanted.is_none() {
            return Err(StackError::NoSuch(format!("version deployed at {}", self.name)));
        }
        self.start_wanted(&mut run).await
    }

    /// Ends it: it drains, and is killed where it takes longer than it may. Returns nothing where it
    /// did not run.
    pub async fn stop(&self) -> Option<Stopped> {
        let mut run = self.run.lock().await;
        self.end(&mut run).await
    }

    /// Starts it again with other settings in place of all that it had.
    ///
    /// # Errors
    /// As [`Replica::start`].
    pub async fn restart(
        &self,
        settings: BTreeMap<String, String>,
    ) -> Result<Option<Stopped>, StackError> {
        let wanted = self.run.lock().await.wanted.clone();
        let missing = || StackError::NoSuch(format!("version deployed at {}", self.name));
        let program = wanted.ok_or_else(missing)?.program;
        let digest = self.digest().ok_or_else(missing)?;
        self.deploy(&program, digest, settings).await
    }

    /// Kills it as if it had crashed: the supervisor starts it again.
    pub(super) async fn kill(&self) {
        if let Some(process) = &mut self.run.lock().await.process {
            process.signal(rustix::process::Signal::KILL);
        }
    }

    async fn end(&self, run: &mut Run) -> Option<Stopped> {
        run.again_at = None;
        let process = run.process.take();
        let stopped = match process {
            Some(process) => {
                self.see(ReplicaState::Stopping, Some(process.id()));
                let ended = process.end(self.begin.drain + DRAIN_EXTRA).await;
                let took_ms = u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX);
                Some(Stopped { graceful: ended.by_itself, took_ms })
            }
            None => None,
        };
        self.see(ReplicaState::Stopped, None);
        stopped
    }

    async fn start_wanted(&self, run: &mut Run) -> Result<(), StackError> {
        self.see(ReplicaState::Starting, None);
        run.backoff = BACKOFF;
        let started = self.start_and_wait(run).await;
        if started.is_err() {
            run.process = None;
            run.again_at = None;
            self.see(ReplicaState::Stopped, None);
        }
        started
    }

    async fn start_and_wait(&self, run: &mut Run) -> Result<(), StackError> {
        self.spawn(run)?;
        let (deadline, within) = (Instant::now() + self.begin.start_max, self.begin.start_max);
        let mut why = "it does not answer".to_owned();
        while Instant::now() < deadline {
            if let Some(status) = run.process.as_mut().and_then(Process::ended) {
                let (name, log) = (self.name.clone(), self.log.tail());
                return Err(StackError::Ended { name, status: status.to_string(), log });
            }
            match self.begin.http.ask(self.address(), Ask::get("/ready", None)).await {
                Ok(answer) if answer.status == 200 => {
                    self.see(ReplicaState::Running, run.process.as_ref().map(Process::id));
                    return Ok(());
                }
                Ok(answer) => why = String::from_utf8_lossy(&answer.body).into_owned(),
                Err(error) => why = error.to_string(),
            }
            sleep(LOOK_EVERY).await;
        }
        Err(StackError::NotReady { name: self.name.clone(), within, why, log: self.log.tail() })
    }

    fn spawn(&self, run: &mut Run) -> Result<(), StackError> {
        let Some(wanted) = &run.wanted else { return Ok(()) };
        let mut command = Command::new(&wanted.program.path);
        command.args(&wanted.program.arguments).env_clear().envs(&wanted.settings);
        command.current_dir(&self.folder);
        let process = Process::start(&self.name, &mut command, &self.log, &self.begin.processes)?;
        self.see(ReplicaState::Starting, Some(process.id()));
        (run.process, run.began, run.again_at) = (Some(process), Some(Instant::now()), None);
        Ok(())
    }

    /// Adds what only this replica has; it can't be set.
    fn complete(&self, mut settings: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut own = |name: &str, value: String| settings.insert(name.to_owned(), value);
        own("VIZ_API_BIND", self.address().to_string());
        own("REALTIME_STATE_DIR", self.folder.join("state").display().to_string());
        own("TIDEGATE_DRAIN_SECONDS", self.begin.drain.as_secs().max(1).to_string());
        settings.entry("TIDEGATE_LOG_FORMAT".to_owned()).or_insert_with(|| "json".to_owned());
        settings
    }

    /// Looks whether it ended by itself, and starts it again when it is time. Does nothing while
    /// somebody starts or ends it.
    pub(super) fn look(&self) {
        let Ok(mut run) = self.run.try_lock() else { return };
        let _unbounded_for_now = self.log.bound();
        let now = Instant::now();
        if let Some(status) = run.process.as_mut().and_then(Process::ended) {
            if run.began.is_some_and(|began| began.elapsed() > WELL) {
                run.backoff = BACKOFF;
            }
            (run.process, run.again_at) = (None, Some(now + run.backoff));
            run.backoff = (run.backoff * 2).min(BACKOFF_MAX);
            self.see(ReplicaState::Crashed, None);
            self.seen.lock().last_end = Some(status.to_string());
        }
        if run.again_at.is_some_and(|at| at <= now) {
            self.seen.lock().restarts += 1;
            match self.spawn(&mut run) {
                Ok(()) => self.see(ReplicaState::Running, run.process.as_ref().map(Process::id)),
                Err(error) => {
                    run.again_at = Some(now + run.backoff);
                    self.seen.lock().last_end = Some(error.to_string());
                }
            }
        }
    }

    fn see(&self, state: ReplicaState, pid: Option<u32>) {
        let mut seen = self.seen.lock();
        (seen.state, seen.pid) = (state, pid);
    }
}

impl fmt::Debug for Replica {
    /// Its settings are no one's to see.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, state) = (self.address(), self.state());
        let mut shown = f.debug_struct("Replica");
        shown.field("name", &self.name).field("at", &at).field("state", &state);
        shown.finish_non_exhaustive()
    }
}
