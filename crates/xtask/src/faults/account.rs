//! What came of one rehearsal, out of what it left behind: what it printed, how the run stood at its end,
//! and what its guards said at each look. Pure.

use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;

/// The head of the table.
pub(super) const HEAD: &str = "\
| candidate | seen by | after | new traffic off | last connection off | checked | lost | repeated | out of \
order | altered | two effects | streams on the canary | rehearsal | took |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Account {
    passed: bool,
    reasons: Vec<String>,
    /// Guards that said FAIL, in their order, and how long after the canary was given traffic.
    failed: Vec<(String, i128)>,
    new_traffic_ms: Option<u64>,
    residual_ms: Option<u64>,
    ledger: Ledger,
    took: Duration,
}

/// What is printed, as far as it is read here.
#[derive(Deserialize)]
struct Printed {
    passed: bool,
    reasons: Vec<String>,
    clients: Clients,
}

#[derive(Deserialize)]
struct Clients {
    ledger: Ledger,
}

/// What clients saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Ledger {
    checked: u64,
    lost: u64,
    repeated: u64,
    reordered: u64,
    altered: u64,
    double_effects: u64,
    connects: Connects,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Connects {
    canary: u64,
}

/// How the run stood.
#[derive(Deserialize)]
struct Status {
    steps: Vec<Step>,
    clocks: Option<Clocks>,
}

#[derive(Deserialize)]
struct Step {
    kind: String,
    begun_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Clocks {
    new_traffic_ms: Option<u64>,
    residual_ms: Option<u64>,
}

/// A look at the traffic, or of a guard.
#[derive(Deserialize)]
struct Sample {
    at: Timestamp,
    guard: Option<String>,
    verdict: Option<String>,
}

impl Account {
    /// Reads what a rehearsal printed, its run's `status.json` and its `samples.jsonl`.
    ///
    /// # Errors
    ///
    /// Fails where it is none of these.
    pub(super) fn read(
        printed: &str,
        status: &str,
        samples: &str,
        took: Duration,
    ) -> anyhow::Result<Self> {
        // Before it a line for each change of the run is printed.
        let printed = printed.lines().last().unwrap_or_default();
        let printed: Printed = serde_json::from_str(printed).context("what it printed")?;
        let status: Status = serde_json::from_str(status).context("status.json")?;
        let given = status.steps.iter().find(|step| step.kind == "traffic");
        let given = given.and_then(|step| step.begun_at).context("no canary was given traffic")?;
        let clocks = status.clocks.as_ref();
        Ok(Account {
            passed: printed.passed,
            reasons: printed.reasons,
            failed: failed(samples, given)?,
            new_traffic_ms: clocks.and_then(|clocks| clocks.new_traffic_ms),
            residual_ms: clocks.and_then(|clocks| clocks.residual_ms),
            ledger: printed.clients.ledger,
            took,
        })
    }

    /// Returns what is not as it has to be, given the guards that are there for the fault; none for
    /// a good candidate, which no guard may abort.
    pub(super) fn troubles(&self, guards: Option<&[&str]>) -> Vec<String> {
        let mut troubles = self.reasons.clone();
        if !self.passed && troubles.is_empty() {
            troubles.push("it did not pass".to_owned());
        }
        match guards {
            Some(guards) if !self.failed.iter().any(|(id, _)| guards.contains(&id.as_str())) => {
                troubles.push(format!("{} did not see it", guards.join(" and ")));
            }
            Some(_) => {}
            None => {
                let aborted = self.failed.iter().map(|(id, _)| format!("the guard {id} failed it"));
                troubles.extend(aborted);
            }
        }
        if guards.is_some() && self.ledger.connects.canary == 0 {
            troubles.push("no reader was on the canary".to_owned());
        }
        troubles
    }

    /// Returns its row of the table.
    pub(super) fn row(&self, candidate: &str) -> String {
        let ms = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let guards: Vec<_> = self.failed.iter().map(|(guard, _)| format!("`{guard}`")).collect();
        let seen_by = if guards.is_empty() { "-".to_owned() } else { guards.join(", ") };
        let after = self.failed.first().map_or_else(
            || "-".to_owned(),
            |(_, after_ms)| format!("{:.1} s", *after_ms as f64 / 1000.0),
        );
        let Ledger { checked, lost, repeated, reordered, altered, double_effects, connects } =
            self.ledger;
        let word = if self.passed { "PASSED" } else { "FAILED" };
        format!(
            "| `{candidate}` | {seen_by} | {after} | {} | {} | {checked} | {lost} | {repeated} | \
             {reordered} | {altered} | {double_effects} | {} | {word} | {:.0} s |",
            ms(self.new_traffic_ms),
            ms(self.residual_ms),
            connects.canary,
            self.took.as_secs_f64(),
        )
    }
}

/// Returns the guards that failed, each when it first did.
fn failed(samples: &str, given: Timestamp) -> anyhow::Result<Vec<(String, i128)>> {
    let mut failed: Vec<(String, i128)> = Vec::new();
    for line in samples.lines() {
        let Sample { at, guard, verdict } = serde_json::from_str(line).context("samples.jsonl")?;
        let Some(guard) = guard.filter(|_| verdict.as_deref() == Some("FAIL")) else { continue };
        if !failed.iter().any(|(id, _)| *id == guard) {
            failed.push((guard, at.duration_since(given).as_millis()));
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests;
