//! Which functions a kind of contract has.

use std::sync::LazyLock;

use alloy_primitives::{keccak256, map::HashMap};

use super::{Context, one_inch, pool, token, universal, universal::Commands, v2, v3};
use crate::{
    abi::Args,
    call::{Action, Contract},
    registry::{PoolKind, RouterKind, TokenKind},
};

/// What a function's arguments say.
pub(super) enum Reading<'a> {
    /// One thing is asked for.
    One(Action),
    /// Several are, each one deeper.
    Batch(Vec<Inner<'a>>),
}

/// What stands within a call.
pub(super) enum Inner<'a> {
    /// A call of the same contract.
    Call(&'a [u8]),
    /// A command of a router, which has no selector.
    Command(&'static str, Box<Action>),
    /// A list of commands.
    Commands(Commands<'a>),
    /// More than is told.
    Cut,
}

/// Reads arguments; `None` where they are not the function's own.
pub(super) type Read = for<'a> fn(Args<'a>, &Context<'_>) -> Option<Reading<'a>>;

/// A function that a contract has.
#[derive(Clone, Copy)]
pub(super) struct Function {
    /// As it is hashed for its selector.
    pub(super) signature: &'static str,
    pub(super) read: Read,
}

impl Function {
    /// Returns its name.
    pub(super) fn name(&self) -> &'static str {
        self.signature.split('(').next().unwrap_or(self.signature)
    }
}

type Table = HashMap<[u8; 4], Function>;

fn table(lists: &[&[Function]]) -> Table {
    let functions = lists.iter().flat_map(|list| list.iter());
    functions.map(|function| (selector(function.signature), *function)).collect()
}

/// Returns the first four bytes of a signature's hash.
pub(super) fn selector(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = keccak256(signature).0;
    [a, b, c, d]
}

static ERC20: LazyLock<Table> = LazyLock::new(|| table(&[token::ERC20]));
static WRAPPED: LazyLock<Table> = LazyLock::new(|| table(&[token::ERC20, token::WRAPPED]));
static ERC721: LazyLock<Table> = LazyLock::new(|| table(&[token::ERC721]));
static V2_POOL: LazyLock<Table> = LazyLock::new(|| table(&[pool::V2]));
static V3_POOL: LazyLock<Table> = LazyLock::new(|| table(&[pool::V3]));
static V2: LazyLock<Table> = LazyLock::new(|| table(&[v2::ROUTER]));
static V3: LazyLock<Table> = LazyLock::new(|| table(&[v3::ROUTER, v3::SHARED]));
static ROUTER02: LazyLock<Table> =
    LazyLock::new(|| table(&[v2::ROUTER02, v3::ROUTER02, v3::SHARED]));
static UNIVERSAL: LazyLock<Table> = LazyLock::new(|| table(&[universal::ROUTER]));
static ONE_INCH_V5: LazyLock<Table> = LazyLock::new(|| table(&[one_inch::V5]));
static ONE_INCH_V6: LazyLock<Table> = LazyLock::new(|| table(&[one_inch::V6]));

/// Returns the function of a contract with this selector.
pub(super) fn find(contract: Contract, wraps: bool, selector: [u8; 4]) -> Option<Function> {
    let table = match contract {
        Contract::Unknown if wraps => &WRAPPED,
        Contract::Token(TokenKind::Erc20) if wraps => &WRAPPED,
        Contract::Unknown => return None,
        Contract::Token(TokenKind::Erc20) => &ERC20,
        Contract::Token(TokenKind::Erc721) => &ERC721,
        Contract::Pool(PoolKind::UniswapV2) => &V2_POOL,
        Contract::Pool(PoolKind::UniswapV3) => &V3_POOL,
        Contract::Router(RouterKind::UniswapV2) => &V2,
        Contract::Router(RouterKind::UniswapV3) => &V3,
        Contract::Router(RouterKind::UniswapRouter02) => &ROUTER02,
        Contract::Router(RouterKind::UniversalRouter) => &UNIVERSAL,
        Contract::Router(RouterKind::OneInchV5) => &ONE_INCH_V5,
        Contract::Router(RouterKind::OneInchV6) => &ONE_INCH_V6,
    };
    table.get(&selector).copied()
}
