//! Names as people write them: `DB password: value`, `**Password:** value`, `- API key: value`, and the
//! cells of a table. What looks like a word of prose is none.

use super::{
    Scan, SecretKind, name,
    value::{self, Place},
};

/// Words before `key` that make a secret of it.
const KEYS: [&str; 11] = [
    "api",
    "access",
    "secret",
    "private",
    "signing",
    "encryption",
    "master",
    "shared",
    "auth",
    "service",
    "account",
];

/// The most words of a name.
const WORDS_MAX: usize = 4;

pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    let mut is_code = false;
    for (at, sign) in line.match_indices([':', '`']) {
        if sign == "`" {
            is_code = !is_code;
            continue;
        }
        let before = value::behind(line, at);
        // Within inline code, else from the start of the line.
        let is_whole = before.len() == at || before.contains('`');
        let title = before.trim_end_matches('*').rsplit('`').next().unwrap_or(before);
        let rest = line[at + 1..].trim_start_matches('*');
        let start = line.len() - rest.trim_start_matches(' ').len();
        if is_whole && rest.starts_with(' ') {
            named(scan, title, start, is_code);
        }
    }
    if line.trim_start().starts_with('|') {
        cells(scan);
    }
}

/// Looks at a value behind a name of several words.
fn named(scan: &mut Scan<'_, '_>, title: &str, start: usize, is_code: bool) {
    let line = scan.line;
    let Some(known) = secret_name(title) else { return };
    let rest = value::ahead(line, start, VALUE_BYTES_MAX);
    let end = if is_code { rest.find('`').unwrap_or(rest.len()) } else { rest.len() };
    let whole = rest[..end].trim_end();
    if !whole.trim_matches(['`', '*']).contains(' ') {
        let from = start + whole.len() - whole.trim_start_matches(['`', '*']).len();
        find(scan, known, from);
    }
}

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 512;

/// Looks at the cell behind that with a name.
fn cells(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    let mut at = 0;
    let mut known = None;
    for cell in line.split('|') {
        let bare = cell.trim_matches([' ', '\t', '`', '*']);
        let lead = cell.len() - cell.trim_start_matches([' ', '\t', '`', '*']).len();
        if let Some(known) = known.take()
            && !bare.contains(' ')
            && !bare.is_empty()
        {
            find(scan, known, at + lead);
        }
        known = secret_name(bare);
        at += cell.len() + 1;
    }
}

/// Returns the name of a secret that a text is: its last words, behind no more than a few others.
fn secret_name(title: &str) -> Option<&str> {
    let bare = title.trim_matches(|c: char| c.is_whitespace() || "->*{,`".contains(c));
    let words: Vec<&str> = bare.split(' ').collect();
    let is_plain = |word: &&str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-'".contains(&b))
    };
    if words.len() > WORDS_MAX || !words.iter().all(is_plain) {
        return None;
    }
    let last = *words.last()?;
    let before = words.len().checked_sub(2).map(|at| words[at]);
    if let Some(before) = before.filter(|_| last.eq_ignore_ascii_case("key")) {
        let is_one = KEYS.iter().any(|key| before.eq_ignore_ascii_case(key));
        return is_one.then(|| &bare[bare.len() - last.len() - 1 - before.len()..]);
    }
    name::is_secret(last).then_some(last)
}

fn find(scan: &mut Scan<'_, '_>, known: &str, start: usize) {
    let range = value::range(scan.line, Place::Word(start));
    let text = &scan.line[range.clone()];
    // A word alone says what it is, or how.
    let is_word = text.chars().all(|c| c.is_alphabetic() || c == '-');
    let is_count = name::is_count(known) && text.len() <= 6;
    if !is_word && !is_count && !value::is_hidden(text) && !value::is_said(text) {
        scan.find(range, SecretKind::Of(known.to_owned()));
    }
}
