//! Whatever byte is changed, whatever file is missing, added or swapped: it is found.

use std::{collections::BTreeMap, fs, path::Path};

use evidence::{Contents, Hash, OutputFile, Recorder, Redactor, folder};
use proptest::prelude::*;
use serde_json::json;

use super::made::{Cast, at, check, closed, gate, image, sign};

/// Every byte of a small folder, each with another bit.
#[test]
fn every_changed_byte_of_log_and_checkpoint_is_found() {
    let cast = Cast::new();
    let whole = super::made::contents(&cast, &closed(&cast));
    assert_eq!(check(&cast, &whole).findings, []);
    let entries = whole.entries.clone().unwrap();
    for byte in 0..entries.len() {
        let mut changed = entries.clone();
        changed[byte] ^= 1 << (byte % 8);
        let contents = Contents { entries: Some(changed), ..whole.clone() };
        assert!(!check(&cast, &contents).is_sound(), "byte {byte} of the log");
    }
    let checkpoint = whole.checkpoint.clone().unwrap();
    for bit in 0..checkpoint.len() * 8 {
        let mut changed = checkpoint.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let contents = Contents { checkpoint: Some(changed), ..whole.clone() };
        assert!(!check(&cast, &contents).is_sound(), "bit {bit} of the checkpoint");
    }
}

/// A log of any length, with any data and outputs.
fn recorded(cast: &Cast, entries: &[(Vec<u8>, bool)]) -> Recorder {
    let mut log = Recorder::new(super::made::ORIGIN, Redactor::default()).unwrap();
    for (second, (bytes, is_statement)) in (0..).zip(entries) {
        let output = log.output("out", bytes);
        if *is_statement {
            let mut subject = image();
            subject[0].name = Some(format!("image {second}"));
            let statement = sign(&gate(true), subject, &cast.log);
            log.statement(at(second), "conductor", statement, vec![output]).unwrap();
        } else {
            log.record(at(second), "step", &json!({ "n": second }), vec![output]).unwrap();
        }
    }
    log.close(at(9999)).unwrap();
    log
}

/// What somebody does to a folder.
#[derive(Clone, Debug)]
enum Tamper {
    Change { file: prop::sample::Index, byte: prop::sample::Index, with: u8 },
    Cut { file: prop::sample::Index, to: prop::sample::Index },
    Extend { file: prop::sample::Index, with: Vec<u8> },
    Remove { file: prop::sample::Index },
    Add { name: String, bytes: Vec<u8> },
    Swap { one: prop::sample::Index, other: prop::sample::Index },
    SwapLines { one: prop::sample::Index, other: prop::sample::Index },
    RepeatLine { line: prop::sample::Index },
}

fn tamper() -> impl Strategy<Value = Tamper> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), index(), 1..=255u8).prop_map(|(file, byte, with)| Tamper::Change {
            file,
            byte,
            with
        }),
        (index(), index()).prop_map(|(file, to)| Tamper::Cut { file, to }),
        (index(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(file, with)| Tamper::Extend { file, with }),
        index().prop_map(|file| Tamper::Remove { file }),
        ("(outputs/)?[a-z0-9]{1,8}(\\.json)?", prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(name, bytes)| Tamper::Add { name, bytes }),
        (index(), index()).prop_map(|(one, other)| Tamper::Swap { one, other }),
        (index(), index()).prop_map(|(one, other)| Tamper::SwapLines { one, other }),
        index().prop_map(|line| Tamper::RepeatLine { line }),
    ]
}

type Files = BTreeMap<String, Vec<u8>>;

fn apply(tamper: &Tamper, files: &mut Files) {
    let names: Vec<String> = files.keys().cloned().collect();
    let name = |index: &prop::sample::Index| index.get(&names).clone();
    let mut lines: Vec<Vec<u8>> =
        files["entries.jsonl"].split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    match tamper {
        Tamper::Change { file, byte, with } => {
            let bytes = files.get_mut(&name(file)).unwrap();
            if !bytes.is_empty() {
                let at = byte.index(bytes.len());
                bytes[at] ^= with;
            }
        }
        Tamper::Cut { file, to } => {
            let bytes = files.get_mut(&name(file)).unwrap();
            bytes.truncate(to.index(bytes.len() + 1));
        }
        Tamper::Extend { file, with } => files.get_mut(&name(file)).unwrap().extend(with),
        Tamper::Remove { file } => drop(files.remove(&name(file))),
        Tamper::Add { name, bytes } => drop(files.insert(name.clone(), bytes.clone())),
        Tamper::Swap { one, other } => {
            let (one, other) = (name(one), name(other));
            let (left, right) = (files[&one].clone(), files[&other].clone());
            files.insert(one, right);
            files.insert(other, left);
        }
        // An earlier tamper may have left no line.
        Tamper::SwapLines { .. } | Tamper::RepeatLine { .. } if lines.is_empty() => {}
        Tamper::SwapLines { one, other } => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
            files.insert("entries.jsonl".to_owned(), lines.concat());
        }
        Tamper::RepeatLine { line } => {
            let line = line.index(lines.len());
            lines.insert(line, lines[line].clone());
            files.insert("entries.jsonl".to_owned(), lines.concat());
        }
    }
}

