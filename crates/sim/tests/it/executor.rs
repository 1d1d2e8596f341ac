//! The contract that carries opportunities out, with tokens that say different things of a transfer.

use alloy_primitives::{Address, Bytes, U256, address, hex, keccak256};
use sim::{Outcome, RevertReason, Status};

use crate::memory::{Memory, bundle, paid, run};

const FROM: Address = Address::repeat_byte(0xa1);
const EXECUTOR: Address = Address::repeat_byte(0xa2);
const POOL: Address = Address::repeat_byte(0xa3);

/// Small, so that the pool below can say it where it is asked for reserves, too.
const TOKEN: Address = address!("0000000000000000000000000000000000001001");

/// Answers whatever it is asked with the words 0x1001, 0x1001 and 0: its tokens, and its reserves.
const POOL_CODE: [u8; 15] = hex!("6110015f5261100160205260605ff3");

/// Has the contract give 100 of a token with this code to a pair of a fee of 0.3 %.
async fn swapped(token: &[u8]) -> Outcome {
    let creation = include_str!("../../../../contracts/Executor.bin").trim();
    let code: Bytes = hex::decode(creation).expect("it is hexadecimal")[28..].to_vec().into();
    let state = Memory::default()
        .with(FROM, U256::from(10).pow(U256::from(20)), &Bytes::new())
        .with(EXECUTOR, U256::ZERO, &code)
        .with(POOL, U256::ZERO, &Bytes::copy_from_slice(&POOL_CODE))
        .with(TOKEN, U256::ZERO, &Bytes::copy_from_slice(token));
    let mut input = keccak256("run((uint8,address,uint32,bool)[],uint256,uint256)")[..4].to_vec();
    let pool = U256::from_be_bytes(POOL.into_word().0);
    let step = [U256::from(2), pool, U256::from(3_000), U256::ONE];
    let head = [96, 100, 0, 1].map(U256::from);
    head.iter().chain(&step).for_each(|word| input.extend(word.to_be_bytes::<32>()));
    let call = paid(FROM, EXECUTOR, U256::ZERO, input.into(), 1_000_000);
    run(&state, &bundle(vec![call])).await.remove(0)
}

#[tokio::test]
async fn a_token_that_says_nothing_of_a_transfer_has_made_it() {
    let (nothing, yes) = (hex!("00"), hex!("60015f5260205ff3"));
    for token in [&nothing[..], &yes] {
        let outcome = swapped(token).await;
        assert_eq!(outcome.status, Status::Success, "{outcome:?}");
        // 4097 · 99.7 / (4097 + 99.7), down.
        assert_eq!(U256::from_be_slice(&outcome.output), U256::from(97));
    }
}

#[tokio::test]
async fn a_token_that_says_no_or_takes_it_back_has_not() {
    let (no, back) = (hex!("5f5f5260205ff3"), hex!("5f5ffd"));
    for token in [&no[..], &back] {
        let outcome = swapped(token).await;
        let said = RevertReason::Error("the token was not sent".to_owned());
        let is_said =
            matches!(&outcome.status, Status::Revert { reason: Some(why), .. } if *why == said);
        assert!(is_said, "{outcome:?}");
    }
}
