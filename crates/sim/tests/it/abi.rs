//! Calldata, written by hand: a name's four bytes and words behind it.

use alloy_primitives::{Address, Bytes, U256, hex, keccak256};

/// The constructor of the tests' tool, see `tests/contracts/Tool.sol`.
pub(crate) fn tool() -> Bytes {
    hex::decode(include_str!("../contracts/Tool.bin").trim()).expect("it is a code").into()
}

/// The constructor of the example feed's coin, with its supply.
pub(crate) fn coin(supply: U256) -> Bytes {
    let code = include_str!("../../../chain/feeds/Coin.bin").trim();
    let mut code = hex::decode(code).expect("it is a code");
    code.extend(supply.to_be_bytes::<32>());
    code.into()
}

pub(crate) fn word(value: u64) -> U256 {
    U256::from(value)
}

pub(crate) fn address(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

/// Returns the call of a function with words.
pub(crate) fn call(signature: &str, words: &[U256]) -> Bytes {
    let mut data = keccak256(signature)[..4].to_vec();
    data.extend(words.iter().flat_map(|word| word.to_be_bytes::<32>()));
    data.into()
}

/// Returns the call of a function with words, the last of which is where the bytes stand.
pub(crate) fn call_with_bytes(signature: &str, words: &[U256], bytes: &[u8]) -> Bytes {
    let mut all = words.to_vec();
    all.push(word(32 * (words.len() + 1) as u64));
    all.push(word(bytes.len() as u64));
    let mut data = call(signature, &all).to_vec();
    data.extend(bytes);
    data.resize(data.len() + (32 - bytes.len() % 32) % 32, 0);
    data.into()
}
