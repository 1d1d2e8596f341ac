//! Pools that are called directly: `UniswapV2Pair` and `UniswapV3Pool`.

use alloy_primitives::{Address, I256, U256};

use super::{
    Context,
    table::{Function, Reading},
    token::one,
};
use crate::{
    abi::Args,
    call::{Action, Amount, Swap},
    registry::Pool,
};

pub(super) const V2: &[Function] =
    &[Function { signature: "swap(uint256,uint256,address,bytes)", read: v2 }];

pub(super) const V3: &[Function] =
    &[Function { signature: "swap(address,bool,int256,uint160,bytes)", read: v3 }];

/// What goes in is there before, or comes in a callback: the call names only what comes out.
fn v2<'a>(args: Args<'a>, context: &Context<'_>) -> Option<Reading<'a>> {
    let (out0, out1, recipient) = (args.uint(0)?, args.uint(1)?, args.address(2)?);
    args.bytes(3)?;
    let pool = context.chain.pool(context.target)?;
    let (is_zero_in, amount) = match (out0.is_zero(), out1.is_zero()) {
        (true, false) => (true, out1),
        (false, true) => (false, out0),
        // Both at once is a loan of both; the pair alone can't say what is given for it.
        (false, false) => return one(Action::Known),
        (true, true) => return None,
    };
    one(swap(context, pool, is_zero_in, (Amount::Unknown, Amount::Exact(amount)), recipient))
}

fn v3<'a>(args: Args<'a>, context: &Context<'_>) -> Option<Reading<'a>> {
    let (recipient, is_zero_in) = (args.address(0)?, args.bool(1)?);
    let specified = I256::from_raw(args.uint(2)?);
    args.bytes(4)?;
    let pool = context.chain.pool(context.target)?;
    // A price at which it stops may leave either amount smaller.
    let amounts = match specified.is_negative() {
        _ if specified.is_zero() => return None,
        false => (Amount::AtMost(specified.into_raw()), Amount::Unknown),
        true => (Amount::Unknown, Amount::AtMost(specified.unsigned_abs())),
    };
    one(swap(context, pool, is_zero_in, amounts, recipient))
}

fn swap(
    context: &Context<'_>,
    pool: &Pool,
    is_zero_in: bool,
    (amount_in, amount_out): (Amount, Amount),
    recipient: Address,
) -> Action {
    let token_in = if is_zero_in { pool.token0 } else { pool.token1 };
    Action::Swap(Swap {
        token_in: Some(token_in),
        token_out: pool.other(token_in),
        native_in: false,
        native_out: false,
        amount_in,
        amount_out,
        path: vec![context.hop_through(context.target, Some(token_in))],
        recipient: Some(recipient),
        deadline: None::<U256>,
    })
}
