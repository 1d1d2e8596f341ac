//! Key files and keyrings.

use evidence::{KeyName, Keyring, KeyringError, Signer};

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
    assert!(!shown.contains(seed.rsplit('+').next().unwrap()), "{shown}");
}

#[test]
fn names_of_keys() {
    for bad in ["", "a b", "a+b", "a\tb", "a\u{a0}b", "a\nb", "a\u{7}b"] {
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
    check(format!("log {log} more\n"), Err(KeyringError::Form(1)));
    check(format!("log {log}\nlog {log}\n"), Err(KeyringError::Twice(2)));
    check(format!("origin a\norigin b\nlog {log}\n"), Err(KeyringError::Twice(2)));
    for role in ["Log", "", "a,,b", "-a", "1a", "a_b", &"a".repeat(41)] {
        let expected = if role.is_empty() { KeyringError::Form(1) } else { KeyringError::Role(1) };
        check(format!("{role} {log}\n"), Err(expected));
    }
    let broken = format!("log {log}\nlog {}\n", alice.to_string().replace("alice", "alicf"));
    assert!(matches!(broken.parse::<Keyring>(), Err(KeyringError::Key { line: 2, .. })));
    let keyring = cast.keyring();
    assert!(keyring.has_role(alice, "release-manager") && !keyring.has_role(alice, "log"));
    assert!(!keyring.has_role(cast.mallory.verifier(), "release-manager"));
}
