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

/// Tags of HTML that stand in texts: no placeholders.
const TAGS: [&str; 34] = [
    "a", "abbr", "b", "big", "br", "cite", "code", "del", "details", "dfn", "div", "em", "hr", "i",
    "img", "input", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small",
    "span", "strong", "sub", "summary", "sup", "u", "ul",
];

/// What people write in the place of a name.
const STAND_INS: [&str; 10] =
    ["tbd", "tba", "tbc", "todo", "fixme", "xxx", "n/a", "none", "nobody", "unknown"];

/// Finds what looks like a placeholder to whoever reads a text: beside those that a value can fill also
/// `<your host>` and `<release.manager>`.
pub(crate) fn in_text(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('<').filter_map(|(at, _)| {
        let inner = &text[at + 1..];
        let is_part = |c: char| c.is_alphanumeric() || " -_.'".contains(c);
        let bytes = inner.find(|c| !is_part(c))?;
        let name = &inner[..bytes];
        let is_name = inner[bytes..].starts_with('>')
            && bytes <= NAME_BYTES_MAX
            && name.starts_with(char::is_alphabetic)
            && !name.ends_with(' ')
            && !TAGS.contains(&name.to_ascii_lowercase().as_str());
        is_name.then_some(name)
    })
}

/// Says how to get rid of a placeholder.
pub(crate) fn remedy(name: &str) -> &'static str {
    let is_fillable = find(&format!("<{name}>")).next().is_some();
    if is_fillable { "give it a value under `values`" } else { "write what it stands for" }
}

/// Returns whether a text stands where somebody has still to put a name.
pub(crate) fn is_stand_in(text: &str) -> bool {
    let plain = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    text.contains(['<', '>'])
        || !text.contains(char::is_alphabetic)
        || STAND_INS.contains(&plain.as_str())
}

/// Returns whether a text has something that a template or a shell would fill in: `${NAME}`, `$NAME`,
/// `{{ name }}`.
pub(crate) fn is_template(text: &str) -> bool {
    let is_variable = |at: usize| {
        let rest = text[at + 1..].strip_prefix('{').unwrap_or(&text[at + 1..]);
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    };
    text.contains("{{") || text.match_indices('$').any(|(at, _)| is_variable(at))
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
    fn looks_and_words_tell_them_in_texts() {
        let text =
            "<check> 5 <b>x</b> <your host> <a.b> a < b > c <br/> <a href=x> <5 ms or more >";
        assert_eq!(in_text(text).collect::<Vec<_>>(), ["check", "your host", "a.b"]);
        for text in ["TBD", "<x.y>", "<release manager>", "?", "...", "(todo)", "N/A"] {
            assert!(is_stand_in(text), "{text}");
        }
        for text in ["Ana", "Todor Ruiz", "Bo Lind (ops)"] {
            assert!(!is_stand_in(text), "{text}");
        }
        for text in ["${X}", "a$X", "{{ x }}"] {
            assert!(is_template(text), "{text}");
        }
        for text in ["$5", "a{b}", "secret:x", "$", "${"] {
            assert!(!is_template(text), "{text}");
        }
    }

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
