//! What is looked at before a stand-in vouches for something: the words of `check`.

use std::{fmt, path::PathBuf};

use guard::Arm;
use serde::{Deserialize, Serialize};

use crate::baseline::masked_value;

/// What is looked at before a stand-in vouches for something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Check {
    /// Every stable replica is ready.
    Ready,
    /// The clients' ledgers have nothing to complain of but what was made wrong on purpose.
    Ledgers,
    /// What runs is what ran at the beginning.
    Baseline,
    /// Nothing is on the canary.
    Stable,
    /// Redis answers where replicas find it.
    Redis,
    /// Clients send, and have what others sent.
    Load,
    /// The way back takes no longer than the runbook promises.
    Rto,
    /// Everything that people sign before it at the end is signed.
    Signed,
    /// Every replica of an arm says that it is well, and has a field so in its health where one is named.
    Health(Arm, Option<(String, String)>),
    /// Every replica of an arm has a setting so in its process.
    Setting(Arm, String, String),
    /// Every replica of an arm wrote this in its log since it began.
    Log(Arm, String),
    /// A stream of every replica of an arm goes on behind the last event that a client had.
    Resume(Arm),
    /// A step passed, and was not waived.
    Step(String),
    /// A guard's last word is PASS.
    Guard(String),
    /// A step left something behind in the run's folder.
    Output(String),
    /// A file is there, and not empty.
    File(PathBuf),
}

/// The words, for whoever wrote another one.
const WORDS: &str = "ready, ledgers, baseline, stable, redis, load, rto, signed, resume, health, \
                     health FIELD=VALUE, setting NAME=VALUE, log TEXT, step ID, guard ID, output ID, \
                     file PATH; `canary` stands before resume, health, setting and log";

impl TryFrom<String> for Check {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (arm, rest) = match text.strip_prefix("canary ") {
            Some(rest) => (Arm::Canary, rest),
            None => (Arm::Stable, text.as_str()),
        };
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let pair = rest.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let is_of_all = arm == Arm::Stable;
        let check = match (word, rest, pair) {
            ("health", "", _) => Some(Check::Health(arm, None)),
            ("health", _, Some(field)) => Some(Check::Health(arm, Some(field))),
            ("setting", _, Some((name, value))) => Some(Check::Setting(arm, name, value)),
            ("resume", "", _) => Some(Check::Resume(arm)),
            ("log", said, _) if !said.is_empty() => Some(Check::Log(arm, said.to_owned())),
            (word, rest, _) if is_of_all => of_all(word, rest),
            _ => None,
        };
        check.ok_or_else(|| format!("`{text}` is no check; there are {WORDS}"))
    }
}

fn of_all(word: &str, rest: &str) -> Option<Check> {
    Some(match (word, rest) {
        ("ready", "") => Check::Ready,
        ("ledgers", "") => Check::Ledgers,
        ("baseline", "") => Check::Baseline,
        ("stable", "") => Check::Stable,
        ("redis", "") => Check::Redis,
        ("load", "") => Check::Load,
        ("rto", "") => Check::Rto,
        ("signed", "") => Check::Signed,
        (_, "") => return None,
        ("step", id) => Check::Step(id.to_owned()),
        ("guard", id) => Check::Guard(id.to_owned()),
        ("output", id) => Check::Output(id.to_owned()),
        ("file", path) => Check::File(path.into()),
        _ => return None,
    })
}

impl Check {
    /// Returns it as evidence shows it: secrets among settings masked.
    pub(in crate::play) fn shown(&self) -> Check {
        match self {
            Check::Setting(arm, name, value) => {
                Check::Setting(*arm, name.clone(), masked_value(name, value).to_owned())
            }
            other => other.clone(),
        }
    }

    /// Returns the step or the guard that it names.
    pub(in crate::play) fn names(&self) -> Option<&str> {
        match self {
            Check::Step(id) | Check::Guard(id) | Check::Output(id) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Check::Health(arm, _)
        | Check::Setting(arm, ..)
        | Check::Log(arm, _)
        | Check::Resume(arm) = self
            && *arm == Arm::Canary
        {
            f.write_str("canary ")?;
        }
        match self {
            Check::Ready => f.write_str("ready"),
            Check::Ledgers => f.write_str("ledgers"),
            Check::Baseline => f.write_str("baseline"),
            Check::Stable => f.write_str("stable"),
            Check::Redis => f.write_str("redis"),
            Check::Load => f.write_str("load"),
            Check::Rto => f.write_str("rto"),
            Check::Signed => f.write_str("signed"),
            Check::Health(_, None) => f.write_str("health"),
            Check::Health(_, Some((field, value))) => write!(f, "health {field}={value}"),
            Check::Setting(_, name, value) => write!(f, "setting {name}={value}"),
            Check::Log(_, said) => write!(f, "log {said}"),
            Check::Resume(_) => f.write_str("resume"),
            Check::Step(id) => write!(f, "step {id}"),
            Check::Guard(id) => write!(f, "guard {id}"),
            Check::Output(id) => write!(f, "output {id}"),
            Check::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl From<Check> for String {
    fn from(check: Check) -> Self {
        check.to_string()
    }
}

#[cfg(test)]
mod tests;
