//! Plays what the feed that ships with the program shows: transfers, a coin, a replacement, a
//! reorganisation and a rollback, on an anvil that makes no blocks by itself.
//!
//! ```text
//! anvil --no-mining --chain-id 31337
//! tidegate record --url ws://127.0.0.1:8545 --out crates/chain/feeds/example.jsonl.gz
//! cargo run -p chain --example play_example -- http://127.0.0.1:8545
//! ```
//!
//! Each in a terminal of its own; an interrupt ends the recording.

use std::{error::Error, time::Duration};

use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Rounds of play.
const ROUNDS: u64 = 40;

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

struct Node {
    url: String,
    http: reqwest::Client,
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let url = std::env::args().nth(1).ok_or("name the node, such as http://127.0.0.1:8545")?;
    let http = reqwest::Client::builder().timeout(ANSWER_TIME_MAX).build()?;
    Node { url, http }.play().await
}

impl Node {
    async fn ask(&self, method: &str, params: Value) -> Fallible<Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer: Value = self.http.post(&self.url).json(&call).send().await?.json().await?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}").into()),
            None => Ok(answer["result"].clone()),
        }
    }

    async fn play(&self) -> Fallible<()> {
        let accounts = self.ask("eth_accounts", json!([])).await?;
        pause(1_500).await;
        let code = include_str!("../feeds/Coin.bin").trim();
        let deploy =
            json!([{"from": accounts[0], "data": format!("0x{code}{:064x}", 10_u128.pow(24))}]);
        let deployed = self.ask("eth_sendTransaction", deploy).await?;
        self.mine(300).await?;
        let receipt = self.ask("eth_getTransactionReceipt", json!([deployed])).await?;
        let coin = receipt["contractAddress"].clone();
        for round in 0..ROUNDS {
            self.round(round, &accounts, &coin).await?;
        }
        pause(1_000).await;
        Ok(())
    }

    async fn round(&self, round: u64, accounts: &Value, coin: &Value) -> Fallible<()> {
        let account = |at: u64| &accounts[usize::try_from(at % 10).expect("it is less than 10")];
        for at in 0..4 {
            let (from, to) = (account(round + at), account(round + at + 1));
            let wei = format!("{:#x}", (1 + round) * 10_u64.pow(15));
            let pay = json!([{"from": from, "to": to, "value": wei}]);
            self.ask("eth_sendTransaction", pay).await?;
            let to = to.as_str().and_then(|to| to.strip_prefix("0x")).ok_or("it is an address")?;
            let data = format!("0xa9059cbb{to:0>64}{:064x}", (1 + round) * 10_u64.pow(16));
            let call = json!([{"from": accounts[0], "to": coin, "data": data, "gas": "0x186a0"}]);
            self.ask("eth_sendTransaction", call).await?;
            pause(20).await;
        }
        if round % 8 == 3 {
            self.replace(account(round + 7), account(round)).await?;
        }
        self.mine(150).await?;
        match round % 10 {
            4 => drop(self.ask("anvil_reorg", json!([1 + round / 10, []])).await?),
            8 => drop(self.ask("anvil_rollback", json!([1 + round / 20])).await?),
            _ => {}
        }
        pause(150).await;
        Ok(())
    }

    /// Sends a transaction, and another one in its place that pays more.
    async fn replace(&self, from: &Value, to: &Value) -> Fallible<()> {
        let nonce = self.ask("eth_getTransactionCount", json!([from, "pending"])).await?;
        for gwei in [20_u64, 40] {
            let fee = format!("{:#x}", gwei * 10_u64.pow(9));
            let pay = json!([{"from": from, "to": to, "value": "0x1", "nonce": nonce,
                "maxFeePerGas": fee, "maxPriorityFeePerGas": fee}]);
            self.ask("eth_sendTransaction", pay).await?;
            pause(60).await;
        }
        Ok(())
    }

    async fn mine(&self, pause_ms: u64) -> Fallible<()> {
        self.ask("anvil_mine", json!(["0x1"])).await?;
        pause(pause_ms).await;
        Ok(())
    }
}

async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
