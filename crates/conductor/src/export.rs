//! A journal as evidence that anybody can check: its entries as they are, the plan and the outputs
//! under their digests, and for each gate a signed result.
//!
//! The entries keep their places and their bytes, so that what people signed of the journal holds.

use std::collections::BTreeMap;

use evidence::{
    Hash, LOG_ROLE, Outcome, Output, Predicate, Recorder, RecorderError, Redactor, Resource,
    Signer, TestResult,
};
use guard::Verdict;
use jiff::Timestamp;
use runbook::Plan;
use serde_json::json;

use crate::{Damage, JournalView, Phase, Refused, State, Status, journal};

/// What the record is called that names the plan, and the plan's output.
const PLAN: &str = "plan";

/// A run as it was written down.
#[derive(Clone, Copy, Debug)]
pub struct RunRecord<'r> {
    /// The journal's bytes.
    pub journal: &'r [u8],
    /// The plan that it carried out.
    pub plan: &'r Plan,
    /// What its steps left behind, by digest, without secrets.
    pub outputs: &'r BTreeMap<Hash, Vec<u8>>,
}

/// A run that can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal was changed.
    #[error("the journal was changed")]
    Damage(#[from] Damage),
    /// It tells what can't have happened with this plan.
    #[error("line {line} of the journal can't follow the ones before it")]
    Refused {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: Refused,
    },
    /// Nothing has begun.
    #[error("the journal has no entry")]
    Empty,
    /// An output is not there.
    #[error("the output {name} with the digest {sha256} is not there")]
    Output {
        /// What it is called.
        name: String,
        /// Its digest.
        sha256: Hash,
    },
    /// No JSON can be made of the plan or a result.
    #[error("no JSON can be made of it")]
    Json(#[from] serde_json::Error),
    /// The evidence can't be made.
    #[error("the evidence can't be made")]
    Recorder(#[from] RecorderError),
}

/// Returns the evidence of a run: its log, signed by whoever carries it out. A run that has ended is
/// closed; one that goes on is not.
///
/// # Errors
/// Fails where the journal was changed, does not belong to the plan, or an output is missing.
pub fn export(
    run: &RunRecord<'_>,
    signer: &Signer,
    at: Timestamp,
) -> Result<Recorder, ExportError> {
    export_with(run, Vec::new(), signer, at)
}

/// Something that is stated of a run beside its gates.
#[derive(Clone, Debug)]
pub struct Stated {
    /// What, signed by whoever carries the run out.
    pub statement: evidence::Statement,
    /// What it rests on, by name; without secrets.
    pub outputs: Vec<(String, Vec<u8>)>,
}

/// Returns the evidence of a run with further statements, which stand behind those of its gates.
///
/// # Errors
/// As for [`export`].
pub fn export_with(
    run: &RunRecord<'_>,
    further: Vec<Stated>,
    signer: &Signer,
    at: Timestamp,
) -> Result<Recorder, ExportError> {
    match exported(run, further, signer, at)? {
        (log, missing) if missing.is_empty() => Ok(log),
        (_, mut missing) => {
            let Output { name, sha256, .. } = missing.swap_remove(0);
            Err(ExportError::Output { name, sha256 })
        }
    }
}

/// Returns the evidence of a run with what is there of its outputs, and the outputs that are not: whoever
/// verifies it finds them missing.
///
/// # Errors
/// As for [`export`], but for outputs.
pub fn export_what_is_there(
    run: &RunRecord<'_>,
    signer: &Signer,
    at: Timestamp,
) -> Result<(Recorder, Vec<Output>), ExportError> {
    exported(run, Vec::new(), signer, at)
}

fn exported(
    run: &RunRecord<'_>,
    further: Vec<Stated>,
    signer: &Signer,
    at: Timestamp,
) -> Result<(Recorder, Vec<Output>), ExportError> {
    let read = journal::read(run.journal)?;
    let state = fold(run.plan, &read)?;
    let origin = state.run().ok_or(ExportError::Empty)?;
    let mut log = Recorder::resume(origin, Redactor::default(), &read.lines)?;
    let outputs = read.entries.iter().flat_map(|entry| &entry.outputs);
    let missing = outputs.filter(|output| !keep(&mut log, output, run.outputs)).cloned().collect();
    let plan = log.keep_output(PLAN, run.plan.canonical()?.into_bytes());
    log.record(at, PLAN, &json!({"plan": plan.sha256}), vec![plan])?;
    for (gate, verdict) in results(run.plan, &state) {
        let result = result(run.plan, gate, verdict)?;
        log.statement(at, LOG_ROLE, result.signed(signer)?, Vec::new())?;
    }
    for Stated { statement, outputs } in further {
        let kept = outputs.into_iter().map(|(name, bytes)| log.keep_output(&name, bytes)).collect();
        log.statement(at, LOG_ROLE, statement.signed(signer)?, kept)?;
    }
    if matches!(
        state.phase(),
        Phase::Kept | Phase::RolledBack | Phase::RollbackFailed | Phase::Aborted
    ) {
        log.close(at)?;
    }
    Ok((log, missing))
}

fn fold(plan: &Plan, read: &journal::JournalRead) -> Result<State, ExportError> {
    let mut state = State::new(plan)?;
    for (line, entry) in (1..).zip(&read.entries) {
        let log = JournalView { tree: &read.tree, size: line - 1 };
        let applied = state.apply(&entry.event, log);
        applied.map_err(|source| ExportError::Refused { line, source })?;
    }
    Ok(state)
}

/// Keeps an output; returns whether it is there.
fn keep(log: &mut Recorder, output: &Output, outputs: &BTreeMap<Hash, Vec<u8>>) -> bool {
    let (name, sha256) = (&output.name, output.sha256);
    let is_it = |bytes: &&Vec<u8>| Output::new(name, bytes, output.home) == *output;
    let found = outputs.get(&sha256).filter(is_it);
    if let Some(bytes) = found {
        log.keep_output(name, bytes.clone());
    }
    found.is_some()
}

/// Returns all gates with how they ended at last; one without an end can't tell.
fn results<'p>(plan: &'p Plan, state: &State) -> Vec<(&'p str, Verdict)> {
    let ended = plan.gates.iter().map(|gate| match state.status(&gate.id) {
        Some(Status::Done(_, verdict)) => (gate.id.as_str(), verdict),
        _ => (gate.id.as_str(), Verdict::Insufficient),
    });
    ended.collect()
}

/// States how a gate ended; whatever is not a pass is a failure, no data too.
fn result(
    plan: &Plan,
    gate: &str,
    verdict: Verdict,
) -> Result<evidence::Statement, serde_json::Error> {
    let gate = vec![gate.to_owned()];
    let (result, passed_tests, failed_tests) = if verdict.is_pass() {
        (Outcome::Passed, gate, Vec::new())
    } else {
        (Outcome::Failed, Vec::new(), gate)
    };
    let stated = Predicate::TestResult(TestResult {
        result,
        configuration: vec![plan.resource()?, Resource::of_sha256("runbook", plan.source)],
        url: None,
        passed_tests,
        warned_tests: Vec::new(),
        failed_tests,
    });
    stated.about(vec![plan.resource()?])
}
