//! One action of a plan, as plain data.

use serde::{Deserialize, Serialize};

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Its number in the plan.
    pub id: usize,
    /// The name of its kind.
    pub kind: String,
    /// When it begins, counted from the start of the traffic.
    pub begin_ms: u64,
    /// When it is mended; where it begins, if there is nothing to mend.
    pub end_ms: u64,
    /// The replica that it concerns; all of them, or none in particular, where it is absent.
    pub replica: Option<usize>,
    /// How much of it; what that means is the kind's.
    pub level: u64,
    /// Whether the way to Redis is harmed rather than the way back.
    pub upstream: bool,
}

impl Act {
    /// Returns what it is, for a line of output.
    pub fn shown(&self) -> String {
        let lasts = self.end_ms - self.begin_ms;
        let who = match self.replica {
            Some(replica) => format!(" replica {replica}"),
            None => String::new(),
        };
        let lasts = match lasts {
            0 => String::new(),
            lasts => format!(" for {:.1} s", lasts as f64 / 1000.0),
        };
        format!("#{} {}{who} level {}{lasts}", self.id, self.kind, self.level)
    }
}
