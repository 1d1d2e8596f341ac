//! Transactions of many kinds, each with what a person says that it asks for.

use alloy_primitives::{U256, hex};
use serde_json::{Value, json};

use crate::chains::{
    market::{Market, SWAP_ROUTER, calling, packaged, shown},
    node::{OTHER, RICH},
};

/// How many kinds there are.
pub(super) const KINDS: usize = 20;

/// Code that creates a contract of one byte, `STOP`.
const CREATING: &str = "0x600160005360016000f3";

/// What each pays for a unit of gas: of one sender the node takes those first that pay more, and drops
/// those that were to come before.
const PRICE: &str = "0x77359400";

/// Far behind the end of every test.
const DEADLINE: u64 = 1 << 40;

/// What is sent, and what it asks for.
pub(super) struct Sent {
    pub(super) call: Value,
    pub(super) truth: Truth,
}

/// What a transaction asks for, as a person says it.
pub(super) struct Truth {
    pub(super) category: &'static str,
    /// Its calls, outermost first; what is not said of one is not compared.
    pub(super) calls: Vec<Value>,
    pub(super) calldata: u64,
    pub(super) accounts: u64,
    pub(super) slots: u64,
}

/// A market with what the kinds need.
pub(super) struct World {
    pub(super) market: Market,
    v3: U256,
    pair: U256,
    second_pair: U256,
    pool: U256,
}

impl World {
    pub(super) fn open() -> World {
        const ONE: u128 = 1_000_000_000_000_000_000;
        let mut market = Market::open();
        let pair = market.pair((0, 1), (1_000_000 * ONE, 1_000_000 * ONE));
        let second_pair = market.pair((1, 2), (1_000_000 * ONE, 1_000_000 * ONE));
        let pool = market.pool((0, 1), 5_000_000 * ONE, 6_000);
        let v3 = market.deploy(&packaged(SWAP_ROUTER), &[market.pools(), market.tokens[0]]);
        for (token, spender) in [(0, v3), (1, v3), (1, market.rich())] {
            let words = [spender, U256::MAX];
            market.send(market.tokens[token], &calling("approve(address,uint256)", &words));
        }
        World { market, v3, pair, second_pair, pool }
    }

    /// The registry: the third coin is in no list.
    pub(super) fn registry(&self) -> String {
        let tokens = &self.market.tokens;
        format!(
            "{}[[chain.router]]\naddress = \"{}\"\nkind = \"uniswap_v3\"\n[[chain.token]]\naddress = \
             \"{}\"\nsymbol = \"ONE\"\ndecimals = 18\n[[chain.token]]\naddress = \"{}\"\nsymbol = \
             \"POS\"\ndecimals = 0\nkind = \"erc721\"\n",
            self.market.registry(),
            shown(self.v3),
            shown(tokens[1]),
            shown(self.market.positions())
        )
    }

    /// Returns the transaction with this number.
    pub(super) fn sent(&self, n: usize) -> Sent {
        let amount = U256::from(1_000 + n);
        match n % KINDS {
            0 => self.payment(amount, dynamic_fee()),
            1 => self.payment(amount, json!({"gasPrice": PRICE})),
            2 => self.listed(amount),
            3 => self.coin("transfer(address,uint256)", &[other(), amount], "token", &transfer(amount)),
            4 => self.coin(
                "approve(address,uint256)",
                &[self.v3, U256::MAX],
                "approval",
                &json!({"action": "approve", "spender": shown(self.v3), "amount": U256::MAX.to_string()}),
            ),
            5 => self.coin(
                "transferFrom(address,address,uint256)",
                &[self.market.rich(), other(), amount],
                "token",
                &transfer(amount),
            ),
            6 => self.too_much(),
            7 => self.unlisted(amount),
            8 => self.v2_given(amount),
            9 => self.v2_wanted(amount),
            10 => self.v3_given(amount, false),
            11 => self.v3_given(amount, true),
            12 => create(),
            13 => self.without_gas(amount),
            14 => self.unknown(self.market.tokens[1], &json!({"token": "erc20"})),
            15 => self.nft(),
            16 => self.wrap(amount),
            17 => self.approve_all(n),
            18 => self.unknown(other(), &json!("unknown")),
            _ => self.straight_to_the_pair(amount),
        }
    }

    fn payment(&self, amount: U256, more: Value) -> Sent {
        let calls = vec![json!({"target": lower(OTHER), "contract": "unknown", "action": "plain"})];
        let call = json!({
            "from": RICH, "to": OTHER, "value": format!("{amount:#x}"), "gas": "0x10000",
        });
        Sent { call: joined(call, more), truth: truth("transfer", calls, 0) }
    }

