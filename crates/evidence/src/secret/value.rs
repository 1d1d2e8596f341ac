//! Values: where they end, and which are no secrets.

use std::ops::Range;

/// Where a value begins, and how it ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// As a word, or with the quote that it begins with.
    Word(usize),
    /// With this quote, or as a word.
    Until(usize, Option<char>),
}

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 4096;

/// How far before an option its program is looked for, in bytes.
const COMMAND_BYTES_MAX: usize = 512;

/// What references to secrets begin with that are kept elsewhere.
const REFERENCES: [&str; 8] =
    ["secret:", "env:", "file:", "vault:", "op://", "arn:aws:", "@/", "[redacted"];

/// Words that say how a secret is, or that there is none.
const SAID: [&str; 44] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "nil",
    "undefined",
    "present",
    "absent",
    "there",
    "missing",
    "set",
    "unset",
    "empty",
    "valid",
    "invalid",
    "expired",
    "revoked",
    "rotated",
    "required",
    "optional",
    "enabled",
    "disabled",
    "ok",
    "healthy",
    "redacted",
    "hidden",
    "masked",
    "unchanged",
    "changed",
    "active",
    "inactive",
    "configured",
    "provisioned",
    "accepted",
    "rejected",
    "refused",
    "string",
    "basic",
    "bearer",
    "oauth2",
];

/// Words of prose that may follow a name.
const PROSE: [&str; 38] = [
    "to", "is", "and", "or", "the", "a", "an", "for", "in", "on", "with", "from", "as", "of",
    "that", "which", "must", "should", "can", "may", "will", "has", "are", "if", "when", "only",
    "instead", "option", "flag", "at", "by", "not", "was", "were", "header", "headers", "it",
    "see",
];

/// Returns the bytes of a value in a line.
pub(super) fn range(line: &str, place: Place) -> Range<usize> {
    let (start, mut quote) = match place {
        Place::Word(start) => (start.min(line.len()), None),
        Place::Until(start, quote) => {
            (start.min(line.len()), quote.filter(|quote| ['"', '\''].contains(quote)))
        }
    };
    let mut from = start;
    if quote.is_none() {
        // In a text of JSON a quote has a backslash before it.
        let rest = &line[start..];
        let bare = rest.strip_prefix('\\').unwrap_or(rest);
        if let Some(first) = bare.chars().next().filter(|c| ['"', '\''].contains(c)) {
            quote = Some(first);
            from = start + rest.len() - bare.len() + 1;
        }
    }
    let rest = ahead(line, from, VALUE_BYTES_MAX);
    let end = match quote.and_then(|quote| rest.find(quote)) {
        Some(end) => end - usize::from(rest[..end].ends_with('\\')),
        None => word_end(rest),
    };
    from..from + end
}

/// Returns what stands behind a place of a line, so far at most.
pub(super) fn ahead(line: &str, start: usize, bytes_max: usize) -> &str {
    let mut end = line.len().min(start + bytes_max);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[start..end]
}

/// Returns what stands before a place of a line, as far as a command goes.
pub(super) fn behind(line: &str, end: usize) -> &str {
    let mut start = end.saturating_sub(COMMAND_BYTES_MAX);
    while !line.is_char_boundary(start) {
        start += 1;
    }
    &line[start..end]
}

/// Returns where a word ends that is no further than to another setting; a placeholder may have spaces.
fn word_end(rest: &str) -> usize {
    if rest.starts_with('<')
        && let Some(end) = rest.find('>')
    {
        return end + 1;
    }
    if rest.starts_with("${{") || rest.starts_with("{{") || rest.starts_with("$(") {
        let end = rest.find(['}', ')']).map_or(rest.len(), |end| end + 1);
        return end + rest[end..].bytes().take_while(|b| *b == b'}').count();
    }
    let end = rest.find(|c: char| c.is_whitespace() || "\"'`|,;&\\".contains(c));
    let word = &rest[..end.unwrap_or(rest.len())];
    word.trim_end_matches(['.', ')', ']', '}'])
        .len()
        .max(usize::from(word.starts_with("${")) * word.len())
}

/// Returns whether a value shows nothing: it is empty, masked, a reference, or nothing but placeholders.
pub(super) fn is_hidden(value: &str) -> bool {
    let value = value.trim();
    if REFERENCES.iter().any(|start| value.starts_with(start)) {
        return true;
    }
    let is_mask = |c: char| "*.…xX-_#?".contains(c);
    if value.chars().all(is_mask)
        && (value.chars().count() > 2 || !value.contains(['x', 'X', '#', '?']))
    {
        return true;
    }
    let left = without_placeholders(value);
    left.len() < value.len() && !left.contains(|c: char| c.is_alphanumeric())
}

/// Returns whether a value is a word that says how a secret is.
pub(super) fn is_said(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    SAID.contains(&value.as_str()) || is_file(&value)
}

/// Returns whether a value is a word of a sentence.
pub(super) fn is_prose(value: &str) -> bool {
    PROSE.contains(&value) || is_said(value)
}

/// Returns whether a value is the name of a file.
fn is_file(value: &str) -> bool {
    let is_path = ["/", "./", "../", "~/"].iter().any(|start| value.starts_with(start));
    let is_plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/~".contains(&b));
    let has_end = [".pem", ".key", ".pub", ".crt", ".json", ".yaml", ".yml", ".txt", ".env"];
    is_plain
        && (is_path && value.matches('/').count() > 1
            || has_end.iter().any(|end| value.ends_with(end)))
}

/// Takes `<name>`, `${NAME}`, `$NAME`, `$(command)`, `{{ name }}` and `%NAME%` out.
fn without_placeholders(value: &str) -> String {
    let mut left = String::new();
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let bytes = placeholder_bytes(rest);
        if bytes == 0 {
            left.push(c);
        }
        rest = &rest[bytes.max(c.len_utf8())..];
    }
    left
}

/// Returns how long the placeholder is that a text begins with.
fn placeholder_bytes(text: &str) -> usize {
    for (open, close) in [("<", ">"), ("${{", "}}"), ("${", "}"), ("$(", ")"), ("{{", "}}")] {
        if let Some(inner) = text.strip_prefix(open) {
            let end = inner.find(close).filter(|end| *end > 0 && *end <= 80);
            if let Some(end) = end {
                return open.len() + end + close.len();
            }
        }
    }
    let name = |text: &str| -> usize {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        if starts { text.bytes().take_while(is_inner).count() } else { 0 }
    };
    if let Some(rest) = text.strip_prefix("secret:") {
        return "secret:".len() + name(&rest.replace('-', "_"));
    }
    if let Some(rest) = text.strip_prefix('$') {
        let bytes = name(rest);
        return if bytes > 0 { 1 + bytes } else { 0 };
    }
    if let Some(rest) = text.strip_prefix('%') {
        let bytes = name(rest);
        if bytes > 0 && rest[bytes..].starts_with('%') {
            return bytes + 2;
        }
    }
    0
}
