//! Key files and keyrings.

use data_encoding::{BASE64, HEXLOWER};
use evidence::{Hash, KeyError, KeyName, Keyring, KeyringError, Signer, Verifier};

use super::made::Cast;

#[test]
fn a_new_key_is_read_from_its_own_text_and_differs_from_others() {
    let name: KeyName = "example.com/alice".parse().unwrap();
    let signer = Signer::generate(name.clone()).unwrap();
    let again: Signer = signer.to_private_text().parse().unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    assert!(signer.verifier().verifies(b"text", &again.sign(b"text")));
    assert!(!signer.verifier().verifies(b"other", &again.sign(b"text")));
    assert_ne!(Signer::generate(name).unwrap().verifier(), signer.verifier());
    let shown = format!("{signer:?}");
    let seed = signer.to_private_text();
    assert!(!shown.contains(seed.splitn(5, '+').nth(4).unwrap()), "{shown}");
}

#[test]
fn names_of_keys() {
    for bad in [
        "",
        "a b",
        "a+b",
        "a\tb",
        "a\u{a0}b",
        "a\nb",
        "a\u{7}b",
        "a#b",
        "a,b",
        "a\u{202e}b",
        "a\u{200b}b",
    ] {
        assert!(bad.parse::<KeyName>().is_err(), "{bad:?}");
    }
    assert_eq!("example.com/ä".parse::<KeyName>().unwrap().as_str(), "example.com/ä");
}

#[test]
fn a_keyring_names_the_line_that_is_wrong() {
    let cast = Cast::new();
    let (log, alice) = (cast.log.verifier(), cast.alice.verifier());
    let check = |text: String, expected: Result<usize, KeyringError>| {
        let parsed = text.parse::<Keyring>().map(|keyring| keyring.keys().count());
        assert_eq!(parsed, expected, "{text}");
    };
    check(format!("log {log}\n\n# comment\nrelease-manager,operator {alice} # hers\n"), Ok(2));
    check(format!("log {log}\norigin example.com/runs/1\n"), Ok(1));
    check(String::new(), Err(KeyringError::NoLog));
    check(format!("release-manager {alice}\n"), Err(KeyringError::NoLog));
    check(format!("log {log}\nalice\n"), Err(KeyringError::Form(2)));
    check(format!("\u{feff}log {log}\n"), Ok(1));
    check(format!("log {log}\n\u{feff}log {alice}\n"), Err(KeyringError::Role(2)));
    check(format!("log {log} more\n"), Err(KeyringError::Form(1)));
    check(format!("log {log}\nlog {log}\n"), Err(KeyringError::Twice(2)));
    check(format!("origin a\norigin b\nlog {log}\n"), Err(KeyringError::Twice(2)));
    for role in ["Log", "", "log,origin", "a,,b", "-a", "1a", "a_b", &"a".repeat(41)] {
        let expected = if role.is_empty() { KeyringError::Form(1) } else { KeyringError::Role(1) };
        check(format!("{role} {log}\n"), Err(expected));
    }
    let told = "line 1: a role is a lower-case letter, then letters, digits and hyphens, 40 at most, \
                and not `origin`";
    assert_eq!(KeyringError::Role(1).to_string(), told);
    // One key under two names would look like two people.
    let renamed = Signer::from_seed("example.com/other".parse().unwrap(), [2; 32]).unwrap();
    check(
        format!("log {log}\nqa {alice}\nlead {}\n", renamed.verifier()),
        Err(KeyringError::Twice(3)),
    );
    let broken = format!("log {log}\nlog {}\n", alice.to_string().replace("alice", "alicf"));
    assert!(matches!(broken.parse::<Keyring>(), Err(KeyringError::Key { line: 2, .. })));
    let keyring = cast.keyring();
    assert!(keyring.has_role(alice, "release-manager") && !keyring.has_role(alice, "log"));
    assert!(!keyring.has_role(cast.mallory.verifier(), "release-manager"));
}

/// Returns the text of a public key, whatever its bytes are.
fn text(public: &[u8]) -> String {
    let data = [&[1], public].concat();
    let id = Hash::of(&[b"example.com/x\n", data.as_slice()].concat());
    format!("example.com/x+{}+{}", HEXLOWER.encode(&id.0[..4]), BASE64.encode(&data))
}

#[test]
fn a_key_for_which_anybody_can_sign_is_none() {
    let signer = Signer::from_seed("example.com/x".parse().unwrap(), [9; 32]).unwrap();
    assert_eq!(text(signer.verifier().public()), signer.verifier().to_string());
    let point = |first: u8, inner: u8, last: u8| {
        let mut bytes = [inner; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let mut weak = vec![
        point(0, 0, 0),
        point(1, 0, 0),
        point(0xec, 0xff, 0x7f),
        point(0xed, 0xff, 0x7f),
        point(0xee, 0xff, 0x7f),
    ];
    for order_eight in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        weak.push(HEXLOWER.decode(order_eight.as_bytes()).unwrap().try_into().unwrap());
    }
    for bytes in weak {
        for sign in [0, 0x80] {
            let mut bytes = bytes;
            bytes[31] |= sign;
            let refused = text(&bytes).parse::<Verifier>();
            assert_eq!(refused, Err(KeyError::SmallOrder), "{bytes:x?}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_key_is_told_once() {
    let error = "log x+00000000+AQ==\n".parse::<Keyring>().unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.to_string(), "line 1: the key is none");
    assert!(source.starts_with("a key is NAME+ID+BASE64"), "{source}");
}
