//! The plan that a log is of: who approved, approved of that one.
//!
//! What a plan is, is not known here: it is a digest, which records name as their `plan` and decisions
//! are bound to.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Fault, Report,
    log::{Log, place},
};
use crate::{Hash, Predicate, Resource, object};

/// What the plan is called: in the data of a record, among what a test was done with, as an output.
const PLAN: &str = "plan";

/// What a record says of its plan.
#[derive(Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "object::present")]
    plan: Option<Box<RawValue>>,
}

/// Finds the plan by the log's records; each that names one names the same, and so do its outputs.
pub(super) fn check(log: &Log, report: &mut Report) {
    for (n, entry) in &log.entries {
        let data = entry.data.as_ref().map(|data| data.get());
        match data.map_or(Ok(None), named_by) {
            Ok(None) => {}
            Ok(Some(plan)) => is_of(plan, *n, report),
            Err(()) => report.find(place(*n), Fault::PlanDigest),
        }
        for output in entry.outputs.iter().filter(|output| output.name == PLAN) {
            is_of(output.sha256, *n, report);
        }
    }
}

/// Returns the plan that a record's data name; nothing can be taken for one that is written in another
/// way, or twice.
fn named_by(data: &str) -> Result<Option<Hash>, ()> {
    if !data.trim_start().starts_with('{') {
        return Ok(None);
    }
    let Named { plan } = serde_json::from_str(data).map_err(|_| ())?;
    plan.map(|plan| serde_json::from_str(plan.get()).map_err(|_| ())).transpose()
}

/// Returns the plans that a statement is about.
pub(super) fn named(said: &Predicate) -> Vec<Hash> {
    match said {
        Predicate::Decision(decision) => {
            decision.plan.iter().filter_map(Resource::sha256).collect()
        }
        Predicate::TestResult(result) => {
            let is_plan = |thing: &&Resource| thing.name.as_deref() == Some(PLAN);
            result.configuration.iter().filter(is_plan).filter_map(Resource::sha256).collect()
        }
        _ => Vec::new(),
    }
}

/// Checks that a statement is about the log's plan, which is that of the first one where no record
/// names it.
pub(super) fn check_said(said: &Predicate, n: u64, report: &mut Report) {
    for plan in named(said) {
        is_of(plan, n, report);
    }
}

fn is_of(plan: Hash, n: u64, report: &mut Report) {
    if *report.plan.get_or_insert(plan) != plan {
        report.find(place(n), Fault::Plan(plan));
    }
}
