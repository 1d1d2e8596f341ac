//! Secrets that are told by their own form, and what follows the schemes of `Authorization`.

use data_encoding::BASE64;

use super::{Scan, Secret, SecretKind, value};

/// What tokens of known issuers begin with, how many characters have to follow at least, and what they
/// are. Sources: the issuers' own descriptions of their tokens.
const STARTS: &[(&str, usize, &str)] = &[
    ("PRIVATE+KEY+", 10, "a private key"),
    ("AGE-SECRET-KEY-1", 20, "a private key"),
    ("AKIA", 16, "an access key"),
    ("ASIA", 16, "an access key"),
    ("AIza", 35, "an access key"),
    ("sk_live_", 16, "an access key"),
    ("sk_test_", 16, "an access key"),
    ("rk_live_", 16, "an access key"),
    ("sk-proj-", 20, "an access key"),
    ("sk-ant-", 20, "an access key"),
    ("SG.", 40, "an access key"),
    ("ghp_", 30, "an access token"),
    ("gho_", 30, "an access token"),
    ("ghu_", 30, "an access token"),
    ("ghs_", 30, "an access token"),
    ("ghr_", 30, "an access token"),
    ("github_pat_", 30, "an access token"),
    ("glpat-", 20, "an access token"),
    ("xoxa-", 20, "an access token"),
    ("xoxb-", 20, "an access token"),
    ("xoxp-", 20, "an access token"),
    ("xoxr-", 20, "an access token"),
    ("xoxs-", 20, "an access token"),
    ("xapp-", 20, "an access token"),
    ("npm_", 36, "an access token"),
    ("pypi-", 40, "an access token"),
    ("hf_", 30, "an access token"),
    ("hvs.", 20, "an access token"),
    ("dop_v1_", 60, "an access token"),
];

/// What addresses begin with behind which the rest is the secret.
const HOOKS: [&str; 3] =
    ["hooks.slack.com/services/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"];

/// The least length of the rest of such an address.
const HOOK_BYTES_MIN: usize = 20;

/// The least length of letters and digits behind `sk-`, which many names begin with.
const PLAIN_KEY_BYTES_MIN: usize = 32;

/// The least length of what follows `Bearer`.
const BEARER_BYTES_MIN: usize = 6;

/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// The longest private key that is looked for, in bytes.
const PRIVATE_KEY_BYTES_MAX: usize = 16 << 10;

/// Finds private keys in PEM, with all their lines.
pub(super) fn private_keys(text: &str, found: &mut Vec<Secret>) {
    let mut from = 0;
    while let Some(at) = text[from..].find("-----BEGIN ").map(|at| from + at) {
        let rest = &text[at..];
        let head = rest.lines().next().unwrap_or_default();
        let head_bytes = head[11..].find("-----").map_or(0, |at| 11 + at + 5);
        from = at + 11;
        if !rest[..head_bytes].ends_with("PRIVATE KEY-----") {
            continue;
        }
        // In a text within JSON it ends with the text at the latest.
        let body = &rest[head_bytes..];
        let body = &body[..body.find(['"', '\0']).unwrap_or(body.len())];
        let until = body.find("-----END ").and_then(|end| {
            let tail = &body[end + 9..];
            tail.find("-----").map(|at| end + 9 + at + 5)
        });
        let bytes = head_bytes + until.unwrap_or(body.len());
        if bytes <= PRIVATE_KEY_BYTES_MAX {
            from = at + bytes;
        }
        found.push(Secret { range: at..from, what: SecretKind::Form("a private key") });
    }
}

/// Finds tokens in a line.
pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    let mut is_inner = false;
    for (at, byte) in line.bytes().enumerate() {
        let is_first = !is_inner && byte.is_ascii_alphabetic();
        is_inner = byte.is_ascii_alphanumeric() || byte == b'_';
        if is_first {
            issued(scan, at);
        }
    }
    for (at, _) in line.match_indices("eyJ") {
        if line[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let bytes = token_bytes(&line[at..]);
        let parts: Vec<&str> = line[at..at + bytes].split('.').take(3).collect();
        let is_signed = matches!(parts.as_slice(), [head, claims, signature]
            if head.len() > 8 && claims.starts_with("eyJ") && !signature.is_empty());
        if is_signed {
            scan.find(at..at + bytes, SecretKind::Form("a signed token"));
        }
    }
    for hook in HOOKS {
        for (at, _) in line.match_indices(hook) {
            let start = at + hook.len();
            let bytes = token_bytes(&line[start..]);
            if bytes >= HOOK_BYTES_MIN {
                scan.find(start..start + bytes, SecretKind::Form("a web hook"));
            }
        }
    }
    schemes(scan);
}

/// Finds a token that begins here.
fn issued(scan: &mut Scan<'_, '_>, at: usize) {
    let rest = &scan.line[at..];
    if let Some(key) = rest.strip_prefix("sk-") {
        let bytes = key.bytes().take(TOKEN_BYTES_MAX).take_while(u8::is_ascii_alphanumeric).count();
        if bytes >= PLAIN_KEY_BYTES_MIN {
            scan.find(at..at + 3 + bytes, SecretKind::Form("an access key"));
        }
    }
    for (start, least, what) in STARTS {
        let Some(token) = rest.strip_prefix(start) else { continue };
        let bytes = token_bytes(token);
        if bytes >= *least {
            scan.find(at..at + start.len() + bytes, SecretKind::Form(what));
        }
    }
}

/// Finds what stands behind `Bearer` and `Basic`.
fn schemes(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    let lower = line.to_ascii_lowercase();
    for (scheme, what) in [("bearer ", "a bearer token"), ("basic ", "a password")] {
        for (at, _) in lower.match_indices(scheme) {
            let start = at + scheme.len();
            let bytes = token_bytes(&line[start..]);
            let token = &line[start..start + bytes];
            let is_one = if scheme == "basic " {
                // A user and a password.
                BASE64.decode(token.as_bytes()).is_ok_and(|user| {
                    user.contains(&b':') && user.iter().all(|b| b.is_ascii_graphic())
                })
            } else {
                let is_word = token.bytes().all(|b| b.is_ascii_alphabetic() || b == b'.');
                bytes >= BEARER_BYTES_MIN && !(is_word && bytes < 20)
            };
            if is_one && !value::is_hidden(token) {
                scan.find(start..start + bytes, SecretKind::Form(what));
            }
        }
    }
}

fn token_bytes(text: &str) -> usize {
    text.bytes()
        .take(TOKEN_BYTES_MAX)
        .take_while(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b))
        .count()
}
