//! How large a run is, and under which mode of the server.

use serde::{Deserialize, Serialize};

/// Whether replicas serve without Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They refuse what is not in Redis.
    Strict,
    /// They go on from their own memory, and merge it.
    Loose,
}

impl Mode {
    /// Returns the word for a report.
    pub fn shown(self) -> &'static str {
        match self {
            Mode::Strict => "strict",
            Mode::Loose => "not strict",
        }
    }
}

/// How large a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How many replicas of the server there are.
    pub replicas: usize,
    /// How many readers there are.
    pub readers: usize,
    /// How many publishers there are.
    pub publishers: usize,
    /// Events a second, of all publishers together, outside of bursts.
    pub rate: u64,
    /// The mode; where it is absent, the seed decides.
    pub mode: Option<Mode>,
    /// Kinds of action that are left out, by name.
    pub without: Vec<String>,
    /// Kinds of action that alone are taken; none stands for all.
    pub only: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            replicas: 3,
            readers: 12,
            publishers: 6,
            rate: 60,
            mode: None,
            without: Vec::new(),
            only: Vec::new(),
        }
    }
}

impl Settings {
    /// Returns whether a kind of action may be in the plan.
    pub(crate) fn takes(&self, kind: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| kind.starts_with(name.as_str()));
        (self.only.is_empty() || named(&self.only)) && !named(&self.without)
    }
}
