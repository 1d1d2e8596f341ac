//! A node of a chain: anvil, which makes a block each second, and on which somebody pays all the time.

use std::{
    collections::BTreeMap, net::SocketAddr, path::PathBuf, process::Command, time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    begin::Begin,
    peer::{Kind, Peer},
};
use crate::{
    StackError,
    http::{Ask, Http},
    program::find,
};

const REMEDY: &str = "`npm install @foundry-rs/anvil@1.7.1` brings one; name it in ANVIL_BIN";

/// How long is waited before a node that refused is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// A chain for the replicas of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The program `anvil`, by name or path.
    pub program: PathBuf,
    /// Transactions a second that somebody sends.
    pub transactions_per_second: f64,
}

/// The node of a stack, and who pays on it.
#[derive(Debug)]
pub(super) struct ChainNode {
    // Ends first.
    _payer: JoinSet<()>,
    peer: Peer<Node>,
}

#[derive(Debug)]
struct Node {
    program: PathBuf,
    folder: PathBuf,
    http: Http,
}

impl ChainNode {
    pub(super) async fn start(chain: &Chain, begin: &Begin) -> Result<Self, StackError> {
        let program = find(&chain.program, REMEDY)?;
        let folder = begin.folder("anvil")?;
        let node = Node { program, folder, http: begin.http.clone() };
        let peer = Peer::start(node, begin).await?;
        let mut payer = JoinSet::new();
        if chain.transactions_per_second > 0.0 {
            let every = Duration::from_secs_f64(chain.transactions_per_second.recip());
            payer.spawn(pay(begin.http.clone(), peer.address(), every));
        }
        Ok(ChainNode { _payer: payer, peer })
    }

    /// Tells replicas where it is, where they were not told otherwise. They follow it once their
    /// `VIZ_API_INGEST_MODE` is `rpc`.
    pub(super) fn settings(&self, settings: &mut BTreeMap<String, String>) {
        let has_chains = ["VIZ_API_CHAINS", "VIZ_API_CHAIN_CONFIG_PATH", "VIZ_API_ETH_HTTP_URL"];
        if has_chains.iter().any(|name| settings.contains_key(*name)) {
            return;
        }
        let at = self.peer.address();
        settings.insert("VIZ_API_ETH_HTTP_URL".to_owned(), format!("http://{at}"));
        settings.insert("VIZ_API_ETH_WS_URL".to_owned(), format!("ws://{at}"));
    }
}

impl Kind for Node {
    fn name(&self) -> &'static str {
        "anvil"
    }

    fn command(&self, at: SocketAddr) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--host", &at.ip().to_string(), "--port", &at.port().to_string()]);
        command.args(["--block-time", "1", "--quiet"]);
        // What it keeps for itself lies in its home.
        command.env_clear().env("HOME", &self.folder).current_dir(&self.folder);
        command
    }

    async fn is_ready(&self, at: SocketAddr) -> bool {
        ask(&self.http, at, "eth_chainId", json!([])).await.is_some()
    }
}

/// Pays from each of the node's accounts to the next, in turn, until it is dropped.
async fn pay(http: Http, at: SocketAddr, every: Duration) {
    let accounts = accounts(&http, at).await;
    let next_of = accounts.iter().cycle().skip(1);
    let mut due = interval(every);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (from, to) in accounts.iter().cycle().zip(next_of) {
        due.tick().await;
        let payment = json!([{"from": from, "to": to, "value": "0x1"}]);
        if ask(&http, at, "eth_sendTransaction", payment).await.is_none() {
            tracing::debug!(%at, "the node took no transaction");
        }
    }
}

/// Returns the accounts that the node signs for.
async fn accounts(http: &Http, at: SocketAddr) -> Vec<Value> {
    loop {
        match ask(http, at, "eth_accounts", json!([])).await {
            Some(Value::Array(accounts)) if !accounts.is_empty() => return accounts,
            _ => sleep(AGAIN).await,
        }
    }
}

/// Returns what the node answers with; nothing where it refuses.
async fn ask(http: &Http, at: SocketAddr, method: &str, params: Value) -> Option<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let ask = Ask { path: "/", key: None, body: Some(body), idempotency_key: None };
    let answer = http.ask(at, ask).await.ok()?;
    let mut answer: Value = serde_json::from_slice(&answer.body).ok()?;
    answer.get_mut("result").map(Value::take)
}
