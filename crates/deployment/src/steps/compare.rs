//! What is now, compared with what an earlier step kept. Times and counters do not count.

use std::collections::BTreeMap;

use conductor::{Artefact, Done, Work};
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    capture::{CAPTURE, UNSEEN},
    document,
    endpoint::Endpoint,
    error, fail,
    http_expect::{ANSWERS, KeptAnswer},
    insufficient, pass, with,
};
use crate::Deployment;

/// How many differences a sentence names; the others are in the document.
const NAMED_MAX: usize = 5;

/// Fields that differ from look to look though nothing is another: times, counters, numbers of
/// processes and of logs.
const VOLATILE: [&str; 15] = [
    "at",
    "timestamp",
    "time",
    "date",
    "took",
    "uptime",
    "uptime_seconds",
    "epoch",
    "pid",
    "request_id",
    "requests",
    "connections",
    "open",
    "open_streams",
    "age",
];

/// How the names of such fields end.
const VOLATILE_ENDS: [&str; 6] = ["_at", "_ms", "_total", "_count", "_open", "_seconds_ago"];

/// Something that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    step: String,
    field: String,
    before: Option<String>,
    now: Option<String>,
}

impl Deployment {
    pub(super) async fn compare(&self, work: &Work, until: Instant) -> Done {
        let compared = timeout_at(until, self.differences(work)).await;
        let (differences, compared) = match compared {
            Ok(Ok(found)) => found,
            Ok(Err(done)) => return done,
            Err(_) => return error("What is could not be seen in the step's time."),
        };
        let artefacts = vec![document("compare.json", &differences)];
        if compared == 0 {
            return with(insufficient("Nothing was kept that counts in a comparison."), artefacts);
        }
        if differences.is_empty() {
            let text =
                format!("{compared} fields are what they were; times and counters do not count.");
            return with(pass(text), artefacts);
        }
        let named = differences.iter().take(NAMED_MAX).map(ToString::to_string);
        let named = named.collect::<Vec<_>>().join("; ");
        let rest = differences.len().saturating_sub(NAMED_MAX);
        let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        with(fail(format!("{named}{more}.")), artefacts)
    }

    async fn differences(&self, work: &Work) -> Result<(Vec<Difference>, usize), Done> {
        let (mut differences, mut compared) = (Vec::new(), 0);
        for step in &work.step.compares {
            let kept = work.kept.get(step).map_or(&[][..], Vec::as_slice);
            let before = kept.iter().find_map(Kept::of);
            let Some(before) = before else {
                let text = format!("{step} left nothing behind that it could be compared with.");
                return Err(insufficient(text));
            };
            let now = self.now(&before).await.map_err(|why| error(format!("{why}.")))?;
            let (before, now) = (fields_of(&before), fields_of(&now));
            if let Some(why) = before.iter().find_map(unseen) {
                let text = format!("{step} did not see everything that is compared: {why}.");
                return Err(insufficient(text));
            }
            compared += before.len();
            differences.extend(differing(step, &before, &now));
        }
        Ok((differences, compared))
    }

    /// Returns the same as it is now, without secrets, as it is kept.
    async fn now(&self, before: &Kept) -> Result<Kept, String> {
        let artefact = match before {
            Kept::Capture(_) => document(CAPTURE, &self.captured().await),
            Kept::Answers(answers) => {
                let key = self.key()?;
                let endpoints = self.endpoints().await?;
                let asked = answers.iter().map(|answer| async {
                    let named = endpoints.iter().find(|endpoint| endpoint.name == answer.of);
                    let none = || Endpoint { name: answer.of.clone(), url: String::new() };
                    let of = named.cloned().unwrap_or_else(none);
                    if of.url.is_empty() && answer.target.starts_with('/') {
                        return Err(format!("{} is not there any more", answer.of));
                    }
                    self.ask_one(&of, &answer.target, key.as_ref()).await
                });
                document(ANSWERS, &try_join_all(asked).await?)
            }
        };
        let bytes = self.redactor.redact(&artefact.bytes);
        Kept::of(&Artefact { bytes, ..artefact }).ok_or_else(|| "it can't be read back".to_owned())
    }
}

/// What an earlier step kept.
enum Kept {
    Capture(Value),
    Answers(Vec<KeptAnswer>),
}

impl Kept {
    fn of(artefact: &Artefact) -> Option<Self> {
        match artefact.name.as_str() {
            CAPTURE => serde_json::from_slice(&artefact.bytes).ok().map(Kept::Capture),
            ANSWERS => serde_json::from_slice(&artefact.bytes).ok().map(Kept::Answers),
            _ => None,
        }
    }
}

/// Returns all fields that count, by their paths.
fn fields_of(kept: &Kept) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    match kept {
        Kept::Capture(value) => flatten(value, "", &mut fields),
        Kept::Answers(answers) => {
            for answer in answers {
                let at = format!("{} of {}", answer.target, answer.of);
                fields.insert(format!("{at}: status"), answer.status.to_string());
                flatten(&answer.body, &format!("{at}: "), &mut fields);
            }
        }
    }
    fields
}

fn flatten(value: &Value, at: &str, to: &mut BTreeMap<String, String>) {
    let below = |name: &str| {
        let is_begun = at.is_empty() || at.ends_with(' ');
        if is_begun { format!("{at}{name}") } else { format!("{at}.{name}") }
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !is_volatile(name)) {
                flatten(value, &below(name), to);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(value, &below(&index.to_string()), to);
            }
        }
        other => {
            to.insert(at.to_owned(), super::check::shown(other));
        }
    }
}

/// Returns why a field was not seen when it was kept.
fn unseen((field, value): (&String, &String)) -> Option<String> {
    let is_unseen = field == UNSEEN || field.ends_with(".unseen");
    is_unseen.then(|| value.clone())
}

fn is_volatile(name: &str) -> bool {
    VOLATILE.contains(&name) || VOLATILE_ENDS.iter().any(|end| name.ends_with(end))
}

fn differing(
    step: &str,
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let new = now.keys().filter(|field| !before.contains_key(*field));
    let all = before.keys().chain(new);
    let differing = all.filter(|field| before.get(*field) != now.get(*field));
    let difference = |field: &String| Difference {
        step: step.to_owned(),
        field: field.clone(),
        before: before.get(field).cloned(),
        now: now.get(field).cloned(),
    };
    differing.map(difference).collect()
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Difference { field, before, now, .. } = self;
        match (before, now) {
            (Some(before), Some(now)) => write!(f, "`{field}` was `{before}` and is `{now}`"),
            (Some(before), None) => write!(f, "`{field}` was `{before}` and is gone"),
            (None, Some(now)) => write!(f, "`{field}` is new: `{now}`"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Kept, differing, fields_of};

    #[test]
    fn what_changed_is_named_and_times_and_counters_are_not() {
        let before = json!({"a": {"b": 1, "probe_ms": 3}, "timestamp": "x", "list": ["p", "q"],
            "gone": true, "epoch": "e1"});
        let now = json!({"a": {"b": 2, "probe_ms": 9}, "timestamp": "y", "list": ["p", "r"],
            "epoch": "e2", "new": null});
        let of = |value| fields_of(&Kept::Capture(value));
        let found: Vec<_> = differing("S1", &of(before.clone()), &of(now))
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "`a.b` was `1` and is `2`",
            "`gone` was `true` and is gone",
            "`list.1` was `q` and is `r`",
            "`new` is new: `null`",
        ];
        assert_eq!(found, expected);
        assert!(differing("S1", &of(before.clone()), &of(before)).is_empty());
    }
}
