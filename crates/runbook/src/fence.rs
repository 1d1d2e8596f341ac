//! What prose can't say: `toml` fences for traffic, guards and undoing.

mod defaults;
mod near;

use std::fmt;

use guard::Share;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, Visitor},
};

use crate::{
    outline,
    problem::Problem,
    vocabulary::{Kind, Length, Measure, OnFail},
};

/// The share of the traffic that a canary gets, and what is known of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The canary's share of all traffic, in per cent.
    pub weight_percent: f64,
    /// For how long it is watched.
    pub hold: Length,
    /// Requests a second, of both arms together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Long-lived connections at one time, of both arms together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<f64>,
    /// How many clients there are, of both arms together. One that failed is left out for a time, so
    /// that few clients show less than many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<u32>,
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
    /// The stable arm's rate of errors, a share, or of breaks for each second of a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_rate: Option<Rate>,
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
    /// The least rate of the canary that matters, as `stable_rate` is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_min: Option<Rate>,
    /// How much each arm is exposed at least before its errors are compared: requests, or seconds of
    /// connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_min: Option<u32>,
    /// After how long a client counts again that had an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_after: Option<Length>,
    /// The time from look to look.
    #[serde(default = "defaults::look")]
    pub look: Length,
    /// How long no data may come.
    #[serde(default = "defaults::silence")]
    pub silence: Length,
    /// What is done where it fails.
    #[serde(default = "rollback")]
    pub on_fail: OnFail,
}

/// A rate as it is written down: a share, `"0.5%"`, or a number for each second. In a plan it is the
/// number, of a share the part of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Of what can fail once.
    Share(Share),
    /// For each second.
    PerSecond(f64),
}

impl Rate {
    /// Returns the number.
    pub fn get(self) -> f64 {
        match self {
            Rate::Share(share) => share.of_one(),
            Rate::PerSecond(number) => number,
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share with its sign, or a number for each second")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        text.parse().map(Rate::Share).map_err(E::custom)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Rate, E> {
        Ok(Rate::PerSecond(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Rate, E> {
        Ok(Rate::PerSecond(number as f64))
    }
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

impl Undo {
    /// Returns the kind of the step that carries it out: what is only said in words a person does.
    pub(crate) fn kind(&self) -> Kind {
        match (self.commands.is_empty(), self.flags.is_empty()) {
            (false, _) => Kind::Command,
            (true, false) => Kind::Flag,
            (true, true) => Kind::External,
        }
    }
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
        ["toml", "guard"] => parse(fence).and_then(|mut spec| {
            defaults::fill(&mut spec).map_err(|text| Problem::fault(fence.line, "guard", text))?;
            Ok(Content::Guard(spec))
        }),
        ["toml", "undo"] => parse(fence).map(Content::Undo),
        _ => return near::meant(fence).map(|text| Err(Problem::fault(fence.line, "fence", text))),
    };
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
