//! What a rehearsal does in the place of people: the words of `do`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::baseline::masked_value;

/// What a rehearsal does in the place of people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Act {
    /// Replicas of the candidate are started, without traffic.
    DeployCandidate,
    /// The canary is taken out of the traffic, with both clocks.
    Withdraw,
    /// The candidate's replicas are ended.
    EndCandidate,
    /// Every replica becomes the candidate's version.
    Promote,
    /// Every replica is started anew with the version that was there.
    Redeploy,
    /// Every replica is started anew with a setting.
    Set(String, String),
    /// The candidate's replicas are started anew with a setting, and no other.
    SetCandidate(String, String),
    /// It can't be done, and why: what comes in its place is rehearsed.
    Fail(String),
}

/// The words, for whoever wrote another one.
const WORDS: &str = "deploy-candidate, withdraw, end-candidate, promote, redeploy, set NAME=VALUE, \
                     set-candidate NAME=VALUE, fail WHY";

impl TryFrom<String> for Act {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let setting = rest.split_once('=').filter(|(name, _)| !name.is_empty());
        let setting = setting.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let act = match (word, rest.is_empty(), setting) {
            ("deploy-candidate", true, _) => Some(Act::DeployCandidate),
            ("withdraw", true, _) => Some(Act::Withdraw),
            ("end-candidate", true, _) => Some(Act::EndCandidate),
            ("promote", true, _) => Some(Act::Promote),
            ("redeploy", true, _) => Some(Act::Redeploy),
            ("set", _, Some((name, value))) => Some(Act::Set(name, value)),
            ("set-candidate", _, Some((name, value))) => Some(Act::SetCandidate(name, value)),
            ("fail", false, _) => Some(Act::Fail(rest.to_owned())),
            _ => None,
        };
        act.ok_or_else(|| format!("`{text}` is nothing that is done; there are {WORDS}"))
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::DeployCandidate => f.write_str("deploy-candidate"),
            Act::Withdraw => f.write_str("withdraw"),
            Act::EndCandidate => f.write_str("end-candidate"),
            Act::Promote => f.write_str("promote"),
            Act::Redeploy => f.write_str("redeploy"),
            Act::Set(name, value) => write!(f, "set {name}={value}"),
            Act::SetCandidate(name, value) => write!(f, "set-candidate {name}={value}"),
            Act::Fail(why) => write!(f, "fail {why}"),
        }
    }
}

impl Act {
    /// Returns it as evidence shows it: secrets among settings masked.
    pub(in crate::play) fn shown(&self) -> Act {
        let masked = |name: &String, value: &String| masked_value(name, value).to_owned();
        match self {
            Act::Set(name, value) => Act::Set(name.clone(), masked(name, value)),
            Act::SetCandidate(name, value) => Act::SetCandidate(name.clone(), masked(name, value)),
            other => other.clone(),
        }
    }
}

impl From<Act> for String {
    fn from(act: Act) -> Self {
        act.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let shown = |text: &str| Act::try_from(text.to_owned()).unwrap().shown().to_string();
        assert_eq!(shown("set REALTIME_BACKEND=redis"), "set REALTIME_BACKEND=redis");
        assert_eq!(shown("set-candidate TIDEGATE_KEYS=a"), "set-candidate TIDEGATE_KEYS=[secret]");
    }

    #[test]
    fn what_is_done_is_read_as_it_is_written() {
        for text in [
            "deploy-candidate",
            "withdraw",
            "end-candidate",
            "promote",
            "redeploy",
            "set REALTIME_BACKEND=redis",
            "set-candidate A=b=c",
            "fail the workflow can't be reached",
        ] {
            assert_eq!(Act::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in ["", "deploy", "promote now", "set A", "set =b", "fail"] {
            assert!(Act::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
