//! Secrets that stand in the clear. They are named by their line, never shown.

use crate::{code::Flag, placeholder};

/// What a reference to a secret begins with.
pub(crate) const REFERENCE: &str = "secret:";

/// Parts of names whose values are secret.
const NAMES: [&str; 6] = ["PASS", "SECRET", "TOKEN", "PRIVATE", "CREDENTIAL", "APIKEY"];

/// What secrets of known kinds begin with, and how much has to follow.
const STARTS: [(&str, usize, &str); 8] = [
    ("PRIVATE+KEY+", 10, "a private key"),
    ("AKIA", 16, "an access key"),
    ("ghp_", 30, "an access token"),
    ("gho_", 30, "an access token"),
    ("github_pat_", 30, "an access token"),
    ("xoxb-", 20, "an access token"),
    ("sk_live_", 16, "an access key"),
    ("eyJ", 40, "a signed token"),
];

/// Tells what kind of secret stands in a line.
pub(crate) fn in_line(line: &str) -> Option<&'static str> {
    if line.contains("-----BEGIN") && line.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if line.match_indices("://").any(|(at, _)| has_password(&line[at + 3..])) {
        return Some("a password in an address");
    }
    let lower = line.to_ascii_lowercase();
    if lower.match_indices("bearer ").any(|(at, _)| is_token(&line[at + 7..], 16)) {
        return Some("a bearer token");
    }
    let found = STARTS.iter().find(|(start, least, _)| {
        line.match_indices(start).any(|(at, _)| {
            let is_start = !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            is_start && is_token(&line[at + start.len()..], *least)
        })
    });
    found.map(|(_, _, what)| *what)
}

/// Returns whether a setting has its secret beside it.
pub(crate) fn in_flag(flag: &Flag) -> bool {
    let name = flag.name.as_str();
    let is_secret = NAMES.iter().any(|part| name.contains(part))
        || ["_KEY", "_KEYS", "_DSN"].iter().any(|end| name.ends_with(end));
    let is_hidden = flag.value.is_empty()
        || flag.value.starts_with(REFERENCE)
        || flag.value.bytes().all(|b| b == b'*' || b == b'.')
        || placeholder::find(&flag.value).next().is_some();
    is_secret && !is_hidden
}

fn is_token(rest: &str, least: usize) -> bool {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
    rest.bytes().take_while(is_part).count() >= least
}

fn has_password(rest: &str) -> bool {
    let place = rest.split(|c: char| c.is_whitespace() || "/\"'`|)".contains(c)).next();
    let user = place.and_then(|place| place.rsplit_once('@')).map(|(user, _)| user);
    let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    password.is_some_and(|password| {
        let is_hidden = password.starts_with(REFERENCE)
            || password.bytes().all(|b| b == b'*')
            || placeholder::find(password).next().is_some();
        !is_hidden
    })
}

#[cfg(test)]
mod tests {
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
        let flag =
            |name: &str, value: &str| in_flag(&Flag { name: name.into(), value: value.into() });
        assert!(flag("DB_PASS", "x") && flag("API_KEY", "x") && flag("TOKEN", "x"));
        assert!(!flag("DB_PASS", "secret:db") && !flag("API_KEY", "<key>") && !flag("MODE", "x"));
    }
}
