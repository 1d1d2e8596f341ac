//! Routers of Uniswap V2: `UniswapV2Router02`, and what of it `SwapRouter02` has.

use alloy_primitives::Address;

use super::{
    Context, HOPS_MAX,
    table::{Function, Reading},
    token::one,
};
use crate::{
    abi::{Args, List},
    call::{Action, Amount, Hop, Swap},
    registry::PoolKind,
};

/// What is given and got, and which of it is the chain's coin.
#[derive(Clone, Copy)]
enum Side {
    /// A token.
    Token,
    /// The chain's coin.
    Native,
}

macro_rules! swap {
    ($signature:literal, $exact:ident, $from:ident, $to:ident) => {
        Function {
            signature: $signature,
            read: |args, context| $exact(args, context, Side::$from, Side::$to),
        }
    };
}

pub(super) const ROUTER: &[Function] = &[
    swap!(
        "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
        exact_in,
        Token,
        Token
    ),
    swap!(
        "swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
        exact_in,
        Token,
        Token
    ),
    swap!(
        "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
        exact_in,
        Token,
        Native
    ),
    swap!(
        "swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
        exact_in,
        Token,
        Native
    ),
    swap!(
        "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)",
        exact_out,
        Token,
        Token
    ),
    swap!(
        "swapTokensForExactETH(uint256,uint256,address[],address,uint256)",
        exact_out,
        Token,
        Native
    ),
    Function {
        signature: "swapExactETHForTokens(uint256,address[],address,uint256)",
        read: exact_native_in,
    },
    Function {
        signature: "swapExactETHForTokensSupportingFeeOnTransferTokens(uint256,address[],address,uint256)",
        read: exact_native_in,
    },
    Function {
        signature: "swapETHForExactTokens(uint256,address[],address,uint256)",
        read: exact_out_for_native,
    },
    Function {
        signature: "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)",
        read: |_, _| one(Action::Known),
    },
    Function {
        signature: "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
        read: |_, _| one(Action::Known),
    },
    Function {
        signature: "removeLiquidity(address,address,uint256,uint256,uint256,address,uint256)",
        read: |_, _| one(Action::Known),
    },
    Function {
        signature: "removeLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
        read: |_, _| one(Action::Known),
    },
];

/// Without deadlines; an amount of zero means all that the router has.
pub(super) const ROUTER02: &[Function] = &[
    Function {
        signature: "swapExactTokensForTokens(uint256,uint256,address[],address)",
        read: |args, context| {
            let amount = match args.uint(0)? {
                amount if amount.is_zero() => Amount::Balance,
                amount => Amount::Exact(amount),
            };
            let amounts = (amount, Amount::AtLeast(args.uint(1)?));
            by_path(args, context, 2, amounts, (Side::Token, Side::Token), false)
        },
    },
    Function {
        signature: "swapTokensForExactTokens(uint256,uint256,address[],address)",
        read: |args, context| {
            let amounts = (Amount::AtMost(args.uint(1)?), Amount::Exact(args.uint(0)?));
            by_path(args, context, 2, amounts, (Side::Token, Side::Token), false)
        },
    },
];

fn exact_in<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    from: Side,
    to: Side,
) -> Option<Reading<'a>> {
    let amounts = (Amount::Exact(args.uint(0)?), Amount::AtLeast(args.uint(1)?));
    by_path(args, context, 2, amounts, (from, to), true)
}

fn exact_out<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    from: Side,
    to: Side,
) -> Option<Reading<'a>> {
    let amounts = (Amount::AtMost(args.uint(1)?), Amount::Exact(args.uint(0)?));
    by_path(args, context, 2, amounts, (from, to), true)
}

fn exact_native_in<'a>(args: Args<'a>, context: &Context<'_>) -> Option<Reading<'a>> {
    let amounts = (Amount::Exact(context.value), Amount::AtLeast(args.uint(0)?));
    by_path(args, context, 1, amounts, (Side::Native, Side::Token), true)
}

fn exact_out_for_native<'a>(args: Args<'a>, context: &Context<'_>) -> Option<Reading<'a>> {
    let amounts = (Amount::AtMost(context.value), Amount::Exact(args.uint(0)?));
    by_path(args, context, 1, amounts, (Side::Native, Side::Token), true)
}

/// Reads the path at this place, and the recipient and the deadline behind it.
fn by_path<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    path_at: usize,
    (amount_in, amount_out): (Amount, Amount),
    (from, to): (Side, Side),
    has_deadline: bool,
) -> Option<Reading<'a>> {
    let list = args.list(path_at)?;
    let recipient = args.address(path_at + 1)?;
    let deadline = if has_deadline { Some(args.uint(path_at + 2)?) } else { None };
    let Some(path) = hops(list, context)? else { return one(Action::Known) };
    one(Action::Swap(Swap {
        token_in: path.first()?.token_in,
        token_out: path.last()?.token_out,
        native_in: matches!(from, Side::Native),
        native_out: matches!(to, Side::Native),
        amount_in,
        amount_out,
        path,
        recipient: Some(recipient),
        deadline,
    }))
}

/// Returns the steps of a list of tokens; within, `None` for more than are told.
pub(super) fn hops(list: List<'_>, context: &Context<'_>) -> Option<Option<Vec<Hop>>> {
    if list.len() < 2 {
        return None;
    }
    if list.len() > HOPS_MAX + 1 {
        return Some(None);
    }
    let tokens: Vec<Address> =
        (0..list.len()).map(|at| list.words().address(at)).collect::<Option<_>>()?;
    let pairs = tokens.windows(2);
    Some(Some(
        pairs.map(|pair| context.hop(PoolKind::UniswapV2, (pair[0], pair[1]), None)).collect(),
    ))
}
