//! The plan that a log is of: who approved, approved of that one.
//!
//! What a plan is, is not known here: it is a digest, which the records of a run name and its decisions
//! are bound to.

use serde::Deserialize;

use super::{
    Fault, Report,
    log::{Log, place},
};
use crate::{Hash, Predicate, Resource};

/// What records of a run call its plan.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    plan: Option<Hash>,
    digest: Option<Hash>,
}

/// The names of those records.
const RECORDS: [&str; 3] = ["begun", "approved", "plan"];

/// Finds the plan by the log's records; each names the same.
pub(super) fn check(log: &Log, report: &mut Report) {
    for (n, entry) in &log.entries {
        let is_one = entry.name.as_deref().is_some_and(|name| RECORDS.contains(&name));
        let data = entry.data.as_ref().filter(|_| is_one);
        let named = data.and_then(|data| serde_json::from_str::<Named>(data.get()).ok());
        for plan in named.into_iter().flat_map(|named| [named.plan, named.digest]).flatten() {
            is_of(plan, *n, report);
        }
    }
}

/// Checks that a statement is about the log's plan, which is that of the first one where no record
/// names it.
pub(super) fn check_said(said: &Predicate, n: u64, report: &mut Report) {
    let plans: Vec<Hash> = match said {
        Predicate::Decision(decision) => {
            decision.plan.iter().filter_map(Resource::sha256).collect()
        }
        Predicate::TestResult(result) => {
            let is_plan = |thing: &&Resource| thing.name.as_deref() == Some("plan");
            result.configuration.iter().filter(is_plan).filter_map(Resource::sha256).collect()
        }
        _ => Vec::new(),
    };
    for plan in plans {
        is_of(plan, n, report);
    }
}

fn is_of(plan: Hash, n: u64, report: &mut Report) {
    if *report.plan.get_or_insert(plan) != plan {
        report.find(place(n), Fault::Plan(plan));
    }
}
