//! The file of a registry.
//!
//! ```toml
//! [[chain]]
//! chain_id = 1
//! wrapped_native = "0x…"
//!
//! [[chain.token]]
//! address = "0x…"
//! symbol = "USDC"
//! decimals = 6
//!
//! [[chain.pool]]
//! address = "0x…"
//! kind = "uniswap_v3"
//! token0 = "0x…"
//! token1 = "0x…"
//! fee_ppm = 500
//!
//! [[chain.router]]
//! address = "0x…"
//! kind = "universal_router"
//! ```

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use serde::Deserialize;

use super::{ChainRegistry, Pool, PoolKind, RegistryError, RouterKind, Token, TokenKind};

/// The fee of a Uniswap V2 pool, which its contract has fixed, in millionths.
const V2_FEE_PPM: u32 = 3_000;

/// Fees are below all of it.
const PPM: u32 = 1_000_000;

/// No token has more decimals than its amounts have digits.
const DECIMALS_MAX: u8 = 77;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    chain: Vec<ChainEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainEntry {
    chain_id: u64,
    hardfork: Option<String>,
    wrapped_native: Option<Address>,
    #[serde(default)]
    token: Vec<TokenEntry>,
    #[serde(default)]
    pool: Vec<PoolEntry>,
    #[serde(default)]
    router: Vec<RouterEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    address: Address,
    symbol: String,
    #[serde(default)]
    decimals: u8,
    kind: Option<TokenKind>,
    #[serde(default)]
    fee_on_transfer: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolEntry {
    address: Address,
    kind: PoolKind,
    token0: Address,
    token1: Address,
    fee_ppm: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouterEntry {
    address: Address,
    kind: RouterKind,
}

/// Reads the chains of a file.
pub(super) fn read(text: &str) -> Result<BTreeMap<u64, ChainRegistry>, RegistryError> {
    let file: File = toml::from_str(text)
        .map_err(|error| RegistryError(vec![error.to_string().trim_end().to_owned()]))?;
    let (mut chains, mut faults) = (BTreeMap::new(), Vec::new());
    for entry in file.chain {
        let id = entry.chain_id;
        let chain = read_chain(entry, &mut faults);
        if chains.insert(id, chain).is_some() {
            faults.push(format!("chain {id}: stands there twice"));
        }
    }
    if faults.is_empty() { Ok(chains) } else { Err(RegistryError(faults)) }
}

fn read_chain(entry: ChainEntry, faults: &mut Vec<String>) -> ChainRegistry {
    let id = entry.chain_id;
    let mut say = |address: Address, what: &str| {
        faults.push(format!("chain {id}: {address:#x}: {what}"));
    };
    let mut known = BTreeSet::new();
    let addresses = entry.token.iter().map(|token| token.address);
    let addresses = addresses.chain(entry.pool.iter().map(|pool| pool.address));
    for address in addresses.chain(entry.router.iter().map(|router| router.address)) {
        if !known.insert(address) {
            say(address, "stands there twice");
        }
    }
    let mut chain = ChainRegistry {
        hardfork: entry.hardfork,
        wrapped_native: entry.wrapped_native,
        routers: entry.router.iter().map(|router| (router.address, router.kind)).collect(),
        ..ChainRegistry::default()
    };
    for token in entry.token {
        let address = token.address;
        let token = read_token(token).unwrap_or_else(|(what, token)| {
            say(address, what);
            token
        });
        chain.tokens.insert(address, token);
    }
    for pool in entry.pool {
        let address = pool.address;
        match read_pool(&pool) {
            Ok(pool) => chain.add_pool(address, pool),
            Err(what) => say(address, what),
        }
    }
    chain
}

fn read_token(entry: TokenEntry) -> Result<Token, (&'static str, Token)> {
    let token = Token {
        symbol: entry.symbol,
        decimals: entry.decimals,
        kind: entry.kind.unwrap_or(TokenKind::Erc20),
        fee_on_transfer: entry.fee_on_transfer,
    };
    if token.symbol.is_empty() || token.symbol.chars().any(char::is_control) {
        return Err((
            "a symbol is a text of at least one character, none of them invisible",
            token,
        ));
    }
    if token.decimals > DECIMALS_MAX {
        return Err(("decimals are 77 at most", token));
    }
    Ok(token)
}

fn read_pool(entry: &PoolEntry) -> Result<Pool, &'static str> {
    if entry.token0 >= entry.token1 {
        return Err("token0 has the lower address of the two");
    }
    let fee_ppm = match (entry.kind, entry.fee_ppm) {
        (_, Some(fee)) => fee,
        (PoolKind::UniswapV2, None) => V2_FEE_PPM,
        (PoolKind::UniswapV3, None) => return Err("a pool of uniswap_v3 needs fee_ppm"),
    };
    if fee_ppm >= PPM {
        return Err("fee_ppm is less than 1000000");
    }
    Ok(Pool { kind: entry.kind, token0: entry.token0, token1: entry.token1, fee_ppm })
}
