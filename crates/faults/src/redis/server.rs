//! One real `redis-server`: a free port, a temporary folder, ended with its test.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use redis::{
    Client, ClientTlsConfig, Cmd, FromRedisValue, RedisResult, TlsCertificates,
    aio::MultiplexedConnection,
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::{PATIENCE, POLL, options::ServerOptions};
use crate::{port::lasting_port, process::Process};

/// How often another port is tried.
const PORTS_TRIED: u32 = 10;

/// The user of the test's own commands, where there is an ACL.
const ADMIN: (&str, &str) = ("faults-admin", "faults-admin-password");

/// What a server is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Data,
    /// A node of a cluster, with its bus on a port of its own.
    Node {
        bus: u16,
    },
    /// A sentinel, with the text of its configuration.
    Sentinel(String),
}

/// How often a command is sent whose connection breaks.
const CONNECTIONS_TRIED: usize = 20;

/// A server.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    role: Role,
    options: ServerOptions,
    running: Option<Process>,
}

impl RedisServer {
    /// Starts a server without persistence.
    pub async fn start() -> Self {
        RedisServer::start_with(ServerOptions::default()).await
    }

    /// Starts a server.
    ///
    /// # Panics
    /// Panics where no server would start, with what it logged.
    pub async fn start_with(options: ServerOptions) -> Self {
        RedisServer::start_as(options, || Role::Data).await
    }

    /// Starts a server in a role, which is asked for anew with each port that is tried.
    pub(super) async fn start_as(options: ServerOptions, role: impl Fn() -> Role) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let mut server = RedisServer { folder, port: 0, role: role(), options, running: None };
        for _ in 0..PORTS_TRIED {
            (server.port, server.role) = (lasting_port(), role());
            server.write_files();
            if server.try_run().await {
                return server;
            }
            let port_was_taken = server.log().contains("in use");
            assert!(port_was_taken, "redis-server does not start: {}", server.log());
        }
        panic!("no redis-server would start: {}", server.log());
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    pub(super) fn bus(&self) -> u16 {
        match self.role {
            Role::Node { bus } => bus,
            _ => unreachable!("only a cluster's node has a bus"),
        }
    }

    /// Returns its address as the test itself uses it.
    pub fn url(&self) -> String {
        let credentials = match (&self.options.acl, &self.options.password) {
            (Some(_), _) => format!("{}:{}@", ADMIN.0, ADMIN.1),
            (None, Some(password)) => format!(":{password}@"),
            (None, None) => String::new(),
        };
        self.url_as(&credentials)
    }

    /// Returns its address with these credentials, as `USER:PASSWORD@`.
    pub fn url_as(&self, credentials: &str) -> String {
        let scheme = if self.options.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://{credentials}127.0.0.1:{}/", self.port)
    }

    /// Starts it again, with what it had saved.
    ///
    /// # Panics
    /// Panics where it does not start.
    pub async fn run(&mut self) {
        // The kernel may hold the port for a moment.
        for _ in 0..50 {
            if self.try_run().await {
                return;
            }
        }
        panic!("redis-server does not start again: {}", self.log());
    }

    /// Adds arguments for the next start.
    pub(super) fn add_arguments(&mut self, arguments: &[&str]) {
        self.options.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
    }

    fn write_files(&self) {
        let write = |name: &str, text: &str| {
            fs::write(self.folder.path().join(name), text).expect("the folder can be written");
        };
        if let Some(acl) = &self.options.acl {
            write("users.acl", &format!("{acl}\nuser {} on >{} ~* &* +@all\n", ADMIN.0, ADMIN.1));
        }
        if let Role::Sentinel(text) = &self.role {
            write("sentinel.conf", text);
        }
    }

