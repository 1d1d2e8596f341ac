//! `AggregationRouterV5` and `V6` of 1inch: what their verified sources have of swaps
//! (<https://etherscan.io/address/0x1111111254eeb25477b68fb85ed929f73a960582#code>,
//! <https://etherscan.io/address/0x111111125421ca6dc452d289314280a0f8842a65#code>).

use alloy_primitives::{Address, U256};

use super::{
    Context, HOPS_MAX,
    table::{Function, Reading},
    token::one,
};
use crate::{
    abi::Args,
    call::{Action, Amount, Hop, Swap},
};

/// What stands for the chain's coin.
const NATIVE: Address = Address::repeat_byte(0xee);

/// The bit of the last pool's word that turns the token that comes out into the chain's coin: in
/// `UnoswapRouter` and `UnoswapV3Router` of V5, and in `ProtocolLib` of V6.
const UNWRAP_V5: usize = 254;
const UNWRAP_V5_V3: usize = 253;
const UNWRAP_V6: usize = 252;

/// The bit of a pool's word by which the second token goes in, in `UnoswapV3Router` of V5.
const ONE_FOR_ZERO: usize = 255;

/// What a swap through named pools says.
struct Named {
    /// Zero stands for the chain's coin; `None` where the first pool's word says it.
    token_in: Option<Address>,
    amount: U256,
    bound: U256,
    recipient: Option<Address>,
    unwrap_bit: usize,
}

pub(super) const V5: &[Function] = &[
    Function {
        signature: "swap(address,(address,address,address,address,uint256,uint256,uint256),bytes,bytes)",
        read: described,
    },
    Function {
        signature: "unoswap(address,uint256,uint256,uint256[])",
        read: |args, context| {
            let named = Named {
                token_in: Some(args.address(0)?),
                amount: args.uint(1)?,
                bound: args.uint(2)?,
                recipient: None,
                unwrap_bit: UNWRAP_V5,
            };
            through_list(args, context, &named, 3)
        },
    },
    Function {
        signature: "unoswapTo(address,address,uint256,uint256,uint256[])",
        read: |args, context| {
            let named = Named {
                token_in: Some(args.address(1)?),
                amount: args.uint(2)?,
                bound: args.uint(3)?,
                recipient: Some(args.address(0)?),
                unwrap_bit: UNWRAP_V5,
            };
            through_list(args, context, &named, 4)
        },
    },
    Function {
        signature: "uniswapV3Swap(uint256,uint256,uint256[])",
        read: |args, context| {
            let named = Named {
                token_in: None,
                amount: args.uint(0)?,
                bound: args.uint(1)?,
                recipient: None,
                unwrap_bit: UNWRAP_V5_V3,
            };
            through_list(args, context, &named, 2)
        },
    },
];

pub(super) const V6: &[Function] = &[
    Function {
        signature: "swap(address,(address,address,address,address,uint256,uint256,uint256),bytes)",
        read: described,
    },
    Function {
        signature: "unoswap(uint256,uint256,uint256,uint256)",
        read: |args, context| through(args, context, None, 1),
    },
    Function {
        signature: "unoswap2(uint256,uint256,uint256,uint256,uint256)",
        read: |args, context| through(args, context, None, 2),
    },
    Function {
        signature: "unoswap3(uint256,uint256,uint256,uint256,uint256,uint256)",
        read: |args, context| through(args, context, None, 3),
    },
    Function {
        signature: "unoswapTo(uint256,uint256,uint256,uint256,uint256)",
        read: |args, context| through(args, context, Some(low_address(args.uint(0)?)), 1),
    },
    Function {
        signature: "ethUnoswap(uint256,uint256)",
        read: |args, context| {
            let named = Named {
                token_in: Some(Address::ZERO),
                amount: context.value,
                bound: args.uint(0)?,
                recipient: None,
                unwrap_bit: UNWRAP_V6,
            };
            one(swap(context, &named, &[args.uint(1)?]))
        },
    },
];

/// `(srcToken, dstToken, srcReceiver, dstReceiver, amount, minReturnAmount, flags)` stands within the
/// arguments, since none of its fields is dynamic; which pools are used is the executor's own.
fn described<'a>(args: Args<'a>, _: &Context<'_>) -> Option<Reading<'a>> {
    args.address(0)?;
    let (token_in, token_out, recipient) = (args.address(1)?, args.address(2)?, args.address(4)?);
    let as_token = |token: Address| (token != NATIVE && !token.is_zero()).then_some(token);
    one(Action::Swap(Swap {
        token_in: as_token(token_in),
        token_out: as_token(token_out),
        native_in: as_token(token_in).is_none(),
        native_out: as_token(token_out).is_none(),
        amount_in: Amount::Exact(args.uint(5)?),
        amount_out: Amount::AtLeast(args.uint(6)?),
        path: Vec::new(),
        recipient: Some(recipient).filter(|recipient| !recipient.is_zero()),
        deadline: None,
    }))
}

fn through_list<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    named: &Named,
    pools_at: usize,
) -> Option<Reading<'a>> {
    let list = args.list(pools_at)?;
    if list.len() == 0 {
        return None;
    }
    if list.len() > HOPS_MAX {
        return one(Action::Known);
    }
    let pools: Vec<U256> =
        (0..list.len()).map(|at| list.words().uint(at)).collect::<Option<_>>()?;
    one(swap(context, named, &pools))
}

/// Reads `token, amount, bound, pool…`, behind the recipient where there is one.
fn through<'a>(
    args: Args<'a>,
    context: &Context<'_>,
    recipient: Option<Address>,
    pools: usize,
) -> Option<Reading<'a>> {
    let at = usize::from(recipient.is_some());
    let named = Named {
        token_in: Some(low_address(args.uint(at)?)),
        amount: args.uint(at + 1)?,
        bound: args.uint(at + 2)?,
        recipient,
        unwrap_bit: UNWRAP_V6,
    };
    let pools: Vec<U256> =
        (at + 3..at + 3 + pools).map(|at| args.uint(at)).collect::<Option<_>>()?;
    one(swap(context, &named, &pools))
}

fn swap(context: &Context<'_>, named: &Named, pools: &[U256]) -> Action {
    let (token_in, is_native_in) = match named.token_in {
        Some(Address::ZERO) => (context.chain.wrapped_native(), true),
        Some(token) => (Some(token), false),
        // Coin that comes along is wrapped, and given in the token's place.
        None => {
            let token = pools.first().and_then(|first| side_in(context, *first));
            (token, !context.value.is_zero())
        }
    };
    let mut path: Vec<Hop> = Vec::with_capacity(pools.len());
    let mut token = token_in;
    for pool in pools {
        let hop = context.hop_through(low_address(*pool), token);
        token = hop.token_out;
        path.push(hop);
    }
    Action::Swap(Swap {
        token_in,
        token_out: token,
        native_in: is_native_in,
        native_out: pools.last().is_some_and(|last| last.bit(named.unwrap_bit)),
        amount_in: Amount::Exact(named.amount),
        amount_out: Amount::AtLeast(named.bound),
        path,
        recipient: named.recipient,
        deadline: None,
    })
}

/// Returns the token that goes into a pool of V3 by its word; `None` where the pool is not known.
fn side_in(context: &Context<'_>, word: U256) -> Option<Address> {
    let pool = context.chain.pool(low_address(word))?;
    Some(if word.bit(ONE_FOR_ZERO) { pool.token1 } else { pool.token0 })
}

/// The upper bits of such a word are flags.
fn low_address(word: U256) -> Address {
    Address::from_word(word.into())
}
