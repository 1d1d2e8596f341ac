//! A real node on a free port, and what a test asks of it.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use alloy_primitives::{Address, B256, U256};
use chain::{
    BlockRef,
    rpc::{Client, RpcLimits},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A running anvil, stopped when it is dropped.
pub(crate) struct Anvil {
    child: Child,
    port: u16,
    http: reqwest::Client,
}

fn program() -> PathBuf {
    let named = std::env::var_os("ANVIL_BIN").filter(|name| !name.is_empty());
    let program = named.map_or_else(|| PathBuf::from("anvil"), PathBuf::from);
    let version = Command::new(&program).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    assert!(
        version.is_ok_and(|version| version.contains("1.7.1")),
        "these tests need anvil 1.7.1: `cargo xtask test` gets it, or `npm install \
         @foundry-rs/anvil@1.7.1` and name the program in ANVIL_BIN"
    );
    program
}

pub(crate) fn value<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// Reads a number of up to 64 bits.
pub(crate) fn number(told: &Value) -> u64 {
    value::<U256>(told).to()
}

impl Anvil {
    /// Starts it with blocks that are made on demand, in the order of arrival.
    pub(crate) fn start(arguments: &[&str]) -> Anvil {
        let mut command = Command::new(program());
        command.args(["--host", "127.0.0.1", "--port", "0", "--no-mining", "--order", "fifo"]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs");
        let (tell, told) = mpsc::sync_channel(1);
        let output = child.stdout.take().expect("it is piped");
        // It is read to its end, so that the node never waits for room.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(port) = line.strip_prefix("Listening on 127.0.0.1:") {
                    let _ = tell.try_send(port.trim().parse::<u16>());
                }
            }
        });
        let port = told.recv_timeout(Duration::from_secs(60)).expect("it listens");
        let http = reqwest::Client::builder().no_proxy().build().expect("it is plain HTTP");
        Anvil { child, port: port.expect("it is a port"), http }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn client(&self) -> Client {
        let address = self.url().parse().expect("it is an address");
        Client::new(address, RpcLimits::default()).expect("it is made")
    }

    pub(crate) async fn try_ask(&self, method: &str, params: Value) -> Result<Value, Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = self.http.post(self.url()).json(&call).send().await;
        let answer: Value = sent.expect("it answers").json().await.expect("it is JSON");
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].clone()),
        }
    }

    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.try_ask(method, params.clone()).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(crate) async fn send(&self, transaction: Value) -> B256 {
        value(&self.ask("eth_sendTransaction", json!([transaction])).await)
    }

    pub(crate) async fn mine(&self) -> BlockRef {
        self.ask("evm_mine", json!([])).await;
        self.client().head().await.expect("it has one")
    }

    pub(crate) async fn accounts(&self) -> Vec<Address> {
        value(&self.ask("eth_accounts", json!([])).await)
    }

    pub(crate) async fn balance(&self, address: Address, at: BlockRef) -> U256 {
        let block = json!({"blockHash": at.hash, "requireCanonical": false});
        value(&self.ask("eth_getBalance", json!([address, block])).await)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
