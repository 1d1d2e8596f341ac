//! DSSE: the vectors that the specification publishes.

use evidence::{Envelope, IN_TOTO_PAYLOAD_TYPE, Signer, Verifier, pae};
use serde_json::json;

/// Keys A and B of the vectors: TEST 1 and TEST 2 of RFC 8032, section 7.1.
const SEEDS: [&str; 2] = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
];
const PUBLIC: [&str; 2] = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
];

const PAYLOAD: &str = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==";
const BY_A: &str =
    "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==";
const BY_B: &str =
    "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==";

fn signers() -> [Signer; 2] {
    SEEDS.map(|seed| {
        let seed: evidence::Hash = seed.parse().unwrap();
        Signer::from_seed("example.com/key".parse().unwrap(), seed.0).unwrap()
    })
}

/// Checks one vector: an envelope, how many of A and B are trusted, and the threshold.
#[track_caller]
fn check(
    (payload, payload_type): (&str, &str),
    signatures: &[&str],
    (trusted, needed): (usize, usize),
    understood: &[&str],
    accepted: bool,
) {
    let signatures: Vec<_> = signatures.iter().map(|sig| json!({"sig": sig})).collect();
    let envelope =
        json!({"payload": payload, "payloadType": payload_type, "signatures": signatures});
    let envelope: Envelope = serde_json::from_value(envelope).unwrap();
    let signers = signers();
    let known: Vec<&Verifier> = signers[..trusted].iter().map(Signer::verifier).collect();
    let verified = envelope.verify(&known, needed, understood);
    assert_eq!(verified.is_ok(), accepted, "{verified:?}");
}

#[test]
fn the_published_vectors() {
    let known = [IN_TOTO_PAYLOAD_TYPE];
    let statement = (PAYLOAD, IN_TOTO_PAYLOAD_TYPE);
    check(statement, &[BY_A], (1, 1), &known, true);
    let url_safe =
        "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw==";
    check(("-_-_Pj8=", IN_TOTO_PAYLOAD_TYPE), &[url_safe], (1, 1), &known, true);
    let other = "application/vnd.example.other+json";
    check((PAYLOAD, other), &[BY_A], (1, 1), &[known[0], other], false);
    let umlaut = "application/vnd.exämple+json";
    let by_a =
        "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==";
    check((PAYLOAD, umlaut), &[by_a], (1, 1), &[umlaut], true);
    let by_a =
        "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==";
    check(("", IN_TOTO_PAYLOAD_TYPE), &[by_a], (1, 1), &known, true);
    let by_a =
        "iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg==";
    check((PAYLOAD, ""), &[by_a], (1, 1), &known, false);
    check(statement, &[BY_A, BY_B], (2, 2), &known, true);
    check(statement, &[BY_A, BY_A], (2, 2), &known, false);
    check(statement, &[BY_B], (1, 1), &known, false);
    check(statement, &[], (2, 0), &known, false);
}

#[test]
fn our_signatures_are_the_published_ones() {
    let signers = signers();
    for (signer, public) in signers.iter().zip(PUBLIC) {
        assert_eq!(data_encoding::HEXLOWER.encode(signer.verifier().public()), public);
    }
    let payload = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;
    let envelope = Envelope::new(IN_TOTO_PAYLOAD_TYPE, payload)
        .signed(&signers[0])
        .and_then(|envelope| envelope.signed(&signers[1]))
        .unwrap();
    let written = serde_json::to_value(&envelope).unwrap();
    assert_eq!(written["payload"], PAYLOAD);
    assert_eq!(written["signatures"][0]["sig"], BY_A);
    assert_eq!(written["signatures"][1]["sig"], BY_B);
    let known: Vec<&Verifier> = signers.iter().map(Signer::verifier).collect();
    assert_eq!(envelope.verify(&known, 2, &[IN_TOTO_PAYLOAD_TYPE]).unwrap(), known);
}

#[test]
fn what_is_signed_has_the_published_form() {
    let bytes = pae("http://example.com/HelloWorld", b"hello world");
    assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    assert_eq!(pae("ä", b""), "DSSEv1 2 ä 0 ".as_bytes());
}

#[test]
fn envelopes_of_another_form_are_refused() {
    for bad in [
        json!({"payload": "", "signatures": []}),
        json!({"payload": "", "payloadType": "", "signatures": [], "more": 1}),
        json!({"payload": "", "payloadType": "", "signatures": [{"keyid": "x"}]}),
    ] {
        assert!(serde_json::from_value::<Envelope>(bad.clone()).is_err(), "{bad}");
    }
    let known = signers();
    for (payload, sig) in [("?", BY_A), (PAYLOAD, "?"), ("AB", BY_A)] {
        let envelope =
            json!({"payload": payload, "payloadType": "t", "signatures": [{"sig": sig}]});
        let envelope: Envelope = serde_json::from_value(envelope).unwrap();
        assert!(envelope.verify(&[known[0].verifier()], 1, &["t"]).is_err());
    }
}
