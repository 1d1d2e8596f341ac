//! The format's golden files: journals that have to be readable, byte by byte, for ever.

use conductor::{Event, State, encode, read};
use evidence::Hash;
use runbook::{Options, plan};

const WHOLE: &[u8] = include_bytes!("../golden/whole.journal");
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
    for entry in &read.entries {
        state.apply(&here(&entry.event, digest)).unwrap();
    }
    assert_eq!(state.phase(), conductor::Phase::RolledBack);
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
