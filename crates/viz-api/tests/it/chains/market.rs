//! Pools of Uniswap on a node, by the code that its packages bring.

use std::{fs, path::PathBuf};

use alloy_primitives::{U256, hex, keccak256};
use serde_json::{Value, json};

use super::node::{Node, RICH};

/// The code that a test's node has of each contract.
const PAIRS: &str = "@uniswap/v2-core/build/UniswapV2Factory.json";
pub(super) const SWAP_ROUTER: &str =
    "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json";
const ROUTER: &str = "@uniswap/v2-periphery/build/UniswapV2Router02.json";
const POOLS: &str =
    "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json";
const POSITIONS: &str = "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/\
                         NonfungiblePositionManager.json";

/// Three coins and what trades them; the first stands for the chain's own.
pub(super) struct Market {
    pub(super) node: Node,
    /// In the order of their addresses.
    pub(super) tokens: [U256; 3],
    pub(super) router: U256,
    pub(super) executor: U256,
    pairs: U256,
    pools: U256,
    positions: U256,
    registry: String,
}

/// Returns an address as it is written.
pub(super) fn shown(address: U256) -> String {
    format!("0x{}", hex::encode(&address.to_be_bytes::<32>()[12..]))
}

/// Returns a call, of words alone.
pub(super) fn calling(signature: &str, words: &[U256]) -> String {
    let selector = hex::encode(&keccak256(signature)[..4]);
    let words: String = words.iter().map(|word| hex::encode(word.to_be_bytes::<32>())).collect();
    format!("0x{selector}{words}")
}

pub(super) fn packaged(path: &str) -> String {
    let packages = std::env::var_os("UNISWAP_PACKAGES").map(PathBuf::from).expect(
        "these tests need Uniswap's packages: `cargo xtask test` gets them, or name their \
         node_modules in UNISWAP_PACKAGES",
    );
    let text = fs::read_to_string(packages.join(path)).expect("the package has it");
    let artifact: Value = serde_json::from_str(&text).expect("it is JSON");
    let code = artifact["bytecode"].as_str().or(artifact["evm"]["bytecode"]["object"].as_str());
    code.expect("it has code").trim_start_matches("0x").to_owned()
}

impl Market {
    pub(super) fn open() -> Market {
        let node = Node::start(0, &["--gas-limit", "100000000"]);
        let coin = include_str!("../../../../chain/feeds/Coin.bin").trim();
        let mut tokens = [0; 3].map(|_| deploy(&node, coin, &[U256::from(10).pow(U256::from(40))]));
        tokens.sort_unstable();
        let pairs = deploy(&node, &packaged(PAIRS), &[U256::ZERO]);
        let pools = deploy(&node, &packaged(POOLS), &[]);
        let positions = deploy(&node, &packaged(POSITIONS), &[pools, tokens[0], U256::ZERO]);
        let router = deploy(&node, &packaged(ROUTER), &[pairs, tokens[0]]);
        let executor = deploy(&node, &hex::encode(search::executor_creation()), &[]);
        let registry = format!(
            "[[chain]]\nchain_id = 31337\nwrapped_native = \"{}\"\n[[chain.router]]\naddress = \
             \"{}\"\nkind = \"uniswap_v2\"\n",
            shown(tokens[0]),
            shown(router)
        );
        let market = Market { node, tokens, router, executor, pairs, pools, positions, registry };
        for token in market.tokens {
            for spender in [positions, router] {
                market.send(token, &calling("approve(address,uint256)", &[spender, U256::MAX]));
            }
        }
        market
    }

    /// Sends a transaction and has it mined.
    pub(super) fn send(&self, to: U256, data: &str) {
        let hash = self.send_only(to, data);
        self.node.mine(1);
        let receipt = self.node.ask("eth_getTransactionReceipt", &json!([hash]));
        assert_eq!(receipt["status"], "0x1", "{data}: {receipt}");
    }

    /// Sends a transaction, which waits then.
    pub(super) fn send_only(&self, to: U256, data: &str) -> String {
        let call = json!([{"from": RICH, "to": shown(to), "data": data, "gas": "0x989680"}]);
        self.node.ask("eth_sendTransaction", &call).as_str().expect("a hash").to_owned()
    }

