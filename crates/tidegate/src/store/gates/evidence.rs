//! What a run leaves behind: one output for each check, and with a key a signed log over them.

use std::{fs, path::Path};

use ::evidence::{
    Hash, LOG_ROLE, Outcome, Predicate, Recorder, RecorderError, Resource, Signer, TestResult,
    folder,
};
use jiff::Timestamp;
use ulid::Ulid;

use super::{
    candidate::Plan,
    report::{Check, Report, Standing, Verdict},
    show,
};
use crate::failure::Failure;

/// Writes a folder.
///
/// # Errors
/// Fails where it can't be written.
pub(super) fn write(
    out: &Path,
    signer: Option<&Signer>,
    report: &Report,
    plan: &Plan,
) -> Result<(), Failure> {
    let shown = out.display();
    let failed = format!("--out {shown} can't be written");
    match signer {
        Some(signer) => {
            let recorder = recorded(signer, report, plan);
            let recorder = recorder.map_err(|error| Failure::failed(&*failed).because(error))?;
            let written = folder::write(out, &recorder, signer);
            written.map_err(|error| Failure::failed(failed).because(error))
        }
        None => files(out, report, plan).map_err(|error| Failure::failed(failed).because(error)),
    }
}

/// Returns the log: the candidate, a statement for each check, the end.
fn recorded(signer: &Signer, report: &Report, plan: &Plan) -> Result<Recorder, RecorderError> {
    let origin = format!("{}/gates/{}", signer.verifier().name(), Ulid::generate());
    let mut recorder = Recorder::new(&origin, plan.redactor.clone())?;
    recorder.record(report.at, "gates begun", &report.candidate, Vec::new())?;
    for check in &report.checks {
        let bytes = check.document().to_string();
        let output = recorder.output(&file_name(check), bytes.as_bytes());
        let subject = vec![Resource::of_sha256(&output.name, output.sha256)];
        let statement = Predicate::TestResult(result_of(check, plan)).about(subject)?;
        let envelope = statement.signed(signer)?;
        recorder.statement(check.at, LOG_ROLE, envelope, vec![output])?;
    }
    let whole = recorder.output("gates.json", show::document(report).as_bytes());
    let verdict = serde_json::json!({"verdict": report.verdict().as_str()});
    let now = Timestamp::now();
    recorder.record(now, "gates ended", &verdict, vec![whole])?;
    recorder.close(now)?;
    Ok(recorder)
}

/// States what a check found; what rests on somebody's word alone is a warning.
fn result_of(check: &Check, plan: &Plan) -> TestResult {
    let name = vec![check.gate.name().to_owned()];
    let (result, passed, warned, failed) = match (check.finding.verdict, check.finding.standing) {
        (Verdict::Pass, Standing::Seen) => (Outcome::Passed, name, vec![], vec![]),
        (Verdict::Pass, _) => (Outcome::Warned, vec![], name, vec![]),
        (Verdict::Fail | Verdict::Error, _) => (Outcome::Failed, vec![], vec![], name),
    };
    let migrations =
        plan.checksum.parse::<Hash>().map(|hash| Resource::of_sha256("migrations", hash));
    TestResult {
        result,
        configuration: migrations.into_iter().collect(),
        url: None,
        passed_tests: passed,
        warned_tests: warned,
        failed_tests: failed,
    }
}

fn file_name(check: &Check) -> String {
    format!("{}.json", check.gate.name())
}

/// Writes the outputs alone; nobody vouches for them.
fn files(out: &Path, report: &Report, plan: &Plan) -> std::io::Result<()> {
    fs::create_dir(out)?;
    let put = |name: &str, text: &str| {
        let kept = plan.without_secrets(text);
        folder::write_whole(&out.join(name), kept.as_bytes())
    };
    for check in &report.checks {
        put(&file_name(check), &check.document().to_string())?;
    }
    put("gates.json", &show::document(report))
}
