//! Placeholders: `<host>`, words in angle brackets that somebody has still to replace.

/// Finds the placeholders of a text, without their brackets.
pub(crate) fn find(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('<').filter_map(|(at, _)| {
        let inner = text[at + 1..].split_once('>')?.0;
        let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic())
            && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        is_name.then_some(inner)
    })
}

/// Puts values in the places of those that have one.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = text.to_owned();
    let names: Vec<String> = find(text).map(ToOwned::to_owned).collect();
    for name in names {
        if let Some(value) = value(&name) {
            out = out.replace(&format!("<{name}>"), &value);
        }
    }
    out
}
