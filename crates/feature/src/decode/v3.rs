//! Routers of Uniswap V3: `SwapRouter`, and what of it `SwapRouter02` has with other arguments.

use alloy_primitives::{Address, U256};

use super::{
    CALLS_MAX, Context, HOPS_MAX,
    table::{Function, Inner, Reading},
    token::one,
};
use crate::{
    abi::{Args, List},
    call::{Action, Amount, Hop, Swap},
    registry::PoolKind,
};

/// Bytes of an address and of a fee in a packed path.
const ADDRESS: usize = 20;
const FEE: usize = 3;

/// The tuples of `SwapRouter` have a deadline, those of `SwapRouter02` have none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deadline {
    InTuple,
    None,
}

pub(super) const ROUTER: &[Function] = &[
    Function {
        signature: "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
        read: |args, context| single(args, context, Deadline::InTuple, true),
    },
    Function {
        signature: "exactOutputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
        read: |args, context| single(args, context, Deadline::InTuple, false),
    },
    Function {
        signature: "exactInput((bytes,address,uint256,uint256,uint256))",
        read: |args, context| along(args, context, Deadline::InTuple, true),
    },
    Function {
        signature: "exactOutput((bytes,address,uint256,uint256,uint256))",
        read: |args, context| along(args, context, Deadline::InTuple, false),
    },
];

pub(super) const ROUTER02: &[Function] = &[
    Function {
        signature: "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))",
        read: |args, context| single(args, context, Deadline::None, true),
    },
    Function {
        signature: "exactOutputSingle((address,address,uint24,address,uint256,uint256,uint160))",
        read: |args, context| single(args, context, Deadline::None, false),
    },
    Function {
        signature: "exactInput((bytes,address,uint256,uint256))",
        read: |args, context| along(args, context, Deadline::None, true),
    },
    Function {
        signature: "exactOutput((bytes,address,uint256,uint256))",
        read: |args, context| along(args, context, Deadline::None, false),
    },
    Function {
        signature: "multicall(uint256,bytes[])",
        read: |args, _| Some(Reading::Batch(each(args.list(1)?))),
    },
    Function {
        signature: "multicall(bytes32,bytes[])",
        read: |args, _| Some(Reading::Batch(each(args.list(1)?))),
    },
    Function { signature: "unwrapWETH9(uint256)", read: unwrap_native },
    Function { signature: "wrapETH(uint256)", read: wrap_native },
    Function { signature: "sweepToken(address,uint256)", read: |_, _| one(Action::Known) },
];

pub(super) const SHARED: &[Function] = &[
    Function {
        signature: "multicall(bytes[])",
        read: |args, _| Some(Reading::Batch(each(args.list(0)?))),
    },
    Function { signature: "unwrapWETH9(uint256,address)", read: unwrap_native },
    Function { signature: "sweepToken(address,uint256,address)", read: |_, _| one(Action::Known) },
    Function { signature: "refundETH()", read: |_, _| one(Action::Known) },
    Function {
        signature: "selfPermit(address,uint256,uint256,uint8,bytes32,bytes32)",
        read: |_, _| one(Action::Known),
    },
];

fn unwrap_native<'a>(args: Args<'a>, _: &Context<'_>) -> Option<Reading<'a>> {
    one(Action::Unwrap { amount: Amount::AtLeast(args.uint(0)?) })
}

fn wrap_native<'a>(args: Args<'a>, _: &Context<'_>) -> Option<Reading<'a>> {
    one(Action::Wrap { amount: Amount::Exact(args.uint(0)?) })
}

/// Returns the calls of a list; one that does not lie within the call is told as malformed.
fn each(list: List<'_>) -> Vec<Inner<'_>> {
    let found = list.each_bytes().take(CALLS_MAX).map(|bytes| match bytes {
        Some(bytes) => Inner::Call(bytes),
        None => Inner::Command("multicall", Box::new(Action::Malformed)),
    });
    let mut inner: Vec<_> = found.collect();
    if list.len() > CALLS_MAX {
        inner.push(Inner::Cut);
    }
    inner
}

fn single<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    has: Deadline,
    is_exact_in: bool,
) -> Option<Reading<'a>> {
    let (token_in, token_out) = (args.address(0)?, args.address(1)?);
    let fee = args.u32(2)?;
    let recipient = args.address(3)?;
    let (deadline, amounts_at) = match has {
        Deadline::InTuple => (Some(args.uint(4)?), 5),
        Deadline::None => (None, 4),
    };
    let (amount_in, amount_out) =
        amounts((args.uint(amounts_at)?, args.uint(amounts_at + 1)?), is_exact_in, has);
    let limit = args.uint(amounts_at + 2)?;
    // A price at which it stops may leave what is given, or what is got, smaller.
    let limited = |amount| match amount {
        Amount::Exact(amount) if !limit.is_zero() => Amount::AtMost(amount),
        amount => amount,
    };
    let (amount_in, amount_out) = (limited(amount_in), limited(amount_out));
    one(Action::Swap(Swap {
        native_in: is_native_in(context, token_in),
        amount_in,
        amount_out,
        path: vec![context.hop(PoolKind::UniswapV3, (token_in, token_out), Some(fee))],
        ..between(token_in, token_out, recipient, deadline)
    }))
}

