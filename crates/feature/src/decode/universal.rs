//! `UniversalRouter` of Uniswap: one byte for each command, with its arguments beside it
//! (<https://docs.uniswap.org/contracts/universal-router/technical-reference>).

use alloy_primitives::U256;

use super::{
    CALLS_MAX, Context,
    table::{Function, Inner, Reading},
    v2, v3,
};
use crate::{
    abi::{Args, List},
    call::{Action, Amount, Swap},
};

pub(super) const ROUTER: &[Function] = &[
    Function {
        signature: "execute(bytes,bytes[],uint256)",
        read: |args, context| {
            let deadline = args.uint(2)?;
            let mut inner = Commands::of(args)?.read(context);
            for inner in &mut inner {
                if let Inner::Command(_, action) = inner
                    && let Action::Swap(swap) = &mut **action
                {
                    swap.deadline = Some(deadline);
                }
            }
            Some(Reading::Batch(inner))
        },
    },
    Function {
        signature: "execute(bytes,bytes[])",
        read: |args, context| Some(Reading::Batch(Commands::of(args)?.read(context))),
    },
];

/// The bit of a command that lets it fail, and the one that is kept for later.
const FLAGS: u8 = 0b1100_0000;

/// A list of commands with their arguments.
#[derive(Clone, Copy)]
pub(super) struct Commands<'a> {
    codes: &'a [u8],
    inputs: List<'a>,
}

impl<'a> Commands<'a> {
    fn of(args: Args<'a>) -> Option<Self> {
        let (codes, inputs) = (args.bytes(0)?, args.list(1)?);
        (codes.len() == inputs.len()).then_some(Commands { codes, inputs })
    }

    /// Returns what each asks for.
    pub(super) fn read(self, context: &Context<'_>) -> Vec<Inner<'a>> {
        let each = self.codes.iter().zip(self.inputs.each_bytes()).take(CALLS_MAX);
        let mut inner: Vec<_> = each.map(|(code, input)| command(*code, input, context)).collect();
        if self.codes.len() > CALLS_MAX {
            inner.push(Inner::Cut);
        }
        inner
    }
}

fn command<'a>(code: u8, input: Option<&'a [u8]>, context: &Context<'_>) -> Inner<'a> {
    let code = code & !FLAGS;
    let args = input.map(Args::new);
    if code == 0x21 {
        return match args.and_then(Commands::of) {
            Some(commands) => Inner::Commands(commands),
            None => Inner::Command("EXECUTE_SUB_PLAN", Box::new(Action::Malformed)),
        };
    }
    let (name, action) = match code {
        0x00 => ("V3_SWAP_EXACT_IN", args.and_then(|args| swap(args, context, true, true))),
        0x01 => ("V3_SWAP_EXACT_OUT", args.and_then(|args| swap(args, context, true, false))),
        0x08 => ("V2_SWAP_EXACT_IN", args.and_then(|args| swap(args, context, false, true))),
        0x09 => ("V2_SWAP_EXACT_OUT", args.and_then(|args| swap(args, context, false, false))),
        0x0b => ("WRAP_ETH", args.and_then(wrap)),
        0x0c => ("UNWRAP_WETH", args.and_then(unwrap)),
        0x02 => ("PERMIT2_TRANSFER_FROM", Some(Action::Known)),
        0x03 => ("PERMIT2_PERMIT_BATCH", Some(Action::Known)),
        0x04 => ("SWEEP", Some(Action::Known)),
        0x05 => ("TRANSFER", Some(Action::Known)),
        0x06 => ("PAY_PORTION", Some(Action::Known)),
        0x0a => ("PERMIT2_PERMIT", Some(Action::Known)),
        0x0d => ("PERMIT2_TRANSFER_FROM_BATCH", Some(Action::Known)),
        0x0e => ("BALANCE_CHECK_ERC20", Some(Action::Known)),
        0x10 => ("V4_SWAP", Some(Action::Known)),
        _ => ("UNKNOWN_COMMAND", Some(Action::Unknown { selector: None })),
    };
    Inner::Command(name, Box::new(action.unwrap_or(Action::Malformed)))
}

/// `(address recipient, uint256 exact, uint256 bound, path, bool payerIsUser)`.
fn swap(args: Args<'_>, context: &Context<'_>, is_v3: bool, is_exact_in: bool) -> Option<Action> {
    let (recipient, exact, bound) = (args.address(0)?, args.uint(1)?, args.uint(2)?);
    args.bool(4)?;
    let path = match is_v3 {
        true => v3::unpacked(args.bytes(3)?, context, is_exact_in)?,
        false => v2::hops(args.list(3)?, context)?,
    };
    let Some(path) = path else { return Some(Action::Known) };
    let (amount_in, amount_out) = match is_exact_in {
        // The first pair has it already, from whoever paid before.
        true if !is_v3 && exact.is_zero() => (Amount::Unknown, Amount::AtLeast(bound)),
        true => (or_balance(exact), Amount::AtLeast(bound)),
        false => (Amount::AtMost(bound), Amount::Exact(exact)),
    };
    Some(Action::Swap(Swap {
        token_in: path.first()?.token_in,
        token_out: path.last()?.token_out,
        native_in: false,
        native_out: false,
        amount_in,
        amount_out,
        path,
        recipient: v3::named(recipient),
        deadline: None,
    }))
}

fn wrap(args: Args<'_>) -> Option<Action> {
    args.address(0)?;
    Some(Action::Wrap { amount: or_balance(args.uint(1)?) })
}

fn unwrap(args: Args<'_>) -> Option<Action> {
    args.address(0)?;
    Some(Action::Unwrap { amount: Amount::AtLeast(args.uint(1)?) })
}

/// The highest bit alone stands for all that the router has.
fn or_balance(amount: U256) -> Amount {
    if amount == U256::ONE << 255 { Amount::Balance } else { Amount::Exact(amount) }
}
