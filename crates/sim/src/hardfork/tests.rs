//! The first and the last block of each set of rules.

use super::{ALL, Hardfork};

#[test]
fn mainnet_and_sepolia_change_where_they_did() {
    let mainnet = |number, timestamp| Hardfork::for_chain(1, number, timestamp);
    assert_eq!(mainnet(0, 0), Hardfork::Frontier);
    assert_eq!(mainnet(12_964_999, 1_628_166_000), Hardfork::Berlin);
    assert_eq!(mainnet(12_965_000, 1_628_166_822), Hardfork::London);
    assert_eq!(mainnet(15_537_394, 1_663_224_179), Hardfork::Paris);
    assert_eq!(mainnet(17_034_869, 1_681_338_443), Hardfork::Paris);
    assert_eq!(mainnet(17_034_870, 1_681_338_455), Hardfork::Shanghai);
    assert_eq!(mainnet(19_426_587, 1_710_338_135), Hardfork::Cancun);
    assert_eq!(mainnet(22_431_084, 1_746_612_311), Hardfork::Prague);
    assert_eq!(mainnet(23_935_694, 1_764_798_551), Hardfork::Osaka);
    let sepolia = |number, timestamp| Hardfork::for_chain(11_155_111, number, timestamp);
    assert_eq!(sepolia(0, 0), Hardfork::London);
    assert_eq!(sepolia(9_408_577, 1_760_427_359), Hardfork::Prague);
    assert_eq!(sepolia(9_408_578, 1_760_427_360), Hardfork::Osaka);
    assert_eq!(sepolia(11_300_000, 1_791_294_816), Hardfork::Amsterdam);
    assert_eq!(Hardfork::for_chain(31_337, 0, 0), Hardfork::Osaka);
}

#[test]
fn each_has_one_name() {
    for fork in ALL {
        assert_eq!(Hardfork::from_name(fork.name()), Some(fork));
        let written = serde_json::to_string(&fork).expect("it is a name");
        assert_eq!(written, format!("\"{}\"", fork.name()));
    }
    assert_eq!(Hardfork::from_name("Osaka"), None);
}
