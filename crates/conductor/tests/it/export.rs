//! A journal as evidence: checked with public keys alone, and found to be false where it is.

use std::collections::BTreeMap;

use conductor::{Effect, Ending, Event, ExportError, Refused, RunRecord, export};
use evidence::{
    Choice, Contents, Fault, Hash, Home, Keyring, Output, Report, Request, Standing, folder, verify,
};
use guard::Verdict;
use runbook::Mode;

use super::cast::{Running, judged, key, planned};

const LOG: &[u8] = b"128 of 128 gates\n";

fn ended() -> Running {
    let mut run = Running::begin(planned(Mode::Rehearsal));
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    run.step("G1", Verdict::Pass, vec![Output::new("g1.log", LOG, Home::Outputs)]);
    run.follow(run.by_lead(Choice::Go), Vec::new());
    run.step("S1", Verdict::Pass, Vec::new());
    run.follow(judged(Verdict::Pass, "Health was there."), Vec::new());
    run.follow(Event::Ended { how: Ending::Kept }, Vec::new());
    run
}

fn outputs() -> BTreeMap<Hash, Vec<u8>> {
    BTreeMap::from([(Hash::of(LOG), LOG.to_vec())])
}

fn exported(run: &Running) -> evidence::Recorder {
    let (plan, outputs) = (&run.plan, &outputs());
    let at = "2026-02-07T11:00:00Z".parse().unwrap();
    export(&RunRecord { journal: &run.bytes, plan, outputs }, &key("log"), at).unwrap()
}

fn keyring() -> Keyring {
    let lines = [("log", "log"), ("lead", "bo"), ("operator", "ana")];
    let lines = lines.map(|(role, name)| format!("{role} {}\n", key(name).verifier()));
    lines.concat().parse().unwrap()
}

fn check(contents: &Contents) -> Report {
    let keyring = keyring();
    verify(&Request { contents, keyring: Some(&keyring), seen: None, may_be_open: false })
}

#[test]
fn a_run_that_ended_is_sound_evidence() {
    let run = ended();
    let log = exported(&run);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evidence");
    folder::write(&path, &log, &key("log")).unwrap();
    let contents = folder::read(&path).unwrap();
    let report = check(&contents);
    assert_eq!(report.findings, []);
    assert_eq!((report.entries, report.closed), (12, true));
    let of = |standing| -> Vec<&str> {
        let items = report.items.iter().filter(move |item| item.standing == standing);
        items.map(|item| item.what.as_str()).collect()
    };
    let signed = of(Standing::Signed).join("\n");
    for what in
        ["decision APPROVE: all is well as lead", "decision GO", "test result PASSED as log"]
    {
        assert!(signed.contains(what), "{what} in {signed}");
    }
    // The journal's own bytes, and the plan under the digest that was approved of.
    let lines = conductor::read(&run.bytes).unwrap().lines;
    assert!(contents.entries.as_ref().unwrap().starts_with(&lines));
    let plan = contents.outputs[&run.plan.digest().unwrap().to_string()];
    assert_eq!(plan.bytes, run.plan.canonical().unwrap().len() as u64);
}

#[test]
fn a_journal_that_its_own_key_rewrites_is_found_by_what_people_signed() {
    let run = ended();
    let read = conductor::read(&run.bytes).unwrap();
    let mut entries = read.entries;
    let Event::Outcome { verdict, .. } = &mut entries[3].event else { panic!("an outcome") };
    *verdict = Verdict::Insufficient;
    let mut tip = conductor::Tip::default();
    let mut bytes = Vec::new();
    for entry in &entries {
        let (line, next) = conductor::encode(tip, entry).unwrap();
        bytes.extend(line);
        tip = next;
    }
    let (plan, outputs, at) = (&run.plan, &outputs(), "2026-02-07T11:00:00Z".parse().unwrap());
    // As a journal it can't have happened: the lead signed another one.
    let refused =
        export(&RunRecord { journal: &bytes, plan, outputs }, &key("log"), at).unwrap_err();
    assert!(matches!(refused, ExportError::Refused { line: 5, .. }), "{refused:?}");
    // As evidence that was put together by other means, too.
    let lines = conductor::read(&bytes).unwrap().lines;
    let mut log =
        evidence::Recorder::resume("example.com/runs/7", Default::default(), &lines).unwrap();
    log.keep_output("g1.log", LOG.to_vec());
    log.close(at).unwrap();
    let report = check(&log.contents(&key("log")).unwrap());
    let fault = report.findings.iter().find(|it| it.place == "entries.jsonl entry 4").unwrap();
    assert_eq!(fault.fault, Fault::Root);
}

#[test]
fn a_run_that_goes_on_has_no_end() {
    let mut run = Running::begin(planned(Mode::Rehearsal));
    run.step("G1", Verdict::Insufficient, Vec::new());
    let report = check(&exported(&run).contents(&key("log")).unwrap());
    let found: Vec<_> = report.findings.iter().map(|finding| &finding.fault).collect();
    assert_eq!(found, [&Fault::NoEnd]);
    let failed = report.items.iter().any(|item| item.what == "test result FAILED as log");
    assert!(failed, "no data is never a pass: {:?}", report.items);
}

#[test]
fn what_is_missing_or_of_another_plan_is_said() {
    let run = ended();
    let at = "2026-02-07T11:00:00Z".parse().unwrap();
    let none = BTreeMap::new();
    let with =
        |plan, outputs| export(&RunRecord { journal: &run.bytes, plan, outputs }, &key("log"), at);
    let missing = with(&run.plan, &none).unwrap_err();
    assert!(matches!(missing, ExportError::Output { name, .. } if name == "g1.log"));
    let false_one = BTreeMap::from([(Hash::of(LOG), b"127 of 128 gates\n".to_vec())]);
    assert!(matches!(with(&run.plan, &false_one).unwrap_err(), ExportError::Output { .. }));
    let other = planned(Mode::Readiness);
    let refused = with(&other, &outputs()).unwrap_err();
    assert!(matches!(refused, ExportError::Refused { line: 1, source: Refused::Plan(_) }));
    let empty = RunRecord { journal: b"", plan: &run.plan, outputs: &none };
    assert!(matches!(export(&empty, &key("log"), at).unwrap_err(), ExportError::Empty));
}

#[test]
fn every_gate_has_a_result_and_what_never_ended_has_failed() {
    let gates = |run: &Running| -> Vec<String> {
        let report = check(&exported(run).contents(&key("log")).unwrap());
        let items = report.items.into_iter().map(|item| item.what);
        items.filter(|what| what.starts_with("test result")).collect()
    };
    let failed = ["test result FAILED as log"];
    let mut run = Running::begin(planned(Mode::Rehearsal));
    assert_eq!(gates(&run), failed);
    run.follow(Event::Intent { step: "G1".into(), attempt: 1 }, Vec::new());
    assert_eq!(gates(&run), failed);
    run.follow(Event::Resumed { torn_bytes: 0 }, Vec::new());
    assert_eq!(gates(&run), failed);
    let (step, text) = ("G1".into(), "It was looked at.".into());
    let read_back =
        Event::ReadBack { step, attempt: 1, happened: Effect::Yes, seen_by: None, text };
    run.follow(read_back, Vec::new());
    assert_eq!(gates(&run), failed);
}
