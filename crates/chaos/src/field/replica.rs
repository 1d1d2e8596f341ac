//! One replica of the server: a process that comes and goes in one folder, on a new port each time.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use faults::Process;
use parking_lot::Mutex as Lock;
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{FieldError, KEY};
use crate::{kind::Done, settings::Mode};

/// How long a start and an end may take.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How much of a log is shown where a start fails.
const LINES_SHOWN: usize = 8;

/// Events that can be replayed: more than are published from one calm phase to the next.
const WINDOW_EVENTS: &str = "20000";

/// A replica.
pub(crate) struct Replica {
    process: Mutex<Option<Process>>,
    address: Lock<Option<SocketAddr>>,
    program: PathBuf,
    variables: Vec<(&'static str, String)>,
    folder: PathBuf,
    log: PathBuf,
    /// What no replica may do: end by itself, or not begin or end when told to.
    pub(crate) misdeeds: Lock<Vec<String>>,
}

impl Replica {
    pub(super) fn new(
        index: usize,
        program: &Path,
        redis: SocketAddr,
        mode: Mode,
        folder: &Path,
    ) -> Result<Self, FieldError> {
        let own = folder.join(format!("replica-{index}"));
        let failed = |error| FieldError::Folder(own.display().to_string(), error);
        fs::create_dir_all(&own).map_err(failed)?;
        let variables = vec![
            ("VIZ_API_BIND", "127.0.0.1:0".to_owned()),
            ("TIDEGATE_KEYS", format!("org_chaos={KEY}:publish+subscribe+admin")),
            ("TIDEGATE_LOG_FORMAT", "json".to_owned()),
            ("TIDEGATE_DRAIN_SECONDS", "5".to_owned()),
            ("TIDEGATE_ORG_EVENTS_PER_SECOND", "1000000".to_owned()),
            ("REALTIME_BACKEND", "redis".to_owned()),
            ("REDIS_URL", format!("redis://{redis}/")),
            ("REALTIME_ENFORCE_REDIS", (mode == Mode::Strict).to_string()),
            ("REALTIME_REPLAY_MAX_EVENTS", WINDOW_EVENTS.to_owned()),
            ("REALTIME_REPLAY_WINDOW_SECONDS", "86400".to_owned()),
        ];
        Ok(Replica {
            process: Mutex::default(),
            address: Lock::default(),
            program: program.to_owned(),
            variables,
            log: folder.join(format!("replica-{index}.log")),
            folder: own,
            misdeeds: Lock::default(),
        })
    }

    /// Returns where it listens, while it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        *self.address.lock()
    }

    /// Starts it, where it does not run, and waits until it listens.
    pub(crate) async fn start(&self) -> Done {
        let mut process = self.process.lock().await;
        match process.as_mut().map(Process::has_ended) {
            Some(true) => drop(self.misdeed("it ended by itself")),
            Some(false) => return Ok("it runs".into()),
            None => {}
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let mut log = log.map_err(|error| error.to_string())?;
        let before = log.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
        let mut started = Process::start_logged(&mut self.command(), &log)
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Some(address) = self.listening(before) {
                *process = Some(started);
                *self.address.lock() = Some(address);
                return Ok(format!("at {address}"));
            }
            if started.has_ended() {
                return self.misdeed(&format!("it did not start:\n{}", self.last_lines()));
            }
            sleep(LOOK_EVERY).await;
        }
        self.misdeed(&format!("it did not listen within {} s", START.as_secs()))
    }

    /// Notes what it may not do.
    pub(crate) fn misdeed(&self, what: &str) -> Done {
        let what = format!("{what}; see {}", self.log.display());
        self.misdeeds.lock().push(what.clone());
        Err(what)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // The command line has the server among its commands.
        if self.program.file_stem().is_some_and(|name| name == "tidegate") {
            command.arg("serve");
        }
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.env_clear().envs(variables).current_dir(&self.folder);
        command
    }

    /// Returns what it logged last.
    fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(LINES_SHOWN).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Returns the address that the log tells of, from a place of it on.
    fn listening(&self, from: u64) -> Option<SocketAddr> {
        let mut log = File::open(&self.log).ok()?;
        log.seek(SeekFrom::Start(from)).ok()?;
        let mut text = String::new();
        log.read_to_string(&mut text).ok()?;
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut said = entries.filter(|entry| entry["message"] == "viz-api listening");
        said.next()?["bind_addr"].as_str()?.parse().ok()
    }

    /// Ends it in order; one that does not end is killed.
    pub(crate) async fn terminate(&self) -> Done {
        let mut process = self.process.lock().await;
        let Some(running) = &mut *process else { return Err("it does not run".into()) };
        if running.has_ended() {
            return self.misdeed("it ended by itself");
        }
        let began = Instant::now();
        running.terminate();
        while !running.has_ended() {
            if began.elapsed() > END {
                *self.address.lock() = None;
                *process = None;
                return self.misdeed(&format!("it did not end within {} s", END.as_secs()));
            }
            sleep(LOOK_EVERY).await;
        }
        *self.address.lock() = None;
        *process = None;
        Ok(format!("ended after {:.1} s", began.elapsed().as_secs_f64()))
    }

    /// Kills it.
    pub(crate) async fn kill(&self) -> Done {
        let mut process = self.process.lock().await;
        let Some(running) = &mut *process else { return Err("it does not run".into()) };
        if running.has_ended() {
            return self.misdeed("it ended by itself");
        }
        *self.address.lock() = None;
        *process = None;
        Ok(String::new())
    }
}
