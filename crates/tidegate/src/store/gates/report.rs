//! What checks found: pure but for the clock.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::candidate::Plan;
use crate::{console, exit::Exit};

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    ServerVersion,
    StorageEngine,
    MigrationChecksum,
    QueryPatterns,
    Reconnect,
    Redis,
    OneLog,
    FanOut,
    CleanUp,
}

impl Gate {
    pub(super) const ALL: [Gate; 9] = [
        Gate::ServerVersion,
        Gate::StorageEngine,
        Gate::MigrationChecksum,
        Gate::QueryPatterns,
        Gate::Reconnect,
        Gate::Redis,
        Gate::OneLog,
        Gate::FanOut,
        Gate::CleanUp,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Gate::ServerVersion => "server-version",
            Gate::StorageEngine => "storage-engine",
            Gate::MigrationChecksum => "migration-checksum",
            Gate::QueryPatterns => "query-patterns",
            Gate::Reconnect => "reconnect",
            Gate::Redis => "redis",
            Gate::OneLog => "one-log",
            Gate::FanOut => "fan-out",
            Gate::CleanUp => "clean-up",
        }
    }

    /// Returns what is wanted.
    const fn wanted(self) -> &'static str {
        match self {
            Gate::ServerVersion => "SurrealDB 3.0.0, exactly",
            Gate::StorageEngine => {
                "with --production TiKV; else the engine named where it is known"
            }
            Gate::MigrationChecksum => {
                "one checksum in the ledger, in each replica and in the release artefact"
            }
            Gate::QueryPatterns => "right answers, by ids, ranges of ids or the named index",
            Gate::Reconnect => "what was written is read back over another connection",
            Gate::Redis => "an event appended, read back and its key refused twice",
            Gate::OneLog => {
                "different replicas with one prefix, one Redis, and those of these settings"
            }
            Gate::FanOut => "every message at every reader, in one order",
            Gate::CleanUp => "no synthetic row and no synthetic key left",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Fail,
    /// It could not be carried out.
    Error,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Error => "ERROR",
        }
    }
}

/// On whose word a verdict rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was seen.
    Seen,
    /// Whoever ran it said so.
    Asserted,
    /// Neither; nothing depends on it here.
    Unseen,
}

impl Standing {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Standing::Seen => "seen",
            Standing::Asserted => "asserted",
            Standing::Unseen => "unseen",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) standing: Standing,
    pub(super) seen: String,
    /// What to do; nothing where it passed.
    pub(super) advice: String,
    pub(super) detail: Value,
}

impl Finding {
    pub(super) fn pass(seen: impl Into<String>) -> Self {
        Finding::new(Verdict::Pass, seen.into(), "Nothing is to be done.")
    }

    pub(super) fn fail(seen: impl Into<String>, advice: &str) -> Self {
        Finding::new(Verdict::Fail, seen.into(), advice)
    }

    pub(super) fn error(seen: impl Into<String>, advice: &str) -> Self {
        Finding::new(Verdict::Error, seen.into(), advice)
    }

    fn new(verdict: Verdict, seen: String, advice: &str) -> Self {
        let advice = advice.to_owned();
        Finding { verdict, standing: Standing::Seen, seen, advice, detail: Value::Null }
    }

    pub(super) fn by(self, standing: Standing) -> Self {
        Finding { standing, ..self }
    }

    pub(super) fn with(self, detail: Value) -> Self {
        Finding { detail, ..self }
    }
}

/// A check with what it found.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) gate: Gate,
    pub(super) finding: Finding,
    pub(super) at: Timestamp,
    pub(super) took: Duration,
}

impl Check {
    pub(super) fn document(&self) -> Value {
        let Finding { verdict, standing, seen, advice, detail } = &self.finding;
        json!({
            "name": self.gate.name(),
            "verdict": verdict.as_str(),
            "standing": standing.as_str(),
            "seen": seen,
            "wanted": self.gate.wanted(),
            "advice": advice,
            "at": format!("{:.3}", self.at),
            "took_ms": self.took.as_millis() as u64,
            "detail": detail,
        })
    }
}

/// All checks.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    pub(super) candidate: Value,
    pub(super) at: Timestamp,
    pub(super) out: Option<String>,
    began: Instant,
    pub(super) took: Duration,
}

impl Report {
    pub(super) fn begin(plan: &Plan) -> Self {
        Report {
            checks: Vec::new(),
            candidate: plan.document(),
            at: Timestamp::now(),
            out: plan.out.as_ref().map(|out| out.display().to_string()),
            began: Instant::now(),
            took: Duration::ZERO,
        }
    }

    /// Carries a check out, within its deadline.
    pub(super) async fn add(
        &mut self,
        gate: Gate,
        deadline: Duration,
        peer: &str,
        checking: impl Future<Output = Finding>,
    ) {
        let found = timed(deadline, peer, checking).await;
        self.push(gate, found);
    }

    pub(super) fn push(&mut self, gate: Gate, (finding, took): (Finding, Duration)) {
        console::note(&format!("{:<18} {}", gate.name(), finding.verdict.as_str()));
        self.checks.push(Check { gate, finding, at: Timestamp::now(), took });
    }

    /// Notes the checks that were not carried out.
    pub(super) fn interrupt(&mut self) {
        for gate in Gate::ALL {
            let is_left = self.checks.iter().all(|check| check.gate != gate);
            if is_left && gate != Gate::CleanUp {
                let finding = Finding::error("interrupted", "Run the gates again.");
                self.push(gate, (finding, Duration::ZERO));
            }
        }
    }

    pub(super) fn end(&mut self) {
        self.took = self.began.elapsed();
    }

    /// Returns the worst of all; a failure says more than what could not be carried out.
    pub(super) fn verdict(&self) -> Verdict {
        let is = |verdict| self.checks.iter().any(|check| check.finding.verdict == verdict);
        let is_whole = self.checks.len() == Gate::ALL.len();
        match (is(Verdict::Fail), is(Verdict::Error) || !is_whole) {
            (true, _) => Verdict::Fail,
            (false, true) => Verdict::Error,
            (false, false) => Verdict::Pass,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.verdict() {
            Verdict::Pass => Exit::Done,
            Verdict::Fail => Exit::Failed,
            Verdict::Error => Exit::Unreachable,
        }
    }
}

/// Returns whether a check passed.
pub(super) fn passed(checks: &[Check], gate: Gate) -> bool {
    let passes = |check: &Check| check.gate == gate && check.finding.verdict == Verdict::Pass;
    checks.iter().any(passes)
}

/// Waits for a check until its deadline.
pub(super) async fn timed(
    deadline: Duration,
    peer: &str,
    checking: impl Future<Output = Finding>,
) -> (Finding, Duration) {
    let began = Instant::now();
    let found = tokio::time::timeout(deadline, checking).await;
    let late = |_| {
        let seen = format!("no end within {} s: {peer} does not answer", deadline.as_secs());
        Finding::error(seen, "See why it hangs, or give more time with --deadline.")
    };
    (found.unwrap_or_else(late), began.elapsed())
}

#[cfg(test)]
mod tests;
