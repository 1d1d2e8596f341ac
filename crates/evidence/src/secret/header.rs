//! Headers as they stand in commands: `-H 'x-api-key: …'`, and `Authorization` wherever it stands.

use super::{
    Scan, SecretKind, name,
    value::{self, Place},
};

/// Schemes of `Authorization`; what follows them is the secret.
const SCHEMES: [&str; 6] = ["basic", "bearer", "token", "digest", "apikey", "negotiate"];

/// A value without a scheme is a word of prose below this length.
const BARE_BYTES_MIN: usize = 12;

pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    for (at, _) in line.match_indices(':') {
        let known = name::last(&line[..at]);
        let lead = &line[..at - known.len()];
        let is = |name: &str| known.eq_ignore_ascii_case(name);
        let is_authorization = is("authorization") || is("proxy-authorization");
        let rest = &line[at + 1..];
        let start = at + 1 + rest.len() - rest.trim_start_matches(' ').len();
        if is_authorization {
            authorization(scan, known, start);
            continue;
        }
        // A header of a command stands in quotes, or behind its option.
        let is_quoted = lead.ends_with(['\'', '"']) && !rest.starts_with(['\'', '"', ':']);
        let is_option =
            lead.ends_with("-H ") || lead.ends_with("--header ") || lead.ends_with("-H");
        let is_header = || is("cookie") || is("set-cookie") || name::is_secret(known);
        if (is_quoted || is_option) && is_header() {
            let range = value::range(line, Place::Until(start, lead.chars().next_back()));
            let text = &line[range.clone()];
            if !value::is_hidden(text) && !value::is_said(text) {
                scan.find(range, SecretKind::Of(known.to_owned()));
            }
        }
    }
}

fn authorization(scan: &mut Scan<'_, '_>, known: &str, start: usize) {
    let line = scan.line;
    let first = value::range(line, Place::Word(start));
    let word = &line[first.clone()];
    let is_scheme = SCHEMES.contains(&word.to_ascii_lowercase().as_str());
    let range = if is_scheme {
        let rest = &line[first.end..];
        value::range(line, Place::Word(first.end + rest.len() - rest.trim_start_matches(' ').len()))
    } else {
        first
    };
    let text = &line[range.clone()];
    let is_long = is_scheme && text.len() >= 4 || text.len() >= BARE_BYTES_MIN;
    if is_long && !value::is_hidden(text) && !value::is_prose(text) {
        scan.find(range, SecretKind::Of(known.to_owned()));
    }
}
