//! Placeholders: `<host>`, words in angle brackets that somebody has still to replace.

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// Returns the name of the placeholder that begins with the text.
fn name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
    let length = inner.bytes().take(NAME_BYTES_MAX + 1).take_while(is_part).count();
    let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic())
        && length <= NAME_BYTES_MAX
        && inner.as_bytes().get(length) == Some(&b'>');
    is_name.then(|| &inner[..length])
}

/// Finds the placeholders of a text, without their brackets.
pub(crate) fn find(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('<').filter_map(|(at, _)| name(&text[at..]))
}

/// Puts values in the places of those that have one, once: what a value has in brackets stays.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let filled = name(rest).and_then(|name| Some((name.len() + 2, value(name)?)));
        let (length, instead) = filled.unwrap_or_else(|| (1, "<".to_owned()));
        out.push_str(&instead);
        rest = &rest[length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_and_filled_once() {
        let text = "<a> < b <c-d> <1> <> <<a>> <é> <a";
        assert_eq!(find(text).collect::<Vec<_>>(), ["a", "c-d", "a"]);
        let value = |name: &str| (name == "a").then(|| "<a><c-d>".to_owned());
        let filled = "<a><c-d> < b <c-d> <1> <> <<a><c-d>> <é> <a";
        assert_eq!(fill(text, value), filled);
        let long = format!("<{}>", "x".repeat(41));
        assert_eq!(find(&long).count(), 0);
        assert_eq!(find(&"<".repeat(1 << 20)).count(), 0);
    }
}
