//! How the feed of chains is, in words for readiness: a fault in a part of it degrades that part, and
//! the rest of the process goes on. Anybody may read it, so it names no endpoint and no cause; rows of
//! chains and the log have those.

use chain::ChainStatus;
use journal::{SinkState, State as LogState};
use serde::Serialize;

use crate::{State, settings::IngestMode};

/// How the feed of chains is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IngestHealth {
    /// `off`, `ok` or `degraded`.
    pub status: &'static str,
    /// The mode of the settings.
    pub mode: &'static str,
    /// What is wrong, a sentence each.
    pub reasons: Vec<String>,
}

impl State {
    /// Returns how the feed of chains is; it never waits.
    pub fn ingest_health(&self) -> IngestHealth {
        let mode = self.settings.ingest.mode.as_str();
        let Some(journal) = self.journal.get() else {
            return IngestHealth { status: "off", mode, reasons: Vec::new() };
        };
        let mut reasons = Vec::new();
        // A recorded feed comes to its end; that alone is no fault.
        let is_fault = |row: &&ChainStatus| match self.settings.ingest.mode {
            IngestMode::Replay(_) => row.last_error.is_some(),
            _ => !row.state.serves(),
        };
        for row in self.feed.statuses().iter().filter(is_fault) {
            let (key, state) = (&row.chain_key, row.state.as_str());
            reasons.push(format!("chain {key} is {state}"));
        }
        // What was recorded is as it was; what a node tells of now is looked into.
        if matches!(self.settings.ingest.mode, IngestMode::Rpc(_)) {
            reasons.extend(self.feed.statuses().iter().filter_map(break_reason));
        }
        let damaged = self.metrics.ingest.damaged_records();
        if damaged > 0 {
            reasons.push(format!("{damaged} records of the log are damaged, and left out"));
        }
        let health = journal.health();
        match health.state {
            LogState::Writing => {}
            LogState::Degraded { .. } => reasons.push("the log can't be written".to_owned()),
            LogState::Closed => reasons.push("the log is closed".to_owned()),
        }
        for sink in health.sinks {
            let (name, behind) = (&sink.name, sink.behind_records);
            match sink.state {
                SinkState::Running => {}
                SinkState::Retrying => {
                    reasons.push(format!("sink {name} does not take records, {behind} behind"));
                }
                SinkState::Behind => reasons.push(format!(
                    "sink {name} was down for longer than records are kept, and lacks some"
                )),
                SinkState::Stopped => reasons.push(format!("sink {name} was stopped")),
            }
        }
        let status = if reasons.is_empty() { "ok" } else { "degraded" };
        IngestHealth { status, mode, reasons }
    }
}

/// Returns what is said of a chain that was followed anew; none of one that is whole.
fn break_reason(row: &ChainStatus) -> Option<String> {
    let last = row.broken_below?.number;
    let key = &row.chain_key;
    Some(format!(
        "chain {key} is followed anew behind block {last}: what was included before and is not \
         final is not followed any more"
    ))
}
