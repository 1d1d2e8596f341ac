//! Carries a small run through its journal and writes it out as evidence, to be looked at and tampered
//! with, and as a record for people: `cargo run -p conductor --example small_run -- DIR`, where `DIR` is
//! not there yet.

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf};

use conductor::{
    Ending, Event, Journal, RunRecord, State, export,
    report::{Material, Report},
};
use evidence::{Choice, Decision, Home, Output, Redactor, Signer, folder};
use guard::{At, Judgement, Verdict, Window};
use jiff::Timestamp;
use runbook::{Options, Plan, plan};

const RUNBOOK: &str = include_str!("../tests/golden/small.run.md");

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).ok_or("name a folder that is not there yet")?);
    fs::create_dir(&dir)?;
    let key = |name: &str| -> Result<Signer, Box<dyn Error>> {
        Ok(Signer::generate(format!("example.com/{name}").parse()?)?)
    };
    let (log, ana, bo) = (key("log")?, key("ana")?, key("bo")?);
    let text = RUNBOOK
        .replace("operator: Ana Ruiz", &format!("operator: Ana Ruiz {}", ana.verifier()))
        .replace("lead: Bo Lind", &format!("lead: Bo Lind {}", bo.verifier()));
    let plan = plan(&text, &Options::default()).plan.ok_or("the runbook has faults")?;
    let output = b"128 of 128 tests\n";
    let path = dir.join("run.journal");
    carry_out(Journal::start(&path, Redactor::default(), State::new(&plan)?)?, &plan, &bo, output)?;
    let outputs = BTreeMap::from([(evidence::Hash::of(output), output.to_vec())]);
    let journal = fs::read(&path)?;
    let run = RunRecord { journal: &journal, plan: &plan, outputs: &outputs };
    let evidence = dir.join("evidence");
    folder::write(&evidence, &export(&run, &log, Timestamp::now())?, &log)?;
    let checkpoint = fs::read_to_string(evidence.join(evidence::CHECKPOINT_FILE))?;
    let read = conductor::read(&journal)?;
    let report = Report::new(Material {
        document: &text,
        plan: &plan,
        journal: &read,
        outputs: &outputs,
        samples: &[],
        checkpoint: Some(&checkpoint),
    })?;
    fs::write(dir.join("report.md"), report.markdown())?;
    fs::write(dir.join("report.html"), report.html())?;
    let keys = [("log", &log), ("operator", &ana), ("lead", &bo)];
    let lines = keys.map(|(role, key)| format!("{role} {}\n", key.verifier()));
    fs::write(dir.join("run.keys"), lines.concat())?;
    Ok(())
}

/// Approves, passes the gate, goes on, changes something, and finds it bad: the run goes back.
fn carry_out(
    mut journal: Journal,
    plan: &Plan,
    lead: &Signer,
    output: &[u8],
) -> Result<(), Box<dyn Error>> {
    let (digest, mode, now) = (plan.digest()?, plan.mode, Timestamp::now());
    let begun = Event::begun("example.com/runs/small", digest, mode);
    journal.append(now, begun, Vec::new())?;
    decide(&mut journal, plan, lead, Choice::Approve)?;
    let log = Output::new("g1.log", output, Home::Outputs);
    step(&mut journal, "G1", "Every test passed.", vec![log])?;
    decide(&mut journal, plan, lead, Choice::Go)?;
    step(&mut journal, "S1", "MODE is new.", Vec::new())?;
    let now = Timestamp::now();
    let to_ms = At(u64::try_from(now.as_millisecond())?);
    let judged = Event::Judged(Judgement {
        guard: "health".into(),
        verdict: Verdict::Fail,
        unit: String::new(),
        value: Some(660.0),
        baseline: None,
        bound: Some(600.0),
        n: 132.0,
        left_out: None,
        refused: 0,
        window: Window { from_ms: At(to_ms.0 - 660_000), to_ms },
        source: "/api/health".into(),
        sentence: "Health was away for 11 minutes.".into(),
    });
    journal.append(now, judged, Vec::new())?;
    step(&mut journal, "R1", "MODE is old.", Vec::new())?;
    journal.append(Timestamp::now(), Event::Ended { how: Ending::RolledBack }, Vec::new())?;
    Ok(())
}

fn decide(
    journal: &mut Journal,
    plan: &Plan,
    lead: &Signer,
    decision: Choice,
) -> Result<(), Box<dyn Error>> {
    let decision = Decision {
        role: "lead".into(),
        decision,
        reason: "all is well".into(),
        about: None,
        plan: Some(plan.resource()?),
        log: journal.log_state(),
    };
    journal.append(Timestamp::now(), Event::signed(decision, lead)?, Vec::new())?;
    Ok(())
}

fn step(
    journal: &mut Journal,
    step: &str,
    text: &str,
    outputs: Vec<Output>,
) -> Result<(), Box<dyn Error>> {
    let intent = Event::Intent { step: step.into(), attempt: 1 };
    journal.append(Timestamp::now(), intent, Vec::new())?;
    let (step, text, verdict) = (step.into(), text.into(), Verdict::Pass);
    let outcome = Event::Outcome { step, attempt: 1, verdict, text };
    journal.append(Timestamp::now(), outcome, outputs)?;
    Ok(())
}
