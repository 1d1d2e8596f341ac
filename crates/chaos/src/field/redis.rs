//! The one Redis of a run: it can be stopped, killed, emptied and set back.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use faults::{RedisServer, ServerOptions};
use redis::Value;
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::FieldError;
use crate::kind::Done;

/// How long a command of ours may take.
const COMMAND: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where Redis keeps its append-only files, in its folder.
const DATA: &str = "appendonlydir";
const SNAPSHOT: &str = "snapshot";

/// A Redis that logs each write before it answers.
pub(crate) struct Redis {
    server: Mutex<State>,
    address: SocketAddr,
    log: PathBuf,
}

struct State {
    server: RedisServer,
    is_paused: bool,
}

impl Redis {
    pub(super) async fn start(log: &Path) -> Result<Self, FieldError> {
        let mut probe = Command::new("redis-server");
        probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            return Err(FieldError::NoRedis);
        }
        let options = ServerOptions { append_only: true, ..ServerOptions::default() };
        let server = RedisServer::start_with(options).await;
        let address = server.address();
        let server = Mutex::new(State { server, is_paused: false });
        Ok(Redis { server, address, log: log.to_owned() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a command as an operator would.
    pub(crate) async fn tell(&self, words: &str) -> Done {
        let state = self.server.lock().await;
        if !state.server.is_running() || state.is_paused {
            return Err("Redis is not there".into());
        }
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            command.arg(word);
        });
        let answered = async {
            loop {
                match state.server.try_command::<Value>(&mut command).await {
                    // One that begins answers some commands before it has read its data.
                    Err(error) if error.to_string().contains("loading the dataset") => {
                        sleep(LOOK_EVERY).await;
                    }
                    answer => return answer,
                }
            }
        };
        match timeout(COMMAND, answered).await {
            Ok(Ok(answer)) => Ok(format!("{answer:?}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", COMMAND.as_secs())),
        }
    }

    pub(crate) async fn pause(&self) -> Done {
        let mut state = self.server.lock().await;
        if !state.server.is_running() {
            return Err("Redis is not there".into());
        }
        state.server.pause();
        state.is_paused = true;
        Ok(String::new())
    }

    pub(crate) async fn go_on(&self) -> Done {
        let mut state = self.server.lock().await;
        if state.server.is_running() && state.is_paused {
            state.server.go_on();
        }
        state.is_paused = false;
        Ok(String::new())
    }

    pub(crate) async fn kill(&self) -> Done {
        let mut state = self.server.lock().await;
        self.keep_log(&state);
        state.kill();
        Ok(String::new())
    }

    /// Starts it, where it does not run, with what it has.
    pub(crate) async fn run(&self) -> Done {
        let mut state = self.server.lock().await;
        if !state.server.is_running() {
            state.server.run().await;
        }
        Ok(String::new())
    }

    /// Starts it without anything.
    pub(crate) async fn run_empty(&self) -> Done {
        let mut state = self.server.lock().await;
        state.kill();
        state.server.forget();
        state.server.run().await;
        Ok(String::new())
    }

    /// Keeps what it has now, for [`run_older`](Self::run_older).
    pub(crate) async fn snapshot(&self) -> Done {
        let state = self.server.lock().await;
        let folder = state.server.folder();
        let _ = fs::remove_dir_all(folder.join(SNAPSHOT));
        copy(&folder.join(DATA), &folder.join(SNAPSHOT)).map_err(|error| error.to_string())?;
        Ok(String::new())
    }

    /// Kills it, and starts it with what it had when it was kept.
    pub(crate) async fn run_older(&self) -> Done {
        let mut state = self.server.lock().await;
        let snapshot = state.server.folder().join(SNAPSHOT);
        if !snapshot.exists() {
            return Err("nothing was kept".into());
        }
        self.keep_log(&state);
        state.kill();
        state.server.forget();
        let data = state.server.folder().join(DATA);
        fs::rename(snapshot, data).map_err(|error| error.to_string())?;
        state.server.run().await;
        Ok(String::new())
    }

    /// Makes it run, writable and with room.
    pub(super) async fn mend(&self) -> Done {
        self.go_on().await?;
        self.run().await?;
        self.tell("REPLICAOF NO ONE").await?;
        self.tell("CONFIG SET maxmemory 0").await
    }

    /// Writes down what it logged last.
    pub(crate) async fn finish(&self) {
        self.keep_log(&*self.server.lock().await);
    }

    /// Copies its data to a folder, for whoever looks into a failure.
    pub(crate) async fn keep_data(&self, to: &Path) -> std::io::Result<()> {
        copy(&self.server.lock().await.server.folder().join(DATA), to)
    }

    /// Its own log does not outlive its next start.
    fn keep_log(&self, state: &State) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let _unwritable = log.and_then(|mut log| log.write_all(state.server.log().as_bytes()));
    }
}

impl State {
    fn kill(&mut self) {
        self.server.kill();
        self.is_paused = false;
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