    /// Calls without sending; returns the words of the answer.
    pub(super) fn ask(&self, to: U256, data: &str) -> Vec<U256> {
        let call = json!([{"from": RICH, "to": shown(to), "data": data}, "latest"]);
        let answer = self.node.ask("eth_call", &call);
        let bytes = hex::decode(answer.as_str().expect("a text")).expect("hexadecimal");
        bytes.chunks(32).map(U256::from_be_slice).collect()
    }

    /// Opens a pair of two coins, by their places.
    pub(super) fn pair(&mut self, coins: (usize, usize), reserves: (u128, u128)) -> U256 {
        let tokens = [self.tokens[coins.0], self.tokens[coins.1]];
        self.send(self.pairs, &calling("createPair(address,address)", &tokens));
        let pair = self.ask(self.pairs, &calling("getPair(address,address)", &tokens))[0];
        for (token, amount) in tokens.into_iter().zip([reserves.0, reserves.1]) {
            self.send(token, &calling("transfer(address,uint256)", &[pair, U256::from(amount)]));
        }
        self.send(pair, &calling("mint(address)", &[self.rich()]));
        self.register(pair, "uniswap_v2", tokens, 3_000);
        pair
    }

    /// Opens a pool of concentrated liquidity at a price of one, over a range of ticks.
    pub(super) fn pool(&mut self, coins: (usize, usize), amount: u128, ticks: i32) -> U256 {
        let tokens = [self.tokens[coins.0], self.tokens[coins.1]];
        let fee = U256::from(3_000);
        let of = [tokens[0], tokens[1], fee];
        self.send(self.pools, &calling("createPool(address,address,uint24)", &of));
        let pool = self.ask(self.pools, &calling("getPool(address,address,uint24)", &of))[0];
        self.send(pool, &calling("initialize(uint160)", &[U256::ONE << 96]));
        let upper = U256::from(ticks.unsigned_abs());
        let lower = U256::ZERO.wrapping_sub(upper);
        let (amount, deadline) = (U256::from(amount), U256::ONE << 40);
        let words = [
            tokens[0],
            tokens[1],
            fee,
            lower,
            upper,
            amount,
            amount,
            U256::ZERO,
            U256::ZERO,
            self.rich(),
            deadline,
        ];
        let mint = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))";
        self.send(self.positions, &calling(mint, &words));
        self.register(pool, "uniswap_v3", tokens, 3_000);
        pool
    }

    /// Has a contract created; returns its address.
    pub(super) fn deploy(&self, code: &str, words: &[U256]) -> U256 {
        deploy(&self.node, code, words)
    }

    /// The factory of pools of concentrated liquidity.
    pub(super) fn pools(&self) -> U256 {
        self.pools
    }

    /// The contract whose things are positions in them.
    pub(super) fn positions(&self) -> U256 {
        self.positions
    }

    pub(super) fn rich(&self) -> U256 {
        U256::from_str_radix(&RICH[2..], 16).expect("an address")
    }

    /// The registry of what was opened.
    pub(super) fn registry(&self) -> &str {
        &self.registry
    }

    fn register(&mut self, pool: U256, kind: &str, tokens: [U256; 2], fee_ppm: u32) {
        self.registry += &format!(
            "[[chain.pool]]\naddress = \"{}\"\nkind = \"{kind}\"\ntoken0 = \"{}\"\ntoken1 = \
             \"{}\"\nfee_ppm = {fee_ppm}\n",
            shown(pool),
            shown(tokens[0]),
            shown(tokens[1])
        );
    }
}

fn deploy(node: &Node, code: &str, words: &[U256]) -> U256 {
    let words: String = words.iter().map(|word| hex::encode(word.to_be_bytes::<32>())).collect();
    let data = format!("0x{code}{words}");
    let hash =
        node.ask("eth_sendTransaction", &json!([{"from": RICH, "data": data, "gas": "0x5f5e100"}]));
    node.mine(1);
    let receipt = node.ask("eth_getTransactionReceipt", &json!([hash]));
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let address = receipt["contractAddress"].as_str().expect("it was created");
    U256::from_str_radix(&address[2..], 16).expect("an address")
}
