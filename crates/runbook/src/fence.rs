//! What prose can't say: `toml` fences for traffic, guards and undoing.

mod near;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    outline,
    problem::Problem,
    vocabulary::{Length, Measure, OnFail},
};

/// The share of the traffic that a canary gets, and what is known of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Of all traffic.
    pub weight_percent: f64,
    /// For how long it is watched.
    pub hold: Length,
    /// Of both arms together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Long-lived ones, of both arms together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<f64>,
}

/// A guard as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSpec {
    /// Its name.
    pub id: String,
    /// What it looks at.
    pub measure: Measure,
    /// Where its numbers come from.
    pub source: String,
    /// The step with the traffic that it watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// The stable arm's rate of errors, or of breaks for each second of a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_rate: Option<f64>,
    /// How many times worse matters; or how many times as slow is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Pairs of measurements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<u32>,
    /// For how long health may be away, or within which restarts are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Length>,
    /// How many restarts are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u32>,
    /// What must not happen once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// What is done where it fails.
    #[serde(default = "rollback")]
    pub on_fail: OnFail,
}

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// In words.
    pub what: String,
    /// Programs, each an argument list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Vec<String>>,
    /// Settings, as `NAME=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

fn rollback() -> OnFail {
    OnFail::Rollback
}

/// What a fence says.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Traffic(Traffic),
    Guard(GuardSpec),
    Undo(Undo),
}

/// A fence that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    pub(crate) line: usize,
    pub(crate) item: Option<usize>,
    pub(crate) content: Content,
}

/// Reads a fence; nothing for one that means nothing to a run.
pub(crate) fn read(fence: &outline::Fence) -> Option<Result<Fence, Problem>> {
    let words: Vec<&str> = fence.info.split_whitespace().collect();
    let content = match words.as_slice() {
        ["toml", "traffic"] => parse(fence).map(Content::Traffic),
        ["toml", "guard"] => parse(fence).map(Content::Guard),
        ["toml", "undo"] => parse(fence).map(Content::Undo),
        _ => return near::meant(fence).map(|text| Err(Problem::fault(fence.line, "fence", text))),
    };
    if !fence.is_closed {
        return Some(Err(Problem::fault(fence.line, "fence", "the fence is not closed")));
    }
    Some(content.map(|content| Fence { line: fence.line, item: fence.item, content }))
}

/// Takes out of a message what stands in double quotes: texts of the document, which may be secrets.
fn without_texts(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(start), Some(end)) => format!("{}\"…\"{}", &message[..start], &message[end + 1..]),
        _ => message.to_owned(),
    }
}

fn parse<T: DeserializeOwned>(fence: &outline::Fence) -> Result<T, Problem> {
    toml::from_str(&fence.text).map_err(|error| {
        let before = error.span().map_or(0, |span| {
            let end = span.start.min(fence.text.len());
            fence.text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count()
        });
        let message = error.message().lines().next().unwrap_or_default();
        Problem::fault(fence.line + 1 + before, "fence", without_texts(message))
    })
}
