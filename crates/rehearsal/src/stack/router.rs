//! HAProxy as the stack starts it, and the little that the stack itself asks of it: whether a replica
//! gets requests, and to leave one alone that is about to end.
//!
//! Which clients go where is nothing of the stack's: whoever moves traffic speaks to the same socket.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use evidence::Hash;
use guard::Arm;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::Mutex,
    time::{sleep, timeout},
};

use traffic::haproxy::{self, ConfigSettings, HaproxySettings};

use super::{Layout, Replica, Slot, begin::Begin};
use crate::{
    StackError,
    log_file::LogFile,
    process::Process,
    program::{find, version_of},
};

const LOOK_EVERY: Duration = Duration::from_millis(20);
const ANSWER: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// How many connections clients may have: twice as many files are within the usual limits.
const CONNECTIONS_MAX: u32 = 4000;

/// What the router is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterFiles {
    /// Its configuration, which was written.
    pub config: PathBuf,
    /// What the configuration says without where things are on this machine: of this the digest is
    /// taken, so that a rehearsal's and a deployment's can be compared.
    pub essence: String,
    /// The backend of the version that is there.
    pub stable_backend: String,
    /// The backend of the new version.
    pub canary_backend: String,
}

impl Layout {
    /// Returns what HAProxy's configuration is made of.
    pub fn haproxy(&self) -> ConfigSettings {
        let replica = |slot: &Slot| haproxy::Replica {
            name: slot.name.clone(),
            address: slot.address.to_string(),
        };
        ConfigSettings {
            socket: self.socket.clone(),
            stable: self.stable.iter().map(replica).collect(),
            canary: self.canary.iter().map(replica).collect(),
            connections_max: CONNECTIONS_MAX,
            ..ConfigSettings::local(&self.bind.to_string(), &self.folder)
        }
    }

    /// Returns how that HAProxy is spoken to by whoever moves traffic.
    pub fn router(&self) -> HaproxySettings {
        self.haproxy().router(ANSWER)
    }
}

impl RouterFiles {
    /// Writes the configuration under which clients are moved by cohorts, and its maps.
    ///
    /// # Errors
    /// Fails where it can't be written.
    pub fn haproxy(layout: &Layout) -> Result<Self, String> {
        let settings = layout.haproxy();
        let files = haproxy::write(&settings).map_err(|error| error.to_string())?;
        let text = haproxy::config(&settings).map_err(|error| error.to_string())?;
        let HaproxySettings { stable, canary, .. } = layout.router();
        Ok(RouterFiles {
            config: files.config,
            essence: haproxy::essence(&text).map_err(|error| error.to_string())?,
            stable_backend: stable,
            canary_backend: canary,
        })
    }
}

/// The router of a stack.
#[derive(Debug)]
pub(super) struct Router {
    files: RouterFiles,
    socket: PathBuf,
    pub(super) version: String,
    pub(super) digest: Hash,
    start_max: Duration,
    process: Mutex<Process>,
}

impl Router {
    pub(super) async fn start(
        program: &Path,
        layout: &Layout,
        configure: impl FnOnce(&Layout) -> Result<RouterFiles, String>,
        begin: &Begin,
    ) -> Result<Self, StackError> {
        let program = find(program, "install the package `haproxy`")?;
        let files = configure(layout).map_err(StackError::Config)?;
        let log = begin.log("haproxy");
        let mut command = Command::new(&program);
        // In the foreground: the process that is started is the one that serves.
        command.arg("-db").arg("-f").arg(&files.config).env_clear().current_dir(&layout.folder);
        let process = Process::start("haproxy", &mut command, &log, &begin.processes)?;
        let router = Router {
            digest: Hash::of(files.essence.as_bytes()),
            version: version_of(&program, "-v"),
            files,
            socket: layout.socket.clone(),
            start_max: begin.start_max,
            process: Mutex::new(process),
        };
        router.wait_until_it_answers(&log).await?;
        Ok(router)
    }

