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
    is_secret(&flag.name) && !is_hidden(&flag.value)
}

/// Says of which setting a secret stands in the clear.
pub(crate) fn told(name: &str) -> String {
    format!("the secret of {name} stands in the clear; write `secret:NAME`")
}

/// Returns the names of settings that have their secrets beside them, wherever they stand in a text:
/// `docker run -e DB_PASS=…`, `--db-token=…`, `?access_token=…`.
pub(crate) fn in_words(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('=').filter_map(move |(at, _)| {
        let (before, value) = (&text[..at], &text[at + 1..]);
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let word = &before[before.trim_end_matches(is_inner).len()..];
        let name = word.trim_start_matches('-');
        // In lower case it is an option or a part of an address; else it may be a field that is
        // looked at.
        let lead = &before[..before.len() - name.len()];
        let is_setting = !name.is_empty()
            && (lead.ends_with(['-', '?', '&'])
                || !name.contains(|c: char| c.is_ascii_lowercase()));
        let upper = name.to_ascii_uppercase().replace('-', "_");
        (is_setting && is_secret(&upper) && !is_hidden(word_of(value))).then_some(name)
    })
}

/// Returns the word that a text begins with, without its quotes; no further than to another `=`.
fn word_of(text: &str) -> &str {
    let text = text.trim_start_matches(['"', '\'']);
    let end = text.find(|c: char| c.is_whitespace() || "\"'`|,;&=".contains(c));
    text[..end.unwrap_or(text.len())].trim_end_matches(['.', ')', ']'])
}

fn is_secret(name: &str) -> bool {
    NAMES.iter().any(|part| name.contains(part))
        || ["_KEY", "_KEYS", "_DSN"].iter().any(|end| name.ends_with(end))
}

fn is_hidden(value: &str) -> bool {
    value.starts_with(REFERENCE)
        || value.bytes().all(|b| b == b'*' || b == b'.')
        || placeholder::find(value).next().is_some()
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
mod tests;