    fn listed(&self, amount: U256) -> Sent {
        let slot = format!("{:#066x}", 5);
        let list =
            json!([{"address": shown(self.pair), "storageKeys": [slot, format!("{:#066x}", 6)]}]);
        let more = json!({"accessList": list, "gasPrice": PRICE});
        let Sent { call, truth } = self.payment(amount, more);
        Sent { call, truth: Truth { accounts: 1, slots: 2, ..truth } }
    }

    fn coin(
        &self,
        signature: &str,
        words: &[U256],
        category: &'static str,
        action: &Value,
    ) -> Sent {
        let token = self.market.tokens[1];
        let name = signature.split('(').next().unwrap_or_default();
        let call =
            json!({"target": shown(token), "contract": {"token": "erc20"}, "function": name});
        called(token, &calling(signature, words), category, vec![joined(call, action.clone())])
    }

    fn too_much(&self) -> Sent {
        let amount = U256::from(10).pow(U256::from(50));
        self.coin("transfer(address,uint256)", &[other(), amount], "token", &transfer(amount))
    }

    /// Its gas ends in the middle.
    fn without_gas(&self, amount: U256) -> Sent {
        let words = [other(), amount];
        let Sent { call, truth } =
            self.coin("transfer(address,uint256)", &words, "token", &transfer(amount));
        Sent { call: joined(call, json!({"gas": "0x5dc0"})), truth }
    }

    fn unlisted(&self, amount: U256) -> Sent {
        let token = self.market.tokens[2];
        let action = json!({
            "target": shown(token), "contract": "unknown", "action": "perhaps_transfer",
            "from": lower(RICH), "to": lower(OTHER), "amount_or_id": amount.to_string(),
        });
        let data = calling("transfer(address,uint256)", &[other(), amount]);
        called(token, &data, "unknown", vec![action])
    }

    fn v2_given(&self, amount: U256) -> Sent {
        let [one, two, _] = self.market.tokens;
        let least = U256::from(7);
        let words = [
            amount,
            least,
            U256::from(160),
            self.market.rich(),
            U256::from(DEADLINE),
            U256::from(2),
            one,
            two,
        ];
        let name = "swapExactTokensForTokens";
        let data = calling(&format!("{name}(uint256,uint256,address[],address,uint256)"), &words);
        let path = json!([hop(one, two, "uniswap_v2", self.pair, 3_000)]);
        let swap = swap((one, two), &bound("exact", amount), &bound("at_least", least), &path);
        let call = json!({"target": shown(self.market.router), "contract": {"router": "uniswap_v2"},
            "function": name, "depth": 0});
        called(self.market.router, &data, "swap", vec![joined(call, swap)])
    }

    fn v2_wanted(&self, amount: U256) -> Sent {
        let [one, two, three] = self.market.tokens;
        let most = amount * U256::from(3);
        let words = [
            amount,
            most,
            U256::from(160),
            self.market.rich(),
            U256::from(DEADLINE),
            U256::from(3),
            one,
            two,
            three,
        ];
        let name = "swapTokensForExactTokens";
        let data = calling(&format!("{name}(uint256,uint256,address[],address,uint256)"), &words);
        let path = json!([
            hop(one, two, "uniswap_v2", self.pair, 3_000),
            hop(two, three, "uniswap_v2", self.second_pair, 3_000),
        ]);
        let swap = swap((one, three), &bound("at_most", most), &bound("exact", amount), &path);
        let call = json!({"target": shown(self.market.router), "contract": {"router": "uniswap_v2"},
            "function": name, "depth": 0});
        called(self.market.router, &data, "swap", vec![joined(call, swap)])
    }

    fn v3_given(&self, amount: U256, is_batch: bool) -> Sent {
        let [one, two, _] = self.market.tokens;
        let fee = U256::from(3_000);
        let zero = U256::ZERO;
        let words = [two, one, fee, self.market.rich(), U256::from(DEADLINE), amount, zero, zero];
        let name = "exactInputSingle";
        let parts = "(address,address,uint24,address,uint256,uint256,uint256,uint160)";
        let inner = calling(&format!("{name}({parts})"), &words);
        let path = json!([hop(two, one, "uniswap_v3", self.pool, 3_000)]);
        let swap = swap((two, one), &bound("exact", amount), &bound("at_least", zero), &path);
        let router = json!({"target": shown(self.v3), "contract": {"router": "uniswap_v3"}});
        let depth = json!({"depth": u8::from(is_batch), "function": name});
        let said = joined(joined(router.clone(), depth), swap);
        if !is_batch {
            return called(self.v3, &inner, "swap", vec![said]);
        }
        let batch = json!({"depth": 0, "function": "multicall", "action": "batch"});
        let data = in_a_list(&inner);
        called(self.v3, &data, "swap", vec![joined(router, batch), said])
    }

    fn nft(&self) -> Sent {
        let (rich, positions) = (self.market.rich(), self.market.positions());
        let words = [rich, rich, U256::ONE];
        let action = json!({
            "target": shown(positions), "contract": {"token": "erc721"}, "function": "transferFrom",
            "action": "transfer_nft", "from": lower(RICH), "to": lower(RICH), "id": "1",
        });
        called(
            positions,
            &calling("transferFrom(address,address,uint256)", &words),
            "nft",
            vec![action],
        )
    }