    fn command_line(&self) -> Command {
        let mut command = Command::new("redis-server");
        let port = self.port.to_string();
        let folder = self.folder.path();
        if let Role::Sentinel(_) = self.role {
            command.arg(folder.join("sentinel.conf")).arg("--sentinel");
        } else {
            command.args(["--save", ""]);
            let append_only = if self.options.append_only { "yes" } else { "no" };
            command.args(["--appendonly", append_only, "--appendfsync", "always"]);
            command.args(["--repl-diskless-sync-delay", "0"]);
        }
        command.args(["--bind", "127.0.0.1", "--logfile", "log"]).arg("--dir").arg(folder);
        if let Role::Node { bus } = self.role {
            command.args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
            command.args(["--cluster-port", &bus.to_string(), "--cluster-node-timeout", "1000"]);
            command.args(["--cluster-require-full-coverage", "no"]);
        }
        match &self.options.tls {
            None => {
                command.args(["--port", &port]);
            }
            Some(certificates) => {
                command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
                let file = |name: &str| certificates.path(name);
                command.arg("--tls-cert-file").arg(file("server.pem"));
                command.arg("--tls-key-file").arg(file("server.key"));
                command.arg("--tls-ca-cert-file").arg(file("ca.pem"));
                command.args(["--tls-replication", "yes"]);
                if let Role::Node { .. } = self.role {
                    command.args(["--tls-cluster", "yes"]);
                }
            }
        }
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password, "--masterauth", password]);
        }
        if self.options.acl.is_some() {
            command.arg("--aclfile").arg(folder.join("users.acl"));
            command.args(["--masteruser", ADMIN.0, "--masterauth", ADMIN.1]);
        }
        if let Some(bytes) = self.options.memory_max {
            command.args(["--maxmemory", &bytes.to_string(), "--maxmemory-policy", "noeviction"]);
        }
        command.args(&self.options.arguments);
        command
    }

    async fn try_run(&mut self) -> bool {
        let _ = fs::remove_file(self.folder.path().join("log"));
        self.running = Some(Process::start(&mut self.command_line()));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.running.as_mut().is_none_or(Process::has_ended) {
                break;
            }
            if self.is_ours_and_loaded().await {
                return true;
            }
            sleep(POLL).await;
        }
        self.kill();
        false
    }

    /// Returns whether the server that answers is the one that was started, and has read its files: it
    /// says who it is while it still refuses everything else (`-LOADING`).
    async fn is_ours_and_loaded(&self) -> bool {
        let info: RedisResult<String> = self.try_command(&mut redis::cmd("INFO")).await;
        let pid = format!("process_id:{}", self.process().id());
        let says = |info: &str, what: &str| info.lines().any(|line| line.trim() == what);
        info.is_ok_and(|info| says(&info, &pid) && !says(&info, "loading:1"))
    }

    fn process(&self) -> &Process {
        self.running.as_ref().expect("it runs")
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let client = match &self.options.tls {
            None => Client::open(self.url())?,
            Some(certificates) => {
                // An error says that there is one already.
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                let root_cert = fs::read(certificates.authority()).ok();
                let (certificate, key) = certificates.client();
                // A server that does not ask for it is not shown it.
                let client_tls = fs::read(certificate).ok().zip(fs::read(key).ok());
                let client_tls = client_tls
                    .map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
                let certificates = TlsCertificates { client_tls, root_cert };
                Client::build_with_tls(self.url(), certificates)?
            }
        };
        client.get_multiplexed_async_connection().await
    }

    /// Sends a command as another client would; an error is the caller's.
    ///
    /// # Errors
    /// Fails as the server does, and where it does not answer.
    pub async fn try_command<T: FromRedisValue>(&self, command: &mut Cmd) -> RedisResult<T> {
        let answer = async { command.query_async(&mut self.connection().await?).await };
        let late = |_| redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        timeout(PATIENCE, answer).await.map_err(late)?
    }

    /// Sends a command as another client would; again where the connection broke, as all do when a
    /// server changes its role.
    ///
    /// # Panics
    /// Panics where it is refused.
    pub async fn command<T: FromRedisValue>(&self, command: &mut Cmd) -> T {
        for _ in 0..CONNECTIONS_TRIED {
            match self.try_command(command).await {
                Err(error) if error.is_io_error() && !error.is_timeout() => {}
                answered => return answered.expect("the command is taken"),
            }
        }
        panic!("each connection broke: {}", self.log());
    }

    /// Cuts all connections that are subscribed (`CLIENT KILL TYPE pubsub`), and counts them.
    pub async fn kill_subscriptions(&self) -> u64 {
        self.command(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub")).await
    }

    /// Kills it; what it had not saved is lost.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Ends it in order (`SHUTDOWN SAVE`): what it has is in its folder, with nothing taken behind
    /// that.
    ///
    /// # Panics
    /// Panics where it does not end in time.
    pub async fn shut_down(&mut self) {
        // It ends without an answer.
        let _ = self.try_command::<()>(redis::cmd("SHUTDOWN").arg("SAVE")).await;
        let deadline = Instant::now() + PATIENCE;
        while self.running.as_mut().is_some_and(|process| !process.has_ended()) {
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            sleep(POLL).await;
        }
        self.running = None;
    }

    /// Returns whether it was started and not killed since.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Writes what it has to its folder.
    pub async fn save(&self) {
        self.command::<()>(&mut redis::cmd("SAVE")).await;
    }

    /// Removes what it had saved; one that runs is not concerned until it starts again.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.folder.path().join("dump.rdb"));
        let _ = fs::remove_dir_all(self.folder.path().join("appendonlydir"));
    }

    /// Stops its process without ending it (`SIGSTOP`).
    pub fn pause(&self) {
        self.process().pause();
    }

    /// Lets its process go on (`SIGCONT`).
    pub fn go_on(&self) {
        self.process().go_on();
    }

    /// Returns its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns what it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns whether a replica follows it, and is counted by `WAIT`.
    pub async fn has_replica(&self) -> bool {
        self.info("slave0").await.is_some_and(|replica| replica.contains("state=online"))
    }

    /// Returns one field of `INFO`.
    pub async fn info(&self, field: &str) -> Option<String> {
        let info: RedisResult<String> = self.try_command(&mut redis::cmd("INFO")).await;
        let info = info.ok()?;
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned())
    }
}
