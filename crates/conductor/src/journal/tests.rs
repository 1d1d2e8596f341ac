//! Tests of the lines: every changed byte and every cut is found.

use evidence::{Home, Output};
use proptest::prelude::*;

use super::*;
use crate::Event;

fn entries() -> Vec<Entry> {
    let at = |second: u8| format!("2026-02-07T10:00:{second:02}Z");
    let events = [
        Event::Begun {
            run: "run-1".into(),
            plan: Hash::of(b"plan"),
            mode: runbook::Mode::Rehearsal,
        },
        Event::Intent { step: "S1".into(), attempt: 1 },
        Event::Outcome {
            step: "S1".into(),
            attempt: 1,
            verdict: guard::Verdict::Pass,
            text: "It is healthy, \"ja\"; ünïcödé\nand a line.".into(),
        },
        Event::Ended { how: crate::How::Aborted },
    ];
    let mut entries: Vec<Entry> =
        (0..).zip(events).map(|(n, event)| Entry::new(at(n), event)).collect();
    entries[2].outputs = vec![Output::new("s1.log", b"ok", Home::Outputs)];
    entries
}

fn written() -> Vec<u8> {
    let mut tip = Tip::default();
    let mut bytes = Vec::new();
    for entry in entries() {
        let (line, next) = encode(tip, &entry).unwrap();
        bytes.extend(line);
        tip = next;
    }
    bytes
}

#[test]
fn what_was_written_is_read() {
    let read = read(&written()).unwrap();
    assert_eq!(read.entries, entries());
    assert_eq!((read.tip.entries, read.torn_bytes, read.tree.len()), (4, 0, 4));
    assert_eq!(super::read(b"").unwrap().tip, Tip::default());
}

#[test]
fn every_cut_is_torn_or_at_the_end_of_a_line() {
    let bytes = written();
    for length in 0..bytes.len() {
        let read = read(&bytes[..length]).unwrap();
        let whole = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(read.entries, entries()[..whole], "{length}");
        assert_eq!(read.whole_bytes + read.torn_bytes, length as u64);
        let is_whole = length == 0 || bytes[length - 1] == b'\n';
        assert_eq!(read.torn_bytes == 0, is_whole, "{length}");
    }
}

#[test]
fn every_changed_bit_is_found() {
    let bytes = written();
    for at in 0..bytes.len() {
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let damage = read(&changed).unwrap_err();
            assert_eq!(damage.line, line, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn lines_that_are_left_out_doubled_or_swapped_are_found() {
    let bytes = written();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for order in [vec![1, 2, 3], vec![0, 2, 3], vec![0, 0, 1], vec![0, 2, 1, 3], vec![0, 1, 1, 2]] {
        let joined: Vec<u8> = order.iter().flat_map(|n| lines[*n]).copied().collect();
        assert!(read(&joined).is_err(), "{order:?}");
    }
}

#[test]
fn what_is_chained_but_no_entry_is_damage() {
    let written = |text: &str| text.replace('\'', "\"").into_bytes();
    let at = "'n':0,'at':'2026-02-07T10:00:00Z'";
    let data = "'data':{'torn_bytes':0}";
    for (json, why) in [
        ("{}".to_owned(), "it can't be read: missing field `n`"),
        (
            format!("{{'n':0,'at':'yesterday','kind':'record','name':'resumed',{data}}}"),
            "its time \"yesterday\" is none",
        ),
        (
            format!("{{{at},'kind':'record','name':'resumed',{data},'more':1}}"),
            "it can't be read: unknown field `more`",
        ),
        (
            format!("{{{at},'kind':'record','name':'resumed','data':{{'torn_bytes':0,'more':1}}}}"),
            "unknown field `more`",
        ),
        (format!("{{{at},'kind':'record','name':'resumd',{data}}}"), "unknown variant `resumd`"),
        (format!("{{{at},'kind':'record','name':'signed',{data}}}"), "unknown variant `signed`"),
        (format!("{{{at},'kind':'close'}}"), "a journal has no such entry"),
        (
            format!("{{{},'kind':'record','name':'resumed',{data}}}", at.replace('0', "1")),
            "it says that it is entry 1",
        ),
    ] {
        let json = &written(&json);
        let (bytes, _) = line(Tip::default(), json);
        let text = read(&bytes).unwrap_err().to_string();
        let start = format!("line 1 of the journal: its JSON is no entry: {why}");
        assert!(text.starts_with(&start), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_byte_is_changed_in_whatever_journal(
        texts in prop::collection::vec(".{0,40}", 1..8),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut tip = Tip::default();
        let mut bytes = Vec::new();
        for text in texts {
            let event = Event::Intent { step: text, attempt: 1 };
            let (line, next) = encode(tip, &Entry::new("2026-02-07T10:00:00Z", event)).unwrap();
            bytes.extend(line);
            tip = next;
        }
        prop_assert_eq!(read(&bytes).unwrap().tip, tip);
        let at = place.index(bytes.len());
        let before = std::mem::replace(&mut bytes[at], byte);
        prop_assert_eq!(read(&bytes).is_ok(), before == byte);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(read) = read(&bytes) {
            prop_assert!(read.entries.is_empty());
        }
    }
}
