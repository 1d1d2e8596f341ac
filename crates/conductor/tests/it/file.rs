//! The file of a journal.

use std::{fs, io::Write, path::Path};

use conductor::{Event, Journal, JournalError, Refused, State, Status};
use evidence::{Home, Output, Redactor};
use jiff::Timestamp;
use runbook::{Mode, Options, Plan, plan};

fn planned() -> Plan {
    plan(include_str!("../golden/small.run.md"), &Options::default()).plan.unwrap()
}

fn state() -> State {
    State::new(&planned()).unwrap()
}

fn now() -> Timestamp {
    "2026-02-07T10:00:00Z".parse().unwrap()
}

fn begun() -> Event {
    Event::begun("r", planned().digest().unwrap(), Mode::Rehearsal)
}

fn intent(step: &str) -> Event {
    Event::Intent { step: step.into(), attempt: 1 }
}

fn start(path: &Path) -> Journal {
    let mut journal = Journal::start(path, Redactor::default(), state()).unwrap();
    journal.append(now(), begun(), Vec::new()).unwrap();
    journal.append(now(), intent("G1"), Vec::new()).unwrap();
    journal
}

fn resume(path: &Path) -> Result<Journal, JournalError> {
    Journal::resume(path, Redactor::default(), state(), now())
}

#[test]
fn every_cut_is_resumed_from_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    drop(start(&path));
    let bytes = fs::read(&path).unwrap();
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in 0..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let resumed = resume(&path);
        if length < first {
            assert!(matches!(resumed.unwrap_err(), JournalError::Empty), "{length}");
            continue;
        }
        let journal = resumed.unwrap();
        let whole = if length == bytes.len() { length } else { first };
        let unknown = (length == bytes.len()).then_some(Status::Unknown(1));
        assert_eq!(journal.state().status("G1"), unknown, "{length}");
        let after = fs::read(&path).unwrap();
        let said = format!("\"torn_bytes\":{}}}", length - whole);
        assert!(String::from_utf8(after[whole..].to_vec()).unwrap().contains(&said));
        assert_eq!(conductor::read(&after).unwrap().tip, journal.tip());
        assert_eq!(journal.log_state().size, journal.tip().entries);
    }
}

#[test]
fn start_and_resume_are_two_things() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    assert!(matches!(resume(&path).unwrap_err(), JournalError::File(_)));
    drop(start(&path));
    let again = Journal::start(&path, Redactor::default(), state());
    assert!(matches!(again.unwrap_err(), JournalError::File(_)));
}

#[test]
fn one_process_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let journal = start(&path);
    assert!(matches!(resume(&path).unwrap_err(), JournalError::Busy));
    drop(journal);
    assert!(resume(&path).is_ok());
}

#[test]
fn what_was_changed_or_can_not_follow_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let mut journal = start(&path);
    let before = fs::read(&path).unwrap();
    let refused = journal.append(now(), intent("S1"), Vec::new()).unwrap_err();
    assert!(matches!(refused, JournalError::Refused { line: 3, source: Refused::Open(_) }));
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(journal);
    let text = String::from_utf8(before.clone()).unwrap();
    fs::write(&path, text.replace("\"G1\"", "\"G2\"")).unwrap();
    assert!(matches!(resume(&path).unwrap_err(), JournalError::Damage(damage) if damage.line == 2));
    // Sound lines that tell what can't have happened.
    let read = conductor::read(&before).unwrap();
    let entry = conductor::Entry::new(now().to_string(), intent("S1"));
    let (line, _) = conductor::encode(read.tip, &entry).unwrap();
    fs::write(&path, [before, line].concat()).unwrap();
    assert!(matches!(resume(&path).unwrap_err(), JournalError::Refused { line: 3, .. }));
}

#[test]
fn secrets_do_not_come_into_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let redactor = Redactor::default().with("db", "hunter2hunter2").unwrap();
    let mut journal = Journal::start(&path, redactor, state()).unwrap();
    journal.append(now(), begun(), Vec::new()).unwrap();
    let text = "redis://u:another@h and hunter2hunter2 \u{1b}[31m".to_owned();
    let judged = super::cast::judged(guard::Verdict::Pass, &text);
    journal.append(now(), judged, Vec::new()).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    assert!(!written.contains("hunter2") && !written.contains("another"), "{written}");
    assert!(written.contains("[redacted db]"));
    // A line is a line, whatever was in its texts: nothing for a terminal to obey.
    assert!(written.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(conductor::read(written.as_bytes()).is_ok());
}

#[test]
fn an_output_stands_among_the_outputs() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = start(&dir.path().join("run.journal"));
    let text = "So.".into();
    let outcome =
        Event::Outcome { step: "G1".into(), attempt: 1, verdict: guard::Verdict::Pass, text };
    let beside = vec![Output::new("a.json", b"{}", Home::Folder)];
    let refused = journal.append(now(), outcome.clone(), beside).unwrap_err();
    assert!(matches!(refused, JournalError::Entry(_)), "{refused}");
    journal.append(now(), outcome, vec![Output::new("a", b"{}", Home::Outputs)]).unwrap();
}

#[test]
fn an_entry_that_is_too_long_is_refused_and_the_journal_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let mut journal = start(&path);
    let text = "x".repeat(2 << 20);
    let judged = super::cast::judged(guard::Verdict::Pass, &text);
    assert!(matches!(
        journal.append(now(), judged, Vec::new()).unwrap_err(),
        JournalError::EntryTooLong(_)
    ));
    let read = Event::Decided {
        choice: evidence::Choice::Hold,
        role: "lead".into(),
        person: "Bo Lind".into(),
        reason: "so".into(),
        about: None,
    };
    journal.append(now(), read, Vec::new()).unwrap();
    drop(journal);
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"000003 00").unwrap();
    assert!(resume(&path).is_ok());
}
