//! Which contract of a chain is what: routers, pools and tokens, from a file in TOML.
//!
//! Owns: the form of the file, and looking an address up. A file is refused as a whole, with every
//! fault of it named, so that a typing error never makes a contract unknown in silence.

mod file;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use alloy_primitives::{Address, map::HashMap};
use serde::{Deserialize, Serialize};

use crate::call::Contract;

/// What is known of the contracts of chains, by the chains' ids (EIP-155).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    chains: BTreeMap<u64, ChainRegistry>,
}

/// What is known of the contracts of one chain.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChainRegistry {
    hardfork: Option<String>,
    wrapped_native: Option<Address>,
    tokens: HashMap<Address, Token>,
    pools: HashMap<Address, Pool>,
    routers: HashMap<Address, RouterKind>,
    /// The pools of each kind and pair, in the order of their addresses.
    of_pair: HashMap<(PoolKind, Address, Address), Vec<Address>>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// How people call it.
    pub symbol: String,
    /// By how many places its amounts are shifted for people.
    pub decimals: u8,
    /// By which standard it works.
    pub kind: TokenKind,
    /// Whether less arrives than is sent.
    pub fee_on_transfer: bool,
}

/// The standard by which a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Amounts (ERC-20).
    Erc20,
    /// Single things with ids (ERC-721).
    Erc721,
}

/// A pool of two tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// By which rules it exchanges.
    pub kind: PoolKind,
    /// The token whose address is lower.
    pub token0: Address,
    /// The other one.
    pub token1: Address,
    /// The part of what goes in that it keeps, in millionths.
    pub fee_ppm: u32,
}

/// The rules by which a pool exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// A constant product of reserves.
    UniswapV2,
    /// Liquidity in ranges of the price.
    UniswapV3,
}

/// Which functions a router has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterKind {
    /// `UniswapV2Router02`.
    UniswapV2,
    /// `SwapRouter` of Uniswap V3.
    UniswapV3,
    /// `SwapRouter02` of Uniswap, for V2 and V3.
    UniswapRouter02,
    /// `UniversalRouter` of Uniswap.
    UniversalRouter,
    /// `AggregationRouterV5` of 1inch.
    OneInchV5,
    /// `AggregationRouterV6` of 1inch.
    OneInchV6,
}

/// Everything that is wrong with a registry's file, a sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError(Vec<String>);

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for RegistryError {}

impl Registry {
    /// Reads a file.
    ///
    /// # Errors
    /// Fails where it is no TOML, has a field that is not known, or contradicts itself.
    pub fn parse(text: &str) -> Result<Registry, RegistryError> {
        file::read(text).map(|chains| Registry { chains })
    }

    /// Returns the one that the program brings: well-known contracts of Ethereum.
    pub fn built_in() -> Registry {
        Registry::parse(include_str!("../registries/ethereum.toml"))
            .expect("a test reads the file that the program brings")
    }

    /// Returns this one with the chains of another one in the place of its own.
    #[must_use]
    pub fn with(mut self, other: Registry) -> Registry {
        self.chains.extend(other.chains);
        self
    }

    /// Returns what is known of a chain.
    pub fn chain(&self, chain_id: u64) -> Option<&ChainRegistry> {
        self.chains.get(&chain_id)
    }

    /// Returns every chain with its id, by id.
    pub fn chains(&self) -> impl Iterator<Item = (u64, &ChainRegistry)> {
        self.chains.iter().map(|(id, chain)| (*id, chain))
    }
}

impl fmt::Debug for ChainRegistry {
    /// Shows how much is known: a log is no place for all of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainRegistry")
            .field("hardfork", &self.hardfork)
            .field("wrapped_native", &self.wrapped_native)
            .field("tokens", &self.tokens.len())
            .field("pools", &self.pools.len())
            .field("routers", &self.routers.len())
            .finish()
    }
}

impl ChainRegistry {
    /// Returns the name of the rules by which its blocks run, where the file says one.
    pub fn hardfork(&self) -> Option<&str> {
        self.hardfork.as_deref()
    }

    /// Returns the token that stands for the chain's own coin, one for one.
    pub fn wrapped_native(&self) -> Option<Address> {
        self.wrapped_native
    }

    /// Returns what a token is.
    pub fn token(&self, address: Address) -> Option<&Token> {
        self.tokens.get(&address)
    }

    /// Returns what a pool is.
    pub fn pool(&self, address: Address) -> Option<&Pool> {
        self.pools.get(&address)
    }

    /// Returns every pool, in the order of their addresses.
    pub fn pools(&self) -> Vec<(Address, &Pool)> {
        let mut all: Vec<_> = self.pools.iter().map(|(address, pool)| (*address, pool)).collect();
        all.sort_unstable_by_key(|(address, _)| *address);
        all
    }

    /// Returns the one pool of this kind, pair and fee; `None` where there are several or none.
    pub fn pool_of(
        &self,
        kind: PoolKind,
        tokens: (Address, Address),
        fee_ppm: Option<u32>,
    ) -> Option<Address> {
        let (low, high) = (tokens.0.min(tokens.1), tokens.0.max(tokens.1));
        let of_pair = self.of_pair.get(&(kind, low, high))?;
        let fits = |pool: &&Address| fee_ppm.is_none_or(|fee| self.pools[*pool].fee_ppm == fee);
        let mut fitting = of_pair.iter().filter(fits);
        fitting.next().copied().filter(|_| fitting.next().is_none())
    }

    /// Returns what a contract is.
    pub fn contract(&self, address: Address) -> Contract {
        if let Some(router) = self.routers.get(&address) {
            return Contract::Router(*router);
        }
        if let Some(token) = self.tokens.get(&address) {
            return Contract::Token(token.kind);
        }
        self.pools.get(&address).map_or(Contract::Unknown, |pool| Contract::Pool(pool.kind))
    }

    fn add_pool(&mut self, address: Address, pool: Pool) {
        let of_pair = self.of_pair.entry((pool.kind, pool.token0, pool.token1)).or_default();
        of_pair.push(address);
        of_pair.sort_unstable();
        self.pools.insert(address, pool);
    }
}

impl Pool {
    /// Returns the other token of the pool; `None` where the one given is not in it.
    pub fn other(&self, token: Address) -> Option<Address> {
        match token {
            token if token == self.token0 => Some(self.token1),
            token if token == self.token1 => Some(self.token0),
            _ => None,
        }
    }
}
