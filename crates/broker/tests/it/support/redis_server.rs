//! A real `redis-server` of a test's own: a free port, a temporary folder, ended with its test.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{Client, Cmd, FromRedisValue, aio::MultiplexedConnection};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server.
pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    extra: Vec<String>,
    running: Option<Running>,
}

struct Running {
    server: Child,
    /// Ends the server where this process is killed and can't do it itself.
    warden: Child,
}

impl RedisServer {
    pub(crate) async fn start() -> Self {
        RedisServer::start_with(&[]).await
    }

    /// Starts a server with more options.
    pub(crate) async fn start_with(extra: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let extra = extra.iter().map(|&option| option.to_owned()).collect();
        let mut server = RedisServer { folder, port: 0, extra, running: None };
        for _ in 0..10 {
            server.port = free_port();
            if server.try_run().await {
                return server;
            }
        }
        panic!("no redis-server would start; its log is {:?}", server.log());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts it again, with what it had saved.
    pub(crate) async fn run(&mut self) {
        // The kernel may hold the port for a moment.
        for _ in 0..50 {
            if self.try_run().await {
                return;
            }
        }
        panic!("redis-server does not start again: {:?}", self.log());
    }

    async fn try_run(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no", "--logfile", "log"]);
        command.arg("--dir").arg(self.folder.path()).args(&self.extra);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().expect(
            "these tests need a real `redis-server`: run `cargo xtask setup`, or install the \
             Debian packages `redis-server` and `redis-tools`",
        );
        let warden = warden_of(server.id());
        self.running = Some(Running { server, warden });
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let running = self.running.as_mut().expect("it was just set");
            if matches!(running.server.try_wait(), Ok(Some(_))) {
                break;
            }
            if self.is_ours().await {
                return true;
            }
            sleep(Duration::from_millis(5)).await;
        }
        self.kill();
        false
    }

    /// Returns whether the server that answers is the one that was started.
    async fn is_ours(&self) -> bool {
        let Some(mut connection) = self.connection().await else { return false };
        let mut info = redis::cmd("INFO");
        let info: Result<String, _> = info.arg("server").query_async(&mut connection).await;
        let pid = format!("process_id:{}\r", self.pid());
        info.is_ok_and(|info| info.lines().any(|line| format!("{line}\r") == pid))
    }

    fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").server.id()
    }

    async fn connection(&self) -> Option<MultiplexedConnection> {
        let client = Client::open(self.url()).expect("the address is well formed");
        client.get_multiplexed_async_connection().await.ok()
    }

    /// Sends a command as another client would.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &mut Cmd) -> T {
        let mut connection = self.connection().await.expect("the server takes connections");
        command.query_async(&mut connection).await.expect("the command is taken")
    }

    /// Sends a command that the server does not answer.
    pub(crate) async fn order(&self, command: &mut Cmd) {
        let mut connection = self.connection().await.expect("the server takes connections");
        let _: Result<(), _> = command.query_async(&mut connection).await;
    }

    /// Kills it; what it had not saved is lost.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.server.kill();
            let _ = running.server.wait();
            let _ = running.warden.kill();
            let _ = running.warden.wait();
        }
    }

    /// Writes what it has to its folder.
    pub(crate) async fn save(&self) {
        self.command::<()>(&mut redis::cmd("SAVE")).await;
    }

    /// Removes what it had saved.
    pub(crate) fn forget(&self) {
        let _ = std::fs::remove_file(self.folder.path().join("dump.rdb"));
    }

    /// Stops its process without ending it.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets its process go on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("it has a pid");
        kill_process(pid, signal).expect("the server is ours");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

fn warden_of(pid: u32) -> Child {
    let mut warden = Command::new("sh");
    warden.args(["-c", "read _; kill -9 $0", &pid.to_string()]);
    warden.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    warden.spawn().expect("there is a shell")
}
