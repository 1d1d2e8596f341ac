//! The rolling account.

use event::{RollingHash, Seq};

/// Computed apart from this code, with another implementation of SHA-256, by the formula.
#[test]
fn the_chain_is_as_ever() {
    let zero = RollingHash::default();
    assert_eq!(zero.to_string(), "0".repeat(64));
    let one = zero.and(Seq(1), br#"{"n":1}"#);
    assert_eq!(one.to_string(), "b74e2ef1ec5a956f7640113557138435f8cb00e6379e5d02ea061f175f222952");
    let two = one.and(Seq(2), br#"{"n":2}"#);
    assert_eq!(two.to_string(), "7126528c1a70ef4fccf06ff89e59a48bedd8303f320e6c401faf641eafe720d5");
}

#[test]
fn the_chain_tells_order_number_and_content_apart() {
    let zero = RollingHash::default();
    let chain = |links: &[(u64, &str)]| {
        links.iter().fold(zero, |hash, (seq, json)| hash.and(Seq(*seq), json.as_bytes()))
    };
    let all = [
        chain(&[]),
        chain(&[(1, "a")]),
        chain(&[(2, "a")]),
        chain(&[(1, "b")]),
        chain(&[(1, "")]),
        chain(&[(1, "a"), (2, "b")]),
        chain(&[(2, "b"), (1, "a")]),
        chain(&[(1, "b"), (2, "a")]),
        chain(&[(1, "ab")]),
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|other| other != one), "the chain {i} is met again");
    }
}
