//! Real nodes on free ports, and what a test asks of them: anvil, and Hardhat's, which is of
//! another make.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

/// How long a node may take until it listens.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// How long an answer may take: more than a thousand blocks are mined at once.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// The first account that anvil gives money to, and a second one.
pub(crate) const RICH: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
pub(crate) const OTHER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// An address at which nobody listens, and nobody else can while this is there.
pub(crate) struct Nowhere(TcpSocket);

impl Nowhere {
    pub(crate) fn new() -> Nowhere {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
        Nowhere(socket)
    }

    /// Returns its host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }
}

/// A running node, anvil or Hardhat's, stopped when it is dropped.
pub(crate) struct Anvil {
    child: Child,
    port: u16,
    http: reqwest::Client,
}

fn program() -> PathBuf {
    let version = |program: &Path| {
        let output = Command::new(program).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let named = std::env::var_os("ANVIL_BIN").filter(|name| !name.is_empty());
    let program = named.map_or_else(|| PathBuf::from("anvil"), PathBuf::from);
    let version = version(&program).unwrap_or_default();
    assert!(
        version.contains("1.7.1"),
        "these tests need anvil 1.7.1: `cargo xtask test` gets it, or `npm install \
         @foundry-rs/anvil@1.7.1` and name the program in ANVIL_BIN"
    );
    program
}

impl Anvil {
    /// Starts it on a port, 0 for a free one, with more arguments.
    pub(crate) fn start(port: u16, arguments: &[&str]) -> Anvil {
        let port = port.to_string();
        let mut command = Command::new(program());
        command.args(["--host", "127.0.0.1", "--port", &port]).args(arguments);
        Anvil::spawn(&mut command, "Listening on 127.0.0.1:")
    }

    /// Starts Hardhat's node, which makes blocks when it is told to.
    pub(crate) fn start_hardhat(folder: &Path) -> Anvil {
        let named = std::env::var_os("HARDHAT_BIN").filter(|name| !name.is_empty());
        let program = PathBuf::from(named.expect(
            "this test needs Hardhat 2.26.3: `cargo xtask test` gets it, or `npm install \
             hardhat@2.26.3` and name node_modules/.bin/hardhat in HARDHAT_BIN",
        ));
        let settings = folder.join("hardhat.config.js");
        let mining = "module.exports = { solidity: '0.8.28', \
                      networks: { hardhat: { mining: { auto: false, interval: 0 } } } };";
        std::fs::write(&settings, mining).expect("the folder is ours");
        // It runs only in a project that has it: the folder that holds `node_modules`.
        let project = program.ancestors().nth(3).expect("it lies in node_modules/.bin");
        let mut command = Command::new(&program);
        command.current_dir(project).arg("--config").arg(settings);
        command.args(["node", "--hostname", "127.0.0.1", "--port", "0"]);
        let started = "Started HTTP and WebSocket JSON-RPC server at http://127.0.0.1:";
        Anvil::spawn(&mut command, started)
    }

    /// Starts a node; the line that holds this says its port behind it. Where `CI` is set, some
    /// colour their lines though nobody looks.
    fn spawn(command: &mut Command, started: &'static str) -> Anvil {
        // What it complains of stands beside what the test says.
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let (tell, told) = mpsc::sync_channel(1);
        let output = child.stdout.take().expect("it is piped");
        // It is read to its end, so that the node never waits for room.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some((_, port)) = line.split_once(started) {
                    let digits = port.split(|c: char| !c.is_ascii_digit()).next();
                    let _ = tell.try_send(digits.unwrap_or_default().parse::<u16>());
                }
            }
        });
        let port = told.recv_timeout(START_TIME_MAX).unwrap_or_else(|error| {
            let _ = child.kill();
            let ended = child.wait();
            panic!("{command:?} does not listen: {error}, and then {ended:?}")
        });
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIME_MAX).build();
        let http = http.expect("it is plain HTTP");
        Anvil { child, port: port.expect("it is a port"), http }
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = self.http.post(self.http_url()).json(&call).send().await;
        let answer: Value = sent.expect("it answers").json().await.expect("it is JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Sends a transaction of the rich account; returns its hash.
    pub(crate) async fn pay(&self, wei: u64) -> alloy_primitives::B256 {
        let payment = json!([{"from": RICH, "to": OTHER, "value": format!("{wei:#x}")}]);
        let hash = self.ask("eth_sendTransaction", payment).await;
        serde_json::from_value(hash).expect("it is a hash")
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    /// Asks it to end, so that it keeps its state; waits for that.
    pub(crate) fn end(mut self) {
        let kill = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(kill.expect("it runs").success());
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
