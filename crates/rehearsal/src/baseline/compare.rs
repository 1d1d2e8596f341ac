//! Two baselines compared, field by field. Pure.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::Baseline;

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where it stands, as `replicas.stable-1.version`.
    pub what: String,
    /// What was there; null where nothing was.
    pub before: Value,
    /// What is there now.
    pub after: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} before, {} now", self.what, self.before, self.after)
    }
}

/// Returns what is not as it was; nothing where both say the same.
pub fn compare(before: &Baseline, after: &Baseline) -> Vec<Difference> {
    let value = |baseline| serde_json::to_value(baseline).expect("all of it is JSON");
    let mut found = Vec::new();
    walk("", &value(before), &value(after), &mut found);
    found
}

fn walk(at: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                let (before, after) = (&before[name.as_str()], &after[name.as_str()]);
                walk(&at, before, after, found);
            }
        }
        (before, after) => found.push(Difference {
            what: at.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}