fn along<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    has: Deadline,
    is_exact_in: bool,
) -> Option<Reading<'a>> {
    let fields = args.tuple(0)?;
    let packed = fields.bytes(0)?;
    let recipient = fields.address(1)?;
    let (deadline, amounts_at) = match has {
        Deadline::InTuple => (Some(fields.uint(2)?), 3),
        Deadline::None => (None, 2),
    };
    let named = (fields.uint(amounts_at)?, fields.uint(amounts_at + 1)?);
    let (amount_in, amount_out) = amounts(named, is_exact_in, has);
    let Some(path) = unpacked(packed, context, is_exact_in)? else { return one(Action::Known) };
    let (token_in, token_out) = (path.first()?.token_in?, path.last()?.token_out?);
    one(Action::Swap(Swap {
        native_in: is_native_in(context, token_in),
        amount_in,
        amount_out,
        path,
        ..between(token_in, token_out, recipient, deadline)
    }))
}

/// The amount that is exact stands first; in `SwapRouter02` zero means all that it has.
fn amounts((first, second): (U256, U256), is_exact_in: bool, has: Deadline) -> (Amount, Amount) {
    match is_exact_in {
        true if has == Deadline::None && first.is_zero() => {
            (Amount::Balance, Amount::AtLeast(second))
        }
        true => (Amount::Exact(first), Amount::AtLeast(second)),
        false => (Amount::AtMost(second), Amount::Exact(first)),
    }
}

/// The router takes the coin that goes with a call where it would take its token.
fn is_native_in(context: &Context<'_>, token_in: Address) -> bool {
    !context.value.is_zero() && context.chain.wrapped_native() == Some(token_in)
}

/// An address of one or two stands for the sender or the router itself.
fn between(
    token_in: Address,
    token_out: Address,
    recipient: Address,
    deadline: Option<U256>,
) -> Swap {
    Swap {
        token_in: Some(token_in),
        token_out: Some(token_out),
        native_in: false,
        native_out: false,
        amount_in: Amount::Unknown,
        amount_out: Amount::Unknown,
        path: Vec::new(),
        recipient: named(recipient),
        deadline,
    }
}

/// Returns a recipient that is meant as such: the first addresses are signs for others.
pub(super) fn named(recipient: Address) -> Option<Address> {
    let (upper, last) = recipient.split_at(ADDRESS - 1);
    (upper.iter().any(|byte| *byte != 0) || last[0] > 2).then_some(recipient)
}

/// Reads a packed path: an address, then a fee and an address for each step. That of an exact output
/// stands in reverse. Within, `None` for more steps than are told.
pub(super) fn unpacked(
    packed: &[u8],
    context: &Context<'_>,
    is_forward: bool,
) -> Option<Option<Vec<Hop>>> {
    let (first, rest) = packed.split_first_chunk::<ADDRESS>()?;
    if rest.is_empty() || !rest.len().is_multiple_of(FEE + ADDRESS) {
        return None;
    }
    if rest.len() / (FEE + ADDRESS) > HOPS_MAX {
        return Some(None);
    }
    let mut from = Address::from(*first);
    let mut hops = Vec::with_capacity(rest.len() / (FEE + ADDRESS));
    for step in rest.chunks_exact(FEE + ADDRESS) {
        let fee = u32::from_be_bytes([0, step[0], step[1], step[2]]);
        let to = Address::from_slice(&step[FEE..]);
        let tokens = if is_forward { (from, to) } else { (to, from) };
        hops.push(context.hop(PoolKind::UniswapV3, tokens, Some(fee)));
        from = to;
    }
    if !is_forward {
        hops.reverse();
    }
    Some(Some(hops))
}
