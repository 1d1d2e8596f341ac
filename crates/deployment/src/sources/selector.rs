//! Which series of a family are meant: `name{label="value",…}`, with `=`, `!=` and `=~"one|two"`.

use std::fmt;

/// A family's name, and which of its series are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The name.
    pub(crate) name: String,
    /// All of them have to hold; none means every series.
    pub(crate) matchers: Vec<Matcher>,
}

/// What a label has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matcher {
    label: String,
    values: Vec<String>,
    is_one: bool,
}

impl Matcher {
    /// Returns that a label is one of these values.
    pub(crate) fn one_of(label: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Matcher { label: label.to_owned(), values, is_one: true }
    }

    /// Returns that a label is none of these values.
    pub(crate) fn none_of(label: &str, values: &[&str]) -> Self {
        Matcher { is_one: false, ..Matcher::one_of(label, values) }
    }

    /// Returns the label.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Returns whether a value of the label is meant.
    pub(crate) fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|it| it == value) == self.is_one
    }
}

impl Selector {
    /// Returns a family with these matchers.
    pub(crate) fn new(name: &str, matchers: Vec<Matcher>) -> Self {
        Selector { name: name.to_owned(), matchers }
    }

    /// Reads a selector.
    ///
    /// # Errors
    /// Fails with what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, rest) = text.split_once('{').map_or((text, None), |it| (it.0, Some(it.1)));
        if !is_name(name, true) {
            return Err("a family's name has letters, digits, `_` and `:`");
        }
        let mut matchers = Vec::new();
        if let Some(rest) = rest {
            let mut rest = rest.strip_suffix('}').ok_or("the `}` is missing")?.trim();
            while !rest.is_empty() {
                let (matcher, after) = matcher(rest)?;
                matchers.push(matcher);
                rest = after;
            }
        }
        Ok(Selector { name: name.to_owned(), matchers })
    }

    /// Returns whether a series with these labels is meant. A label that is not there is empty.
    pub(crate) fn holds(&self, labels: &[(String, String)]) -> bool {
        let value = |label: &str| labels.iter().find(|(name, _)| name == label);
        let holds = |it: &Matcher| it.holds(value(&it.label).map_or("", |(_, value)| value));
        self.matchers.iter().all(holds)
    }
}

fn is_name(text: &str, may_have_colons: bool) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_' || (may_have_colons && c == ':');
    !text.is_empty() && text.chars().all(is_good) && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn matcher(text: &str) -> Result<(Matcher, &str), &'static str> {
    let lacks = "a label is matched as label=\"value\", label!=\"value\" or label=~\"one|two\"";
    let end = text.find(['=', '!']).ok_or(lacks)?;
    let (label, rest) = (text[..end].trim(), &text[end..]);
    if !is_name(label, false) {
        return Err(lacks);
    }
    let signs = [("=~", true), ("!~", false), ("!=", false), ("=", true)];
    let found = signs.iter().find_map(|(sign, is)| Some((*sign, *is, rest.strip_prefix(sign)?)));
    let (sign, is_one, rest) = found.ok_or(lacks)?;
    let rest = rest.trim_start().strip_prefix('"').ok_or(lacks)?;
    let (value, after) = rest.split_once('"').ok_or(lacks)?;
    let is_list = sign.ends_with('~');
    if is_list && value.contains(['.', '*', '+', '?', '[', '(', '^', '$', '\\']) {
        return Err("of `=~` only a list of values is known, as \"one|two\"");
    }
    let values: Vec<_> = if is_list {
        value.split('|').map(str::to_owned).collect()
    } else {
        vec![value.to_owned()]
    };
    let after = after.trim_start();
    let after = match after.strip_prefix(',') {
        Some(after) => after.trim_start(),
        None if after.is_empty() => after,
        None => return Err("between two labels stands a comma"),
    };
    Ok((Matcher { label: label.to_owned(), values, is_one }, after))
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.matchers.is_empty() {
            return Ok(());
        }
        let shown = self.matchers.iter().map(|Matcher { label, values, is_one }| {
            let sign = match (is_one, values.len()) {
                (true, 1) => "=",
                (false, 1) => "!=",
                (true, _) => "=~",
                (false, _) => "!~",
            };
            format!("{label}{sign}\"{}\"", values.join("|"))
        });
        write!(f, "{{{}}}", shown.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;

    #[test]
    fn selectors_are_read_and_match() {
        let labels = |pairs: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(own).collect::<Vec<_>>()
        };
        let check = |text: &str, pairs: &[(&str, &str)], expected: bool| {
            let selector = Selector::parse(text).unwrap();
            assert_eq!(selector.holds(&labels(pairs)), expected, "{text} {pairs:?}");
            assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
        };
        check("x_total", &[("a", "1")], true);
        check("x_total{}", &[], true);
        check("x{a=\"1\"}", &[("a", "1"), ("b", "2")], true);
        check("x{a=\"1\", b != \"2\",}", &[("a", "1"), ("b", "2")], false);
        check("x{a=\"1\"}", &[], false);
        check("x{a!=\"1\"}", &[], true);
        check("x{a=~\"1|2\"}", &[("a", "2")], true);
        check("x{a!~\"1|2\"}", &[("a", "2")], false);
        check("x{a=\"1.5{*\"}", &[("a", "1.5{*")], true);
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            "",
            "the ledgers",
            "1x",
            "x{a}",
            "x{a=1}",
            "x{a=\"1\"",
            "x{a=\"1\" b=\"2\"}",
            "x{=\"1\"}",
            "x{a=~\"1.*\"}",
            "x{a<\"1\"}",
        ] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
