//! The verification of a log: every entry hashed and read, every signature checked.

use evidence::{
    Contents, Envelope, Keyring, Outcome, Predicate, Recorder, Redactor, Request, Resource, Signer,
    TestResult, verify,
};
use serde_json::json;

use super::{EvidenceArgs, Figures, Repeated, time};
use crate::error::BenchError;

pub(super) struct Evidence {
    contents: Contents,
    keyring: Keyring,
    entries: f64,
}

#[expect(clippy::needless_pass_by_value, reason = "errors are given by value, by `map_err`")]
fn failed(what: impl ToString) -> BenchError {
    BenchError::Refused { server: "evidence".to_owned(), what: what.to_string() }
}

impl Evidence {
    /// Makes the log, which is not measured.
    pub(super) fn new(args: &EvidenceArgs) -> Result<Self, BenchError> {
        let name = "bench.example/log".parse().map_err(failed)?;
        let signer = Signer::generate(name).map_err(failed)?;
        let mut log = Recorder::new("bench.example/run", Redactor::default()).map_err(failed)?;
        let signed = args.signed.of(args.entries as usize);
        for n in 0..args.entries as usize {
            let at = jiff_time(n)?;
            // Spread evenly: entry n is signed where the count of signed ones goes up.
            let share = |n: usize| n * signed / args.entries as usize;
            if share(n + 1) > share(n) {
                let envelope = statement(n, &signer)?;
                log.statement(at, "conductor", envelope, Vec::new()).map_err(failed)?;
            } else {
                let data = json!({"step": n, "command": ["true"], "exit": 0});
                log.record(at, "command", &data, Vec::new()).map_err(failed)?;
            }
        }
        log.close(jiff_time(args.entries as usize)?).map_err(failed)?;
        let keyring = format!("log,conductor {}\n", signer.verifier()).parse().map_err(failed)?;
        let contents = log.contents(&signer).map_err(failed)?;
        Ok(Evidence { contents, keyring, entries: f64::from(args.entries) })
    }
}

fn jiff_time(second: usize) -> Result<jiff::Timestamp, BenchError> {
    jiff::Timestamp::from_second(1_800_000_000 + second as i64).map_err(failed)
}

fn statement(n: usize, signer: &Signer) -> Result<Envelope, BenchError> {
    let result = Predicate::TestResult(TestResult {
        result: Outcome::Passed,
        configuration: Vec::new(),
        url: None,
        passed_tests: vec![format!("gate {n}")],
        warned_tests: Vec::new(),
        failed_tests: Vec::new(),
    });
    let subject = vec![Resource::of_sha256("image", evidence::Hash::of(b"image"))];
    let statement = result.about(subject).map_err(failed)?;
    statement.signed(signer).map_err(failed)
}

impl Repeated for Evidence {
    fn once(&mut self) -> Result<Figures, BenchError> {
        let request = Request {
            contents: &self.contents,
            keyring: Some(&self.keyring),
            seen: None,
            may_be_open: false,
        };
        let (report, took) = time(|| verify(&request));
        if let Some(finding) = report.findings.first() {
            return Err(failed(finding));
        }
        Ok(vec![
            ("entries_per_cpu_second", "entries /CPU-s", self.entries / took.cpu.as_secs_f64()),
            ("verify_ms", "ms for all of them", took.wall.as_secs_f64() * 1000.0),
        ])
    }
}
