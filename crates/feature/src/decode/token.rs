//! Tokens: ERC-20 (<https://eips.ethereum.org/EIPS/eip-20>), ERC-721
//! (<https://eips.ethereum.org/EIPS/eip-721>) and the token of the chain's coin (`WETH9`).

use super::{
    Context,
    table::{Function, Reading, selector},
};
use crate::{
    abi::Args,
    call::{Action, Amount},
};

pub(super) const ERC20: &[Function] = &[
    Function { signature: "transfer(address,uint256)", read: transfer },
    Function { signature: "transferFrom(address,address,uint256)", read: transfer_from },
    Function { signature: "approve(address,uint256)", read: approve },
];

pub(super) const WRAPPED: &[Function] = &[
    Function {
        signature: "deposit()",
        read: |_, context| one(Action::Wrap { amount: Amount::Exact(context.value) }),
    },
    Function {
        signature: "withdraw(uint256)",
        read: |args, _| one(Action::Unwrap { amount: Amount::Exact(args.uint(0)?) }),
    },
];

pub(super) const ERC721: &[Function] = &[
    Function { signature: "transferFrom(address,address,uint256)", read: transfer_nft },
    Function { signature: "safeTransferFrom(address,address,uint256)", read: transfer_nft },
    Function {
        signature: "safeTransferFrom(address,address,uint256,bytes)",
        read: |args, context| args.bytes(3).and_then(|_| transfer_nft(args, context)),
    },
    Function { signature: "approve(address,uint256)", read: approve },
    Function {
        signature: "setApprovalForAll(address,bool)",
        read: |args, _| {
            one(Action::ApproveAll { operator: args.address(0)?, approved: args.bool(1)? })
        },
    },
];

/// Returns that one thing is asked for.
#[expect(clippy::unnecessary_wraps, reason = "it ends functions that fail where bytes are missing")]
pub(super) fn one<'a>(action: Action) -> Option<Reading<'a>> {
    Some(Reading::One(action))
}

fn transfer<'a>(args: Args<'a>, context: &Context<'_>) -> Option<Reading<'a>> {
    one(Action::Transfer { from: context.sender, to: args.address(0)?, amount: args.uint(1)? })
}

fn transfer_from<'a>(args: Args<'a>, _: &Context<'_>) -> Option<Reading<'a>> {
    one(Action::Transfer { from: args.address(0)?, to: args.address(1)?, amount: args.uint(2)? })
}

fn transfer_nft<'a>(args: Args<'a>, _: &Context<'_>) -> Option<Reading<'a>> {
    one(Action::TransferNft { from: args.address(0)?, to: args.address(1)?, id: args.uint(2)? })
}

fn approve<'a>(args: Args<'a>, _: &Context<'_>) -> Option<Reading<'a>> {
    one(Action::Approve { spender: args.address(0)?, amount: args.uint(1)? })
}

/// Returns what looks like a transfer of an unknown contract: the arguments have to have exactly the
/// form of the function's.
pub(super) fn perhaps(
    found: [u8; 4],
    arguments: &[u8],
    context: &Context<'_>,
) -> Option<(&'static str, Action)> {
    // What `selector` makes of the two signatures; a test compares them.
    const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
    const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
    let args = Args::new(arguments);
    let (name, from, to, amount_or_id) = match (found, arguments.len()) {
        (TRANSFER, 64) => ("transfer", context.sender, args.address(0)?, args.uint(1)?),
        (TRANSFER_FROM, 96) => ("transferFrom", args.address(0)?, args.address(1)?, args.uint(2)?),
        _ => return None,
    };
    debug_assert_eq!(found, selector(ERC20[usize::from(name != "transfer")].signature));
    Some((name, Action::PerhapsTransfer { from, to, amount_or_id }))
}
