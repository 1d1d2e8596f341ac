//! Passwords in addresses: `scheme://user:password@host`.

use super::{Scan, SecretKind, value};

/// The longest user with a password and a host, in bytes.
const PLACE_BYTES_MAX: usize = 512;

/// The least length of a token without a user.
const TOKEN_BYTES_MIN: usize = 20;

pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    for (at, sign) in line.match_indices("://") {
        let start = at + sign.len();
        let rest = value::ahead(line, start, PLACE_BYTES_MAX);
        let end = rest.find(|c: char| c.is_whitespace() || "\"'`|)\\".contains(c));
        let place = &rest[..end.unwrap_or(rest.len())];
        // A placeholder may have a slash in it; a host comes before the first one beside it.
        let Some(place) = place.rfind('@').map(|at| &place[..at]) else { continue };
        let Some(colon) = place.find(':') else {
            if is_token(place) {
                let what = SecretKind::Form("a token in an address");
                scan.find(start..start + place.len(), what);
            }
            continue;
        };
        let (user, password) = (&place[..colon], &place[colon + 1..]);
        let is_user = !user.contains(['/', '?', '#']);
        // Behind a slash it is a path, unless what is before it can't be a port.
        let first = password.split('/').next().unwrap_or_default();
        let is_port = password.contains('/') && first.bytes().all(|b| b.is_ascii_digit());
        if is_user && !is_port && !password.is_empty() && !value::is_hidden(password) {
            let from = start + colon + 1;
            scan.find(from..from + password.len(), SecretKind::Form("a password in an address"));
        }
    }
}

/// Returns whether what stands before a host is no user that somebody is called by.
fn is_token(user: &str) -> bool {
    user.len() >= TOKEN_BYTES_MIN
        && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        && user.bytes().any(|b| b.is_ascii_digit())
        && user.bytes().any(|b| b.is_ascii_alphabetic())
}
