//! The format's golden files: journals that have to be readable, byte by byte, for ever.

use conductor::{Event, JournalView, State, encode, read};
use evidence::{Choice, Hash, Home, Output};
use runbook::{Mode, Options, plan};

use super::cast::{Running, planned};

const WHOLE: &[u8] = include_bytes!("../golden/whole.journal");
const SIGNED: &[u8] = include_bytes!("../golden/signed.journal");
const TORN: &[u8] = include_bytes!("../golden/torn.journal");
const CHANGED: &[u8] = include_bytes!("../golden/changed.journal");

/// The journal outlives the form of plans: what it says of its plan is said of today's.
fn here(event: &Event, digest: Hash) -> Event {
    let mut event = event.clone();
    if let Event::Begun { plan, .. } | Event::Approved { plan, .. } = &mut event {
        *plan = digest;
    }
    event
}

#[test]
fn a_whole_one_is_read_and_written_byte_by_byte() {
    let read = read(WHOLE).unwrap();
    assert_eq!((read.entries.len(), read.torn_bytes), (13, 0));
    let mut bytes = Vec::new();
    let mut tip = conductor::Tip::default();
    for entry in &read.entries {
        let (line, next) = encode(tip, entry).unwrap();
        bytes.extend(line);
        tip = next;
    }
    assert_eq!(bytes, WHOLE);
    assert_eq!(tip, read.tip);
    let document = include_str!("../golden/small.run.md");
    let plan = plan(document, &Options::default()).plan.unwrap();
    let (mut state, digest) = (State::new(&plan).unwrap(), plan.digest().unwrap());
    for (size, entry) in (0..).zip(&read.entries) {
        let log = JournalView { tree: &read.tree, size };
        state.apply(&here(&entry.event, digest), log).unwrap();
    }
    assert_eq!(state.phase(), conductor::Phase::RolledBack);
}

#[test]
fn a_signed_one_is_read_written_and_signed_byte_by_byte() {
    let read = read(SIGNED).unwrap();
    let mut run = Running::begin(planned(Mode::Rehearsal));
    // The plan that was signed: what its digest is may change with the form of plans.
    let Event::Begun { plan, .. } = read.entries[0].event else { panic!("it begins") };
    let is_today = plan == run.plan.digest().unwrap();
    assert!(is_today, "plans have another form: put `signed.journal` down anew");
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    let output = Output::new("g1.log", b"ok\n", Home::Outputs);
    run.step("G1", guard::Verdict::Pass, vec![output]);
    run.follow(run.by_lead(Choice::Go), Vec::new());
    assert_eq!(String::from_utf8(run.bytes), String::from_utf8(SIGNED.to_vec()));
}

#[test]
fn a_torn_one_has_its_whole_lines() {
    let torn = read(TORN).unwrap();
    assert_eq!((torn.entries.len(), torn.torn_bytes), (4, 40));
    assert_eq!(torn.entries, read(WHOLE).unwrap().entries[..4]);
}

#[test]
fn a_changed_one_is_named() {
    let damage = read(CHANGED).unwrap_err();
    let text = "line 5 of the journal: its chain does not follow from it and the lines before it";
    assert_eq!(damage.to_string(), text);
}
