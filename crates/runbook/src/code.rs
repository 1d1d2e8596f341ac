//! What a piece of inline code is, by its form alone.

use serde::Serialize;

/// Inline code with a meaning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    /// `NAME=value`.
    Flag(Flag),
    /// `path.to.field=value`.
    Assertion(Assertion),
    /// `<= 5%`.
    Bound(String),
    /// `/path` or an address.
    Target(String),
    /// Anything else: a command, a name, a file.
    Words(String),
}

/// A setting and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// The value; `secret:NAME` stands for a secret.
    pub value: String,
}

/// What has to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assertion {
    /// The field, as `checks.realtime.status`.
    pub path: String,
    /// What it has to be.
    pub is: String,
}

/// Tells what it is.
pub(crate) fn form(text: &str) -> Form {
    let text = text.trim();
    let is_word = !text.is_empty() && !text.contains(char::is_whitespace);
    if is_bound(text) {
        return Form::Bound(text.to_owned());
    }
    let address = ["/", "http://", "https://"].iter().any(|start| text.starts_with(start));
    if is_word && address {
        return Form::Target(text.to_owned());
    }
    // Of `a==b` nobody knows which was meant.
    let pair = text.split_once('=').filter(|(_, value)| is_word && !value.starts_with('='));
    match pair {
        Some((name, value)) if is_setting(name) => {
            Form::Flag(Flag { name: name.to_owned(), value: value.to_owned() })
        }
        Some((path, value)) if is_path(path) => {
            Form::Assertion(Assertion { path: path.to_owned(), is: value.to_owned() })
        }
        _ => Form::Words(text.to_owned()),
    }
}

/// Returns whether a text is a sign of comparison with a number behind it.
fn is_bound(text: &str) -> bool {
    let signs = ["<=", ">=", "<", ">", "=", "≤", "≥"];
    let number = signs.iter().find_map(|sign| text.strip_prefix(sign));
    number.is_some_and(|number| {
        let number = number.trim_start();
        number.strip_prefix('-').unwrap_or(number).starts_with(|c: char| c.is_ascii_digit())
    })
}

fn is_setting(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Returns whether a text is the path of a field, as `checks.redis-main.status`.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Returns whether a text that is no form has a sign of one: then something else was meant than a name.
pub(crate) fn has_sign(text: &str) -> bool {
    let plain = crate::placeholder::fill(text, |_| Some(String::new()));
    plain.contains(['=', '<', '>', '≤', '≥', '≠', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_their_looks() {
        let flag =
            |name: &str, value: &str| Form::Flag(Flag { name: name.into(), value: value.into() });
        let is =
            |path: &str, is: &str| Form::Assertion(Assertion { path: path.into(), is: is.into() });
        let words = |text: &str| Form::Words(text.into());
        for (text, expected) in [
            ("REALTIME_BACKEND=redis", flag("REALTIME_BACKEND", "redis")),
            ("REDIS_URL=<url>", flag("REDIS_URL", "<url>")),
            ("checks.realtime.status=healthy", is("checks.realtime.status", "healthy")),
            ("backend=redis", is("backend", "redis")),
            ("checks.redis-main.status=healthy", is("checks.redis-main.status", "healthy")),
            ("≤ 5%", Form::Bound("≤ 5%".into())),
            (">-1", Form::Bound(">-1".into())),
            ("<your host>", words("<your host>")),
            ("== x", words("== x")),
            ("a==b", words("a==b")),
            ("A==b", words("A==b")),
            ("a!=b", words("a!=b")),
            ("items[0].x=1", words("items[0].x=1")),
            ("/api/health", Form::Target("/api/health".into())),
            ("http://<host>:3000/health", Form::Target("http://<host>:3000/health".into())),
            ("<= 5%", Form::Bound("<= 5%".into())),
            ("curl -fsS http://x/health", words("curl -fsS http://x/health")),
            ("A=1 make", words("A=1 make")),
            ("Last-Event-ID", words("Last-Event-ID")),
            ("<host>", words("<host>")),
            ("<app>/run.sh", words("<app>/run.sh")),
            ("", words("")),
        ] {
            assert_eq!(form(text), expected, "{text}");
        }
    }
}
