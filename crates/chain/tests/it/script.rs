//! Chains that real nodes made, told by a fake node as far as a test lets it, and from one chain or
//! from the other.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use alloy_primitives::U64;
use serde_json::{Value, json};

use crate::{
    fake::{Answer, Fake},
    peer::Anvil,
};

/// What the fake node tells; changed while it serves.
pub(crate) struct Script {
    honest: Vec<Value>,
    lying: Vec<Value>,
    head: AtomicU64,
    lies: AtomicBool,
    /// Whether it speaks of a head that nobody has.
    pub(crate) boasts: AtomicBool,
    /// How often its head is asked for and it says that it is its first block.
    pub(crate) stumbles: AtomicUsize,
    /// How often blocks are asked for by number that it says it has not got.
    pub(crate) late: AtomicUsize,
    /// The most calls that came in one request.
    pub(crate) batch_max: AtomicUsize,
}

/// Takes one away, and returns whether there was any.
fn counts_down(count: &AtomicUsize) -> bool {
    count.fetch_update(SeqCst, SeqCst, |it| it.checked_sub(1)).is_ok()
}

/// Returns a node's first blocks as it writes them.
pub(crate) async fn blocks(anvil: &Anvil, count: u64) -> Vec<Value> {
    let mut blocks = Vec::new();
    for number in 0..count {
        let number = json!([U64::from(number), true]);
        blocks.push(anvil.ask("eth_getBlockByNumber", number).await);
    }
    blocks
}

impl Script {
    /// Returns what tells of the first chain up to this height.
    pub(crate) fn new(honest: Vec<Value>, lying: Vec<Value>, head: u64) -> Arc<Script> {
        Arc::new(Script {
            honest,
            lying,
            head: AtomicU64::new(head),
            lies: AtomicBool::new(false),
            boasts: AtomicBool::new(false),
            stumbles: AtomicUsize::new(0),
            late: AtomicUsize::new(0),
            batch_max: AtomicUsize::new(0),
        })
    }

    pub(crate) fn lie(&self, lies: bool) {
        self.lies.store(lies, SeqCst);
    }

    pub(crate) fn lead(&self, head: u64) {
        self.head.store(head, SeqCst);
    }

    /// Returns the hash of the head that is told.
    pub(crate) fn head_hash(&self) -> alloy_primitives::B256 {
        serde_json::from_value(self.by_number("latest")["hash"].clone()).expect("it is a hash")
    }

    pub(crate) fn call(&self, method: &str, params: &Value) -> Result<Value, i64> {
        match (method, params[0].as_str().unwrap_or_default()) {
            ("eth_chainId", _) => Ok(json!("0x7a69")),
            ("eth_getBlockByNumber", "pending") => Err(-32_601),
            ("eth_newPendingTransactionFilter", _) if self.lies.load(SeqCst) => Ok(json!("0x1")),
            ("eth_getFilterChanges", _) => Ok(json!([self.waiting()["hash"]])),
            ("eth_getTransactionByHash", _) => Ok(self.waiting()),
            ("eth_getBlockByNumber", "latest") if self.boasts.load(SeqCst) => {
                let hash = alloy_primitives::B256::repeat_byte(0xee);
                Ok(json!({"number": U64::MAX, "hash": hash}))
            }
            ("eth_getBlockByNumber", "latest") if counts_down(&self.stumbles) => {
                Ok(self.by_number("0x0"))
            }
            ("eth_blockNumber", _) => Ok(match self.boasts.load(SeqCst) {
                true => json!(U64::MAX),
                false => self.by_number("latest")["number"].clone(),
            }),
            ("eth_getBlockByNumber", name) => {
                let is_late = name != "latest" && counts_down(&self.late);
                Ok(if is_late { Value::Null } else { self.by_number(name) })
            }
            ("eth_getBlockByHash", hash) => {
                let told = self.told().iter().find(|block| block["hash"] == hash);
                Ok(told.cloned().unwrap_or_default())
            }
            _ => Err(-32_601),
        }
    }

    /// Answers a request, a call or a batch.
    pub(crate) fn answer(&self, request: &Value) -> String {
        let one = |call: &Value| {
            let method = call["method"].as_str().unwrap_or_default();
            match self.call(method, &call["params"]) {
                Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
                Err(code) => json!({"jsonrpc": "2.0", "id": call["id"],
                    "error": {"code": code, "message": "no"}}),
            }
        };
        match request {
            Value::Array(calls) => {
                self.batch_max.fetch_max(calls.len(), SeqCst);
                Value::Array(calls.iter().map(one).collect()).to_string()
            }
            call => one(call).to_string(),
        }
    }

    /// Serves it.
    pub(crate) async fn serve(self: &Arc<Self>) -> Fake {
        let script = Arc::clone(self);
        Fake::start(move |request| Answer::Body(script.answer(&request))).await
    }

    /// Returns what the other chain's node says is waiting: the first transaction of its blocks.
    fn waiting(&self) -> Value {
        let mut all =
            self.lying.iter().filter_map(|block| block["transactions"].as_array()).flatten();
        let mut first = all.next().cloned().expect("it has one");
        for place in ["blockHash", "blockNumber", "transactionIndex"] {
            first[place] = Value::Null;
        }
        first
    }

    fn told(&self) -> &[Value] {
        let all = if self.lies.load(SeqCst) { &self.lying } else { &self.honest };
        let head = usize::try_from(self.head.load(SeqCst)).expect("it is small");
        &all[..all.len().min(head + 1)]
    }

    fn by_number(&self, name: &str) -> Value {
        let told = self.told();
        let number = match name {
            "latest" => told.len() - 1,
            name => usize::from_str_radix(name.trim_start_matches("0x"), 16).expect("a number"),
        };
        told.get(number).cloned().unwrap_or_default()
    }
}