    fn approve_all(&self, n: usize) -> Sent {
        let positions = self.market.positions();
        let approved = (n / KINDS).is_multiple_of(2);
        let words = [other(), U256::from(u8::from(approved))];
        let action = json!({
            "target": shown(positions), "contract": {"token": "erc721"},
            "function": "setApprovalForAll", "action": "approve_all", "operator": lower(OTHER),
            "approved": approved,
        });
        called(
            positions,
            &calling("setApprovalForAll(address,bool)", &words),
            "approval",
            vec![action],
        )
    }

    /// The coin that stands for the chain's own takes none.
    fn wrap(&self, amount: U256) -> Sent {
        let token = self.market.tokens[0];
        let action =
            json!({"target": shown(token), "action": "wrap", "amount": bound("exact", amount)});
        let Sent { call, truth } = called(token, &calling("deposit()", &[]), "wrap", vec![action]);
        Sent { call: joined(call, json!({"value": format!("{amount:#x}")})), truth }
    }

    fn unknown(&self, target: U256, contract: &Value) -> Sent {
        let action = json!({
            "target": shown(target), "contract": contract, "action": "unknown",
            "selector": "0xdeadbeef", "function": null,
        });
        called(target, "0xdeadbeef00", "unknown", vec![action])
    }

    /// A pair that was given nothing refuses.
    fn straight_to_the_pair(&self, amount: U256) -> Sent {
        let words = [amount, U256::ZERO, self.market.rich(), U256::from(128), U256::ZERO];
        let call = json!({"target": shown(self.pair), "contract": {"pool": "uniswap_v2"},
            "function": "swap", "action": "swap"});
        let data = calling("swap(uint256,uint256,address,bytes)", &words);
        called(self.pair, &data, "swap", vec![call])
    }
}

fn create() -> Sent {
    let call = json!({"from": RICH, "data": CREATING, "gas": "0x100000"});
    let call = joined(call, dynamic_fee());
    let said = vec![json!({"action": "create", "depth": 0})];
    Sent { call, truth: truth("create", said, hex_bytes(CREATING)) }
}

fn called(to: U256, data: &str, category: &'static str, calls: Vec<Value>) -> Sent {
    let call = json!({"from": RICH, "to": shown(to), "data": data, "gas": "0x100000"});
    let call = joined(call, dynamic_fee());
    Sent { call, truth: truth(category, calls, hex_bytes(data)) }
}

fn dynamic_fee() -> Value {
    json!({"maxFeePerGas": PRICE, "maxPriorityFeePerGas": PRICE})
}

fn truth(category: &'static str, calls: Vec<Value>, calldata: u64) -> Truth {
    Truth { category, calls, calldata, accounts: 0, slots: 0 }
}

fn hex_bytes(text: &str) -> u64 {
    hex::decode(text).expect("it is hexadecimal").len() as u64
}

/// `multicall(bytes[])` of one call.
fn in_a_list(inner: &str) -> String {
    let bytes = hex::decode(inner).expect("it is hexadecimal");
    let head = [32, 1, 32, bytes.len()].map(U256::from);
    let padded = hex::encode(&bytes) + &"00".repeat(bytes.len().next_multiple_of(32) - bytes.len());
    calling("multicall(bytes[])", &head) + &padded
}

fn transfer(amount: U256) -> Value {
    json!({"action": "transfer", "from": lower(RICH), "to": lower(OTHER), "amount": amount.to_string()})
}

fn swap((from, to): (U256, U256), given: &Value, got: &Value, path: &Value) -> Value {
    json!({
        "action": "swap", "token_in": shown(from), "token_out": shown(to), "amount_in": given,
        "amount_out": got, "path": path, "recipient": lower(RICH), "deadline": DEADLINE.to_string(),
        "native_in": false, "native_out": false,
    })
}

fn hop(from: U256, to: U256, kind: &str, pool: U256, fee_ppm: u32) -> Value {
    json!({"token_in": shown(from), "token_out": shown(to), "kind": kind, "pool": shown(pool), "fee_ppm": fee_ppm})
}

fn bound(bound: &str, amount: U256) -> Value {
    json!({"bound": bound, "amount": amount.to_string()})
}

fn other() -> U256 {
    U256::from_str_radix(&OTHER[2..], 16).expect("an address")
}

fn lower(address: &str) -> String {
    address.to_lowercase()
}

/// One object with the fields of two, those of the second first.
fn joined(mut object: Value, more: Value) -> Value {
    let (Some(object_fields), Value::Object(more)) = (object.as_object_mut(), more) else {
        panic!("both are objects")
    };
    object_fields.extend(more);
    object
}