    async fn wait_until_it_answers(&self, log: &LogFile) -> Result<(), StackError> {
        let deadline = Instant::now() + self.start_max;
        while Instant::now() < deadline {
            if let Some(status) = self.process.lock().await.ended() {
                let (name, log) = ("haproxy".to_owned(), log.tail());
                return Err(StackError::Ended { name, status: status.to_string(), log });
            }
            if self.tell("show info").await.is_ok() {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        let why = format!("nobody answers at {}", self.socket.display());
        let (name, within) = ("haproxy".to_owned(), self.start_max);
        Err(StackError::NotReady { name, within, why, log: log.tail() })
    }

    /// Leaves a replica alone: it gets no more requests, its streams stay.
    pub(super) async fn drain(&self, replica: &Replica) -> Result<(), StackError> {
        self.set(replica, "state drain").await
    }

    /// Gives a replica requests again that is known to be ready.
    pub(super) async fn admit(&self, replica: &Replica) -> Result<(), StackError> {
        self.set(replica, "state ready").await?;
        // Its next checks would find out too, two of them.
        self.set(replica, "health up").await
    }

    /// Waits until a replica gets requests.
    pub(super) async fn wait_until_up(&self, replica: &Replica) -> Result<(), StackError> {
        let deadline = Instant::now() + self.start_max;
        let mut state = String::new();
        while Instant::now() < deadline {
            state = self.state_of(replica).await?;
            if state.starts_with("UP") {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        let why = format!("the router says it is {state:?}");
        let (name, within) = (replica.name().to_owned(), self.start_max);
        Err(StackError::NotReady { name, within, why, log: String::new() })
    }

    async fn set(&self, replica: &Replica, what: &str) -> Result<(), StackError> {
        let command = format!("set server {}/{} {what}", self.backend(replica), replica.name());
        let answer = self.tell(&command).await.unwrap_or_else(|error| error.to_string());
        match answer.trim() {
            "" => Ok(()),
            answer => Err(StackError::Router { command, answer: answer.to_owned() }),
        }
    }

    async fn state_of(&self, replica: &Replica) -> Result<String, StackError> {
        let (command, backend) = ("show stat".to_owned(), self.backend(replica));
        let answer = self.tell(&command).await;
        let answer = answer.unwrap_or_else(|error| error.to_string());
        match column(&answer, backend, replica.name(), "status") {
            Some(state) => Ok(state.to_owned()),
            None => {
                let answer = format!("it knows no {backend}/{}", replica.name());
                Err(StackError::Router { command, answer })
            }
        }
    }

    fn backend(&self, replica: &Replica) -> &str {
        match replica.arm() {
            Arm::Stable => &self.files.stable_backend,
            Arm::Canary => &self.files.canary_backend,
        }
    }

    /// Carries out a command and returns what is answered.
    async fn tell(&self, command: &str) -> io::Result<String> {
        let exchange = async {
            let mut socket = UnixStream::connect(&self.socket).await?;
            socket.write_all(format!("{command}\n").as_bytes()).await?;
            let mut answer = String::new();
            socket.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
            Ok(answer)
        };
        timeout(ANSWER, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Finds a figure of a server in what `show stat` says: lines of CSV, the first one with names.
fn column<'a>(table: &'a str, backend: &str, server: &str, name: &str) -> Option<&'a str> {
    let mut lines = table.lines();
    let names = lines.next()?.trim_start_matches("# ");
    let place = names.split(',').position(|known| known == name)?;
    let mut rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let row = rows.find(|row| row.len() > place && row[0] == backend && row[1] == server)?;
    Some(row[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_by_names() {
        let table = "# pxname,svname,status,x\nedge,FRONTEND,OPEN,\na,s-1,UP 1/2,\nb,s-1,DOWN,\n";
        assert_eq!(column(table, "b", "s-1", "status"), Some("DOWN"));
        assert_eq!(column(table, "a", "s-1", "status"), Some("UP 1/2"));
        assert_eq!(column(table, "a", "s-2", "status"), None);
        assert_eq!(column(table, "a", "s-1", "weight"), None);
        assert_eq!(column("", "a", "s-1", "status"), None);
    }
}
