//! Tests of secrets in the clear.

use super::*;

#[test]
fn secrets_are_found_and_references_are_not() {
    for (line, what) in [
        ("redis://u:hunter2@host/0", Some("a password in an address")),
        ("redis://u:<password>@host/0", None),
        ("redis://u:***@host/0", None),
        ("redis://host/0 mail a:b@c", None),
        ("Authorization: Bearer abcdefghijklmnop1", Some("a bearer token")),
        ("the bearer of news", None),
        ("-----BEGIN RSA PRIVATE KEY-----", Some("a private key")),
        ("AKIAIOSFODNN7EXAMPLE", Some("an access key")),
        ("Key `PRIVATE+KEY+a+00000000+AAAAAAAAAAAA`", Some("a private key")),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", Some("a signed token")),
        ("evt_01J...", None),
    ] {
        assert_eq!(in_line(line), what, "{line}");
    }
    let flag = |name: &str, value: &str| in_flag(&Flag { name: name.into(), value: value.into() });
    assert!(flag("DB_PASS", "x") && flag("API_KEY", "x") && flag("TOKEN", "x"));
    assert!(!flag("DB_PASS", "secret:db") && !flag("API_KEY", "<key>") && !flag("MODE", "x"));
}

#[test]
fn secrets_are_found_in_every_word() {
    for (text, names) in [
        ("docker run -e DB_PASS=hunter2 app", &["DB_PASS"][..]),
        ("A=1 API_KEY='x' B_TOKEN=y", &["API_KEY", "B_TOKEN"]),
        ("run --db-password=hunter2", &["db-password"]),
        ("run --env=DB_PASS=hunter2", &["DB_PASS"]),
        ("http://h/x?a=1&access_token=abc", &["access_token"]),
        ("commands = [[\"docker\", \"-e\", \"DB_PASS=hunter2\"]]", &["DB_PASS"]),
        ("é=1 DB_PASS=hunter2é", &["DB_PASS"]),
        ("docker run -e DB_PASS=secret:db -e API_KEY=<key> -e X_TOKEN=*** -e A=1", &[]),
        ("`DB_PASS=`, DB_PASS=... and token=there", &[]),
        ("a = b == c =", &[]),
    ] {
        assert_eq!(in_words(text).collect::<Vec<_>>(), names, "{text}");
    }
}
