//! Tests of the lines: every changed byte and every cut is found.

use evidence::{Home, Output};
use proptest::prelude::*;

use super::*;
use crate::Event;

fn entries() -> Vec<Entry> {
    let at = |second: u8| format!("2026-02-07T10:00:{second:02}Z");
    let events = [
        Event::begun("run-1", Hash::of(b"plan"), runbook::Mode::Rehearsal),
        Event::Intent { step: "S1".into(), attempt: 1 },
        Event::Outcome {
            step: "S1".into(),
            attempt: 1,
            verdict: guard::Verdict::Pass,
            text: "It is healthy, \"ja\"; ünïcödé\nand a line.".into(),
        },
        Event::Ended { how: crate::Ending::Aborted },
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
        (format!("{{{at},'kind':'record','name':'resumed','data':[0]}}"), "its data are no object"),
        (
            "[0,'2026-02-07T10:00:00Z','record','resumed',{'torn_bytes':0},null,null,[]]"
                .to_owned(),
            "it can't be read: invalid type: sequence, expected an object",
        ),
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

    /// Journals that are changed, spliced and cut are read up to the fault or refused: what is read is
    /// what was written, as far as it goes.
    #[test]
    fn whatever_is_made_of_journals_is_read_as_it_was_written_or_refused(
        edits in prop::collection::vec(edit(), 1..4),
    ) {
        let before = written();
        let mut bytes = before.clone();
        for edit in &edits {
            edit.apply(&mut bytes);
        }
        match read(&bytes) {
            Ok(read) => {
                prop_assert_eq!(&read.entries[..], &entries()[..read.entries.len()]);
                prop_assert!(before.starts_with(&bytes[..usize::try_from(read.whole_bytes)?]));
                prop_assert_eq!(read.whole_bytes + read.torn_bytes, bytes.len() as u64);
            }
            // Up to the line that is named nothing was changed.
            Err(damage) => {
                let lines = before.split_inclusive(|byte| *byte == b'\n');
                let whole: usize = lines.take(usize::try_from(damage.line)? - 1).map(<[u8]>::len).sum();
                prop_assert!(bytes.starts_with(&before[..whole]));
            }
        }
    }

    /// A head and a chain that fit do not make an entry of what is none, nor of another place's.
    #[test]
    fn what_is_chained_anew_is_an_entry_or_refused(
        edits in prop::collection::vec(edit(), 0..3),
        n in 0usize..4,
    ) {
        let mut json = entries()[n].to_json(n as u64)?;
        for edit in &edits {
            edit.apply(&mut json);
        }
        let (bytes, _) = line(Tip::default(), &json);
        let entry = evidence::Entry::read(&json);
        match read(&bytes) {
            Ok(read) => {
                prop_assert!(entry.is_ok_and(|entry| entry.n == 0));
                let again = read.entries[0].to_json(0)?;
                prop_assert_eq!(Entry::read(0, &again).unwrap(), read.entries[0].clone());
            }
            Err(damage) => {
                prop_assert_eq!(damage.line, 1);
                prop_assert!(!edits.is_empty() || n > 0, "{damage}");
            }
        }
    }
}

/// What somebody does to a journal.
#[derive(Clone, Debug)]
enum Edit {
    /// Puts a byte in the place of another.
    Change(prop::sample::Index, u8),
    /// Takes the end away.
    Cut(prop::sample::Index),
    /// Puts a piece of it somewhere else.
    Splice { from: prop::sample::Index, length: prop::sample::Index, to: prop::sample::Index },
    /// Puts anything in.
    Insert(prop::sample::Index, Vec<u8>),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Change(at, byte)),
        index().prop_map(Edit::Cut),
        (index(), index(), index()).prop_map(|(from, length, to)| Edit::Splice {
            from,
            length,
            to
        }),
        (index(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |index: &prop::sample::Index, bytes: &[u8]| index.index(bytes.len() + 1);
        match self {
            Edit::Change(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Edit::Change(..) => {}
            Edit::Cut(at) => bytes.truncate(place(at, bytes)),
            Edit::Splice { from, length, to } => {
                let from = place(from, bytes);
                let piece = bytes[from..from + length.index(bytes.len() - from + 1)].to_vec();
                let to = place(to, bytes);
                bytes.splice(to..to, piece);
            }
            Edit::Insert(at, more) => {
                let at = place(at, bytes);
                bytes.splice(at..at, more.iter().copied());
            }
        }
    }
}
