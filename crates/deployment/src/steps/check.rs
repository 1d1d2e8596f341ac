//! What a field, a time or an event has to be.

use std::time::Duration;

use runbook::Assertion;
use serde_json::Value;

/// A bound of how long an answer may take.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeBound {
    text: String,
    is_included: bool,
    most: Duration,
}

/// Returns the field of a document at a path of names with dots between; a number is a place in a
/// list. An empty path is the document.
pub(super) fn field<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    below(document, path)
}

/// A name may have dots itself; the longest that is there is meant.
fn below<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if let Some(found) = item(value, path) {
        return Some(found);
    }
    let mut cuts = path.rmatch_indices('.');
    cuts.find_map(|(at, _)| below(item(value, &path[..at])?, &path[at + 1..]))
}

fn item<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Says what is wrong with a document; nothing where all holds.
pub(super) fn faults(document: &Value, assertions: &[Assertion], fields: &[String]) -> Vec<String> {
    let asserted = assertions.iter().filter_map(|Assertion { path, is }| {
        let found = field(document, path);
        match found.map(shown) {
            Some(text) if text == *is => None,
            Some(text) => Some(format!("`{path}` is `{text}` and not `{is}`")),
            None => Some(format!("`{path}` is not there; it has to be `{is}`")),
        }
    });
    let missing = fields.iter().filter(|path| field(document, path).is_none());
    asserted.chain(missing.map(|path| format!("`{path}` is not there"))).collect()
}

/// Returns a value as it is written in a runbook.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl TimeBound {
    /// Reads a bound, as `<= 1 s`.
    ///
    /// # Errors
    /// Fails on what is no bound of a time.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "`{text}` is no bound of how long an answer takes; write one as `<= 1 s` or `< 250 ms`"
            )
        };
        let signs = [("<=", true), ("≤", true), ("<", false)];
        let found =
            signs.iter().find_map(|(sign, is)| Some((*is, text.trim().strip_prefix(sign)?)));
        let (is_included, rest) = found.ok_or_else(fault)?;
        let rest = rest.trim();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(fault)?;
        let number = rest[..end].parse::<f64>().map_err(|_| fault())?;
        let seconds = match rest[end..].trim() {
            "ms" => number / 1000.0,
            "s" => number,
            "m" | "min" => number * 60.0,
            _ => return Err(fault()),
        };
        let most = Duration::try_from_secs_f64(seconds).map_err(|_| fault())?;
        Ok(TimeBound { text: text.trim().to_owned(), is_included, most })
    }

    /// Says what is wrong with a time; nothing where it holds.
    pub(super) fn fault(&self, took: Duration) -> Option<String> {
        let holds = if self.is_included { took <= self.most } else { took < self.most };
        (!holds).then(|| format!("it took {} ms and not `{}`", took.as_millis(), self.text))
    }
}

#[cfg(test)]
mod tests;
