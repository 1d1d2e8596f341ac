//! Settings: `NAME=value` in whichever word, `NAME = "value"`, `name: value` and `"name": "value"`.

use super::{
    Scan, SecretKind, name,
    value::{self, Place},
};

pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    for (at, sign) in line.match_indices(['=', ':']) {
        let before = &line[..at];
        let after = at + sign.len();
        let place =
            if sign == "=" { equals(line, before, after) } else { colon(line, before, after) };
        let Some((known, place)) = place else { continue };
        if !name::is_secret(known) {
            continue;
        }
        let range = value::range(line, place);
        let text = &line[range.clone()];
        let is_plain =
            name::is_count(known) && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        if !is_plain && !value::is_hidden(text) && !value::is_said(text) {
            scan.find(range, SecretKind::Of(known.to_owned()));
        }
    }
}

/// Returns the name before an equals sign, and where its value begins.
fn equals<'l>(line: &'l str, before: &'l str, after: usize) -> Option<(&'l str, Place)> {
    let rest = &line[after..];
    if rest.starts_with(['=', '>', '~']) {
        return None;
    }
    let close = before.trim_end_matches(' ');
    let known = name::last(close);
    if known.is_empty() {
        return None;
    }
    if close.len() == before.len() && !rest.starts_with(' ') {
        return Some((known, Place::Word(after)));
    }
    // With spaces it is prose, unless the value is quoted or the line has nothing else.
    let value = rest.trim_start_matches(' ');
    let start = after + rest.len() - value.len();
    let is_first = name::is_line_start(&close[..close.len() - known.len()]);
    let is_alone = is_first && !value.trim_end().contains(' ');
    (value.starts_with(['"', '\'']) || is_alone).then_some((known, Place::Word(start)))
}

/// Returns the name before a colon, and where its value begins: in quotes, or at the start of a line
/// that says nothing else. Behind a name that is a word of prose, with a capital, a word is none.
fn colon<'l>(line: &'l str, before: &'l str, after: usize) -> Option<(&'l str, Place)> {
    let rest = &line[after..];
    let value = rest.trim_start_matches(' ');
    let start = after + rest.len() - value.len();
    if value.is_empty() || value.starts_with(['/', ':']) {
        return None;
    }
    // `"name": "value"`, also within a text of JSON.
    if let Some(inner) = before.strip_suffix('"') {
        let inner = inner.strip_suffix('\\').unwrap_or(inner);
        let known = name::last(inner);
        let is_text = value.starts_with('"') || value.starts_with("\\\"");
        return (is_text && !known.is_empty()).then_some((known, Place::Word(start)));
    }
    let known = name::last(before);
    let lead = &before[..before.len() - known.len()];
    if known.is_empty() || rest.len() == value.len() {
        return None;
    }
    if !name::is_line_start(lead) {
        return None;
    }
    let is_word = known.starts_with(|c: char| c.is_ascii_uppercase())
        && known.contains(|c: char| c.is_ascii_lowercase())
        && !known.contains(['_', '-']);
    let value_end = value.split(" #").next().unwrap_or_default().trim_end();
    let is_alone = value.starts_with(['"', '\'']) || !value_end.contains(' ');
    let is_plain = value_end.chars().all(char::is_alphabetic);
    (is_alone && !(is_word && is_plain)).then_some((known, Place::Word(start)))
}