fn load(folder: &Path) -> Files {
    let mut files = Files::new();
    for (prefix, folder) in [("", folder.to_owned()), ("outputs/", folder.join("outputs"))] {
        for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if item.file_type().unwrap().is_file() {
                let name = format!("{prefix}{}", item.file_name().into_string().unwrap());
                files.insert(name, fs::read(item.path()).unwrap());
            }
        }
    }
    files
}

/// As `folder::read` does, from memory.
fn as_contents(files: &Files) -> Contents {
    let mut contents = Contents::default();
    for (name, bytes) in files {
        match name.as_str() {
            "entries.jsonl" => contents.entries = Some(bytes.clone()),
            "checkpoint" => contents.checkpoint = Some(bytes.clone()),
            name => match name.strip_prefix("outputs/") {
                Some(name) => {
                    let file = OutputFile { bytes: bytes.len() as u64, sha256: Hash::of(bytes) };
                    contents.outputs.insert(name.to_owned(), file);
                }
                None if name.ends_with(".json") => {
                    let file = OutputFile { bytes: bytes.len() as u64, sha256: Hash::of(bytes) };
                    contents.records.insert(name.to_owned(), file);
                }
                None => contents.strange.push(name.to_owned()),
            },
        }
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_tampered_with_is_found(
        entries in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..30), any::<bool>()), 1..8),
        tampers in prop::collection::vec(tamper(), 1..4),
    ) {
        let cast = Cast::new();
        let log = recorded(&cast, &entries);
        let contents = super::made::contents(&cast, &log);
        let mut files = Files::from([
            ("entries.jsonl".to_owned(), contents.entries.clone().unwrap()),
            ("checkpoint".to_owned(), contents.checkpoint.clone().unwrap()),
        ]);
        for (digest, bytes) in log.outputs() {
            files.insert(format!("outputs/{digest}"), bytes.clone());
        }
        prop_assert_eq!(&as_contents(&files), &contents);
        prop_assert_eq!(check(&cast, &contents).findings, []);
        let before = files.clone();
        for tamper in &tampers {
            if files.contains_key("entries.jsonl") && !files.is_empty() {
                apply(tamper, &mut files);
            }
        }
        let is_sound = check(&cast, &as_contents(&files)).is_sound();
        prop_assert_eq!(is_sound, files == before, "{:?}", tampers);
    }
}

/// The same on disk, where there are also links and folders.
#[test]
fn a_folder_is_written_and_read_and_strangers_in_it_are_named() {
    let cast = Cast::new();
    let log = closed(&cast);
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("evidence");
    folder::write(&dir, &log, &cast.log).unwrap();
    assert!(folder::write(&dir, &log, &cast.log).is_err(), "what is there is never written over");
    let contents = folder::read(&dir).unwrap();
    assert_eq!(contents, super::made::contents(&cast, &log));
    assert_eq!(as_contents(&load(&dir)), contents);
    assert_eq!(check(&cast, &contents).findings, []);
    fs::create_dir(dir.join("empty")).unwrap();
    fs::create_dir(dir.join("outputs").join("more")).unwrap();
    std::os::unix::fs::symlink("entries.jsonl", dir.join("link")).unwrap();
    let first = fs::read_dir(dir.join("outputs")).unwrap().map(Result::unwrap);
    let first = first.map(|item| item.path()).find(|path| path.is_file()).unwrap();
    fs::rename(&first, dir.join("moved")).unwrap();
    std::os::unix::fs::symlink("../moved", &first).unwrap();
    let report = check(&cast, &folder::read(&dir).unwrap());
    let shown: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    for place in ["empty", "link", "moved", "outputs/more"] {
        let line = format!("{place}: it does not belong to the evidence");
        assert!(shown.contains(&line), "{line} in {shown:?}");
    }
    let missing = shown.iter().filter(|line| line.ends_with("it is missing")).count();
    assert_eq!(missing, 1, "a link is no output: {shown:?}");
    assert!(folder::read(&temporary.path().join("nowhere")).is_err());
}
