//! From a transaction to the calls that it is made of.
//!
//! Which functions a contract has follows from what the registry says it is, never from a selector:
//! four bytes are soon found twice. Only what looks like a token's transfer is told of unknown
//! contracts too, as such.

mod one_inch;
mod pool;
mod table;
mod token;
mod universal;
mod v2;
mod v3;

use alloy_primitives::{Address, U256};
use chain::Transaction;

use self::table::Reading;
use crate::{
    abi::Args,
    call::{Action, Call, Contract, Hop},
    registry::{ChainRegistry, PoolKind},
};

/// Most calls that are told of a transaction.
pub const CALLS_MAX: usize = 256;

/// How deep calls within calls are followed.
pub const DEPTH_MAX: u8 = 4;

/// Most steps of a swap that are told; one with more is told as a function that is known.
const HOPS_MAX: usize = 32;

/// The calls of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// In the order in which they stand; the transaction's own is the first.
    pub calls: Vec<Call>,
    /// Whether there are more than are told.
    pub is_cut: bool,
}

/// What a function is read with.
#[derive(Clone, Copy)]
struct Context<'a> {
    chain: &'a ChainRegistry,
    target: Address,
    contract: Contract,
    sender: Address,
    /// The coin that goes with the transaction.
    value: U256,
}

/// Returns the calls that a transaction is made of.
pub fn decode(transaction: &Transaction, chain: &ChainRegistry) -> Calls {
    let mut calls = Calls::default();
    let Some(target) = transaction.to else {
        let function = None;
        let (depth, target) = (0, transaction.sender.create(transaction.nonce));
        let contract = Contract::Unknown;
        calls.calls.push(Call { depth, target, contract, function, action: Action::Create });
        return calls;
    };
    let context = Context {
        chain,
        target,
        contract: chain.contract(target),
        sender: transaction.sender,
        value: transaction.value,
    };
    calls.add(&context, &transaction.input, 0);
    calls
}

impl Calls {
    fn add(&mut self, context: &Context<'_>, input: &[u8], depth: u8) {
        let (function, reading) = read(context, input);
        let (action, inner) = match reading {
            Reading::One(action) => (action, Vec::new()),
            Reading::Batch(inner) => (Action::Batch, inner),
        };
        self.push(context, depth, function, action);
        if !inner.is_empty() && depth == DEPTH_MAX {
            self.is_cut = true;
            return;
        }
        for inner in inner {
            if self.is_cut {
                return;
            }
            match inner {
                table::Inner::Call(input) => self.add(context, input, depth + 1),
                table::Inner::Command(name, action) => {
                    self.push(context, depth + 1, Some(name), *action);
                }
                table::Inner::Commands(commands) => self.add_commands(context, commands, depth + 1),
                table::Inner::Cut => self.is_cut = true,
            }
        }
    }

    fn add_commands(
        &mut self,
        context: &Context<'_>,
        commands: universal::Commands<'_>,
        depth: u8,
    ) {
        self.push(context, depth, Some("EXECUTE_SUB_PLAN"), Action::Batch);
        if depth == DEPTH_MAX {
            self.is_cut = true;
            return;
        }
        for inner in commands.read(context) {
            match inner {
                _ if self.is_cut => return,
                table::Inner::Command(name, action) => {
                    self.push(context, depth + 1, Some(name), *action);
                }
                table::Inner::Commands(commands) => self.add_commands(context, commands, depth + 1),
                table::Inner::Call(_) | table::Inner::Cut => self.is_cut = true,
            }
        }
    }

    fn push(
        &mut self,
        context: &Context<'_>,
        depth: u8,
        function: Option<&'static str>,
        action: Action,
    ) {
        if self.calls.len() == CALLS_MAX {
            self.is_cut = true;
            return;
        }
        let (target, contract) = (context.target, context.contract);
        self.calls.push(Call { depth, target, contract, function, action });
    }
}

fn read<'a>(context: &Context<'_>, input: &'a [u8]) -> (Option<&'static str>, Reading<'a>) {
    if input.is_empty() {
        return (None, Reading::One(Action::Plain));
    }
    let Some((selector, arguments)) = input.split_first_chunk::<4>() else {
        return (None, Reading::One(Action::Unknown { selector: None }));
    };
    let wraps = context.chain.wrapped_native() == Some(context.target);
    match table::find(context.contract, wraps, *selector) {
        Some(function) => {
            let read = (function.read)(Args::new(arguments), context);
            (Some(function.name()), read.unwrap_or(Reading::One(Action::Malformed)))
        }
        None if context.contract == Contract::Unknown => {
            match token::perhaps(*selector, arguments, context) {
                Some((name, action)) => (Some(name), Reading::One(action)),
                None => (None, Reading::One(unknown(*selector))),
            }
        }
        None => (None, Reading::One(unknown(*selector))),
    }
}

fn unknown(selector: [u8; 4]) -> Action {
    Action::Unknown { selector: Some(selector.into()) }
}

impl Context<'_> {
    /// Returns a step between two tokens, with the pool where there is one alone.
    fn hop(&self, kind: PoolKind, tokens: (Address, Address), fee_ppm: Option<u32>) -> Hop {
        let pool = self.chain.pool_of(kind, tokens, fee_ppm);
        let known = pool.and_then(|pool| self.chain.pool(pool)).map(|pool| pool.fee_ppm);
        Hop {
            token_in: Some(tokens.0),
            token_out: Some(tokens.1),
            kind: Some(kind),
            pool,
            fee_ppm: fee_ppm.or(known),
        }
    }

    /// Returns a step through a pool that is named, where it is known what goes in.
    fn hop_through(&self, pool: Address, token_in: Option<Address>) -> Hop {
        let known = self.chain.pool(pool);
        let token_out = known.zip(token_in).and_then(|(pool, token)| pool.other(token));
        Hop {
            token_in,
            token_out,
            kind: known.map(|pool| pool.kind),
            pool: Some(pool),
            fee_ppm: known.map(|pool| pool.fee_ppm),
        }
    }
}
