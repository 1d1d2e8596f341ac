//! Texts, codes and names, and what only looks like one.

use alloy_primitives::{U256, hex};
use proptest::prelude::{any, prop_assert, proptest};

use super::RevertReason;

fn error(text: &str, offset: u64, length: u64) -> Vec<u8> {
    let mut data = hex!("08c379a0").to_vec();
    data.extend(U256::from(offset).to_be_bytes::<32>());
    data.extend(U256::from(length).to_be_bytes::<32>());
    data.extend(text.as_bytes());
    data.resize(data.len().next_multiple_of(32) + 4, 0);
    data
}

#[test]
fn each_form_is_read() {
    let said = |data: &[u8]| RevertReason::decode(data).map(|reason| reason.to_string());
    assert_eq!(said(&[]), None);
    assert_eq!(said(&[1, 2, 3]), None);
    assert_eq!(said(&error("too poor", 32, 8)), Some("too poor".to_owned()));
    let panic = [&hex!("4e487b71")[..], &U256::from(0x11).to_be_bytes::<32>()].concat();
    assert_eq!(said(&panic), Some("Panic(0x11)".to_owned()));
    assert_eq!(said(&hex!("cf47918100")), Some("0xcf479181".to_owned()));
    // What lies outside of the data is no text.
    assert_eq!(said(&error("short", 32, 5000)), Some("0x08c379a0".to_owned()));
    assert_eq!(said(&error("short", u64::MAX, 5)), Some("0x08c379a0".to_owned()));
    assert_eq!(said(&error("short", 32, u64::MAX)), Some("0x08c379a0".to_owned()));
    let long = "x".repeat(5000);
    assert_eq!(said(&error(&long, 32, 5000)).map(|text| text.len()), Some(1024));
}

proptest! {
    #[test]
    fn no_data_is_too_odd(mut data: Vec<u8>, begin in 0..3_u8, head: [u8; 64], any_of in any::<bool>()) {
        let selector = [&hex!("08c379a0")[..], &hex!("4e487b71"), &[]][usize::from(begin)];
        if any_of {
            data.splice(0..0, head);
        }
        data.splice(0..0, selector.iter().copied());
        let reason = RevertReason::decode(&data);
        prop_assert!(reason.is_some() == (data.len() >= 4));
    }
}
