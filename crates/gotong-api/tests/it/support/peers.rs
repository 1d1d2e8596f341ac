//! Redis and SurrealDB as the compose file starts them, on ports and in folders of a test's own.

use std::{fs::File, net::TcpListener, path::PathBuf, process::Command};

use faults::Process;
use tempfile::TempDir;

use super::{edge::in_workspace, wait::until};
use crate::deployment::{composed, environment, words};

/// What the compose file is given for Redis.
pub(crate) const PASSWORD: &str = "a-password-of-redis";

/// How often another port is tried.
const PORTS_TRIED: u32 = 10;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Starts a command on free ports until it serves.
fn on_a_free_port(
    command: impl Fn(u16, &TempDir) -> Command,
    serves: impl Fn(u16) -> bool,
) -> (Process, u16, TempDir) {
    for _ in 0..PORTS_TRIED {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let log = File::create(folder.path().join("log")).expect("the folder can be written");
        let port = free_port();
        let mut command = command(port, &folder);
        let mut process = Process::start_logged(&mut command, &log)
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut is_good = false;
        until("it serves or has ended", || {
            is_good = serves(port);
            is_good || process.has_ended()
        });
        if is_good && !process.has_ended() {
            return (process, port, folder);
        }
    }
    panic!("it does not start on any port");
}

/// Redis by its command and `redis.conf`.
pub(crate) struct RedisOfCompose {
    process: Option<Process>,
    port: u16,
    _folder: TempDir,
}

impl RedisOfCompose {
    pub(crate) fn start() -> Self {
        let line = words(&composed()["services"]["redis"]["command"]);
        assert_eq!(line[..2], ["redis-server", "/usr/local/etc/redis/redis.conf"]);
        let command = |port: u16, folder: &TempDir| {
            let mut command = Command::new(&line[0]);
            command.arg(in_workspace("deploy/redis.conf")).args(&line[2..]);
            command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
            command.arg("--dir").arg(folder.path());
            command
        };
        let (process, port, folder) =
            on_a_free_port(command, |port| ask(port, &["PING"]) == "PONG");
        RedisOfCompose { process: Some(process), port, _folder: folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn end(&mut self) {
        self.process = None;
    }

    pub(crate) fn ask(&self, words: &[&str]) -> String {
        ask(self.port, words)
    }
}

fn ask(port: u16, words: &[&str]) -> String {
    let mut client = Command::new("redis-cli");
    client.args(["-p", &port.to_string()]).args(words).env("REDISCLI_AUTH", PASSWORD);
    let said = client.output().expect("`cargo xtask setup` installs redis-cli");
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// SurrealDB by its command, over its memory engine: there is no TiKV here.
pub(crate) struct SurrealOfCompose {
    _process: Process,
    port: u16,
    _folder: TempDir,
}

impl SurrealOfCompose {
    pub(crate) fn start() -> Self {
        let composed = composed();
        let line = words(&composed["services"]["surrealdb"]["command"]);
        let health = words(&composed["services"]["surrealdb"]["healthcheck"]["test"]);
        assert_eq!(health[..2], ["CMD", "/surreal"]);
        let command = |port: u16, _: &TempDir| {
            let mut command = Command::new(surreal());
            let words = line.iter().map(|word| match &**word {
                "0.0.0.0:8000" => format!("127.0.0.1:{port}"),
                "tikv://pd:2379" => "memory".to_owned(),
                word => word.to_owned(),
            });
            command.args(words).envs(environment(&composed, "surrealdb"));
            command
        };
        let serves = |port: u16| {
            let words = health[2..].iter().map(|word| word.replace("8000", &port.to_string()));
            let mut check = Command::new(surreal());
            check.args(words).output().expect("it was started before").status.success()
        };
        let (process, port, folder) = on_a_free_port(command, serves);
        SurrealOfCompose { _process: process, port, _folder: folder }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }
}

/// Returns the server's program, as `cargo xtask test` tells it.
pub(crate) fn surreal() -> PathBuf {
    std::env::var_os("SURREAL_BIN")
        .filter(|name| !name.is_empty())
        .unwrap_or("surreal".into())
        .into()
}
