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
    if text.starts_with(['<', '>', '=']) && crate::placeholder::find(text).next().is_none() {
        return Form::Bound(text.to_owned());
    }
    let address = ["/", "http://", "https://"].iter().any(|start| text.starts_with(start));
    if is_word && address {
        return Form::Target(text.to_owned());
    }
    let Some((name, value)) = text.split_once('=').filter(|_| is_word) else {
        return Form::Words(text.to_owned());
    };
    let starts = |f: fn(&char) -> bool| name.chars().next().is_some_and(|c| f(&c));
    let all = |f: fn(u8) -> bool| name.bytes().all(f);
    if starts(char::is_ascii_uppercase)
        && all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    {
        return Form::Flag(Flag { name: name.to_owned(), value: value.to_owned() });
    }
    if starts(char::is_ascii_alphabetic) && all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b))
    {
        return Form::Assertion(Assertion { path: name.to_owned(), is: value.to_owned() });
    }
    Form::Words(text.to_owned())
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
