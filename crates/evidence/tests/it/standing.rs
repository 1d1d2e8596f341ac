//! The log of a server: gone on with by one process after the other, mended after a crash, and
//! refused once it was changed.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use evidence::{
    Contents, Fault, Keyring, Predicate, Report, Request, Signatures, Standing, Switch,
    folder::{self, StandingError, StandingLog},
    verify,
};

use super::made::{Cast, at};

const NAMES: [&str; 3] = ["1-shadow.json", "2-compared.json", "3-switched.json"];

fn said(name: &str) -> Predicate {
    Predicate::Switch(Switch {
        role: "log".to_owned(),
        from: "memory".to_owned(),
        to: "redis".to_owned(),
        state: name.to_owned(),
        ledgers_equal: None,
        streams: 1,
        held_ms: None,
        detail: serde_json::Map::new(),
    })
}

fn open(dir: &Path) -> Result<StandingLog, StandingError> {
    StandingLog::open(dir, Arc::new(Cast::new().log), at(50))
}

fn keep(log: &mut StandingLog, name: &str) {
    let bytes = format!("{{\"name\":{name:?}}}\n");
    log.keep(at(1), (name, bytes.as_bytes()), &said(name)).unwrap();
}

/// Keeps three records, with a new process before the last.
fn kept(dir: &Path) {
    let mut log = open(dir).unwrap();
    keep(&mut log, NAMES[0]);
    keep(&mut log, NAMES[1]);
    drop(log);
    keep(&mut open(dir).unwrap(), NAMES[2]);
}

fn keyring() -> Keyring {
    format!("log {}\n", Cast::new().log.verifier()).parse().unwrap()
}

fn check(dir: &Path) -> Report {
    let (contents, keyring) = (folder::read(dir).unwrap(), keyring());
    let request =
        Request { contents: &contents, keyring: Some(&keyring), seen: None, may_be_open: false };
    verify(&request)
}

fn findings(dir: &Path) -> Vec<String> {
    check(dir).findings.iter().map(ToString::to_string).collect()
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let items = fs::read_dir(dir).unwrap().map(Result::unwrap);
    items
        .map(|item| (item.file_name().into_string().unwrap(), fs::read(item.path()).unwrap()))
        .collect()
}

fn put(dir: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for item in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        fs::remove_file(item.path()).unwrap();
    }
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

#[test]
fn what_processes_keep_one_after_the_other_is_sound_without_an_end() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let report = check(dir.path());
    assert_eq!(report.findings, []);
    assert_eq!((report.entries, report.closed, report.goes_on), (3, false, true));
    assert_eq!(report.origin.as_deref(), Some("example.com/log"));
    let of = |place: &str| -> Vec<Standing> {
        let items = report.items.iter().filter(|item| item.place == place);
        items.map(|item| item.standing).collect()
    };
    assert_eq!(of("entries.jsonl entry 2"), [Standing::Signed]);
    assert_eq!(of(NAMES[2]), [Standing::Derived]);
}

#[test]
fn what_is_kept_again_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let before = files(dir.path());
    let mut log = open(dir.path()).unwrap();
    keep(&mut log, NAMES[0]);
    keep(&mut log, "4-more.json");
    keep(&mut log, "4-more.json");
    let refused = log.keep(at(1), (NAMES[1], b"{}"), &said(NAMES[1])).unwrap_err();
    assert!(matches!(refused, StandingError::Name(_)), "{refused}");
    drop(log);
    assert_eq!((findings(dir.path()).len(), check(dir.path()).entries), (0, 4));
    assert_eq!(files(dir.path())[NAMES[1]], before[NAMES[1]]);
}

#[test]
fn every_changed_byte_and_every_missing_extra_or_swapped_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let sound = files(dir.path());
    let found = |changed: &BTreeMap<String, Vec<u8>>| {
        put(dir.path(), changed);
        !check(dir.path()).is_sound()
    };
    for (name, bytes) in &sound {
        for at in 0..bytes.len() {
            let mut changed = sound.clone();
            changed.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            assert!(found(&changed), "byte {at} of {name}");
        }
        let mut changed = sound.clone();
        changed.remove(name);
        assert!(found(&changed), "{name} is missing");
    }
    for extra in ["4-more.json", "note", "outputs"] {
        let mut changed = sound.clone();
        changed.insert(extra.to_owned(), b"{}".to_vec());
        assert!(found(&changed), "{extra}");
    }
    let mut changed = sound.clone();
    changed.insert(NAMES[0].to_owned(), sound[NAMES[1]].clone());
    changed.insert(NAMES[1].to_owned(), sound[NAMES[0]].clone());
    assert!(found(&changed));
    assert!(!found(&sound));
}

#[test]
fn what_a_crash_left_is_mended_and_what_nobody_signed_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let sound = files(dir.path());
    let two: Vec<u8> = sound["entries.jsonl"]
        .split_inclusive(|byte| *byte == b'\n')
        .take(2)
        .flatten()
        .copied()
        .collect();
    // Before the entry was whole: its record stands there alone.
    let mut torn = sound.clone();
    torn.insert("entries.jsonl".into(), [&two[..], b"{\"n\":2,"].concat());
    let mut early = torn.clone();
    early.insert("entries.jsonl".into(), two);
    let checkpoint = {
        let before = tempfile::tempdir().unwrap();
        let mut log = open(before.path()).unwrap();
        keep(&mut log, NAMES[0]);
        keep(&mut log, NAMES[1]);
        files(before.path())["checkpoint"].clone()
    };
    for mut left in [torn, early] {
        left.insert("checkpoint".into(), checkpoint.clone());
        left.insert("4-more.json.tmp".into(), b"{".to_vec());
        put(dir.path(), &left);
        drop(open(dir.path()).unwrap());
        let report = check(dir.path());
        assert_eq!(report.findings, []);
        let named = report.items.iter().find(|item| item.what == "record left-unsigned").unwrap();
        assert_eq!(
            (named.standing, named.place.as_str()),
            (Standing::Asserted, "entries.jsonl entry 2")
        );
    }
    // After the entry, before its checkpoint.
    let mut uncounted = sound.clone();
    uncounted.insert("checkpoint".into(), checkpoint);
    put(dir.path(), &uncounted);
    assert!(!check(dir.path()).is_sound());
    drop(open(dir.path()).unwrap());
    assert_eq!(findings(dir.path()), [""; 0]);
    assert_eq!(files(dir.path()), sound);
}

#[test]
fn what_was_changed_is_never_signed_again() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let sound = files(dir.path());
    let text = String::from_utf8(sound["entries.jsonl"].clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changes: [(&str, Option<Vec<u8>>); 6] = [
        (NAMES[1], Some(b"{}".to_vec())),
        (NAMES[1], None),
        ("checkpoint", None),
        ("entries.jsonl", None),
        ("entries.jsonl", Some(format!("{}\n{}\n", lines[0], lines[2]).into_bytes())),
        ("entries.jsonl", Some(format!("{text}{text}").into_bytes())),
    ];
    for (name, bytes) in changes {
        let mut changed = sound.clone();
        match bytes.clone() {
            Some(bytes) => changed.insert(name.into(), bytes),
            None => changed.remove(name),
        };
        put(dir.path(), &changed);
        let refused = open(dir.path()).unwrap_err();
        assert!(matches!(refused, StandingError::Changed(_)), "{name} {bytes:?}: {refused}");
        changed.entry("entries.jsonl".into()).or_default();
        assert_eq!(files(dir.path()), changed, "nothing was written");
    }
    put(dir.path(), &sound);
    let other = StandingLog::open(dir.path(), Arc::new(Cast::new().mallory), at(50));
    assert!(matches!(other.unwrap_err(), StandingError::Changed(_)));
}

#[test]
fn what_does_not_belong_there_is_found_and_keeps_nobody_from_going_on() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    fs::write(dir.path().join("notes"), "mine").unwrap();
    keep(&mut open(dir.path()).unwrap(), "4-more.json");
    let told =
        ["lost+found", "notes"].map(|it| format!("{it}: it does not belong to the evidence"));
    assert_eq!(findings(dir.path()), told);
    assert_eq!(check(dir.path()).entries, 4);
}

#[test]
fn one_process_writes_and_names_are_plain() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), StandingError::Busy));
    for name in ["../up.json", "a/b.json", "checkpoint", "x.txt"] {
        let refused = log.keep(at(1), (name, b"{}"), &said(name)).unwrap_err();
        assert!(matches!(refused, StandingError::Name(_)), "{refused}");
    }
    fs::create_dir(dir.path().join("busy.json")).unwrap();
    assert!(log.keep(at(1), ("busy.json", b"{}"), &said("x")).is_err());
    let after = log.keep(at(1), (NAMES[0], b"{}"), &said("x")).unwrap_err();
    assert!(matches!(after, StandingError::Broken));
}

#[test]
fn a_switch_speaks_of_the_record_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let mut contents = folder::read(dir.path()).unwrap();
    let text = String::from_utf8(contents.entries.clone().unwrap()).unwrap();
    let digest = contents.records[NAMES[0]].sha256.to_string();
    let other = contents.records[NAMES[1]];
    // The entry names another record than its statement: its line fits that record.
    let text = text.replacen(&digest, &other.sha256.to_string(), 1);
    contents.entries = Some(text.into_bytes());
    contents.records.insert(NAMES[0].to_owned(), other);
    let keyring = keyring();
    let request =
        Request { contents: &contents, keyring: Some(&keyring), seen: None, may_be_open: true };
    let findings = verify(&request).findings;
    let is_it =
        |it: &evidence::Finding| it.fault == Fault::Subject && it.place == "entries.jsonl entry 0";
    assert!(findings.iter().any(is_it), "{findings:?}");
}

#[test]
fn records_without_a_log_are_said_to_be_unsigned() {
    let dir = tempfile::tempdir().unwrap();
    for name in NAMES {
        fs::write(dir.path().join(name), "{}\n").unwrap();
    }
    let told =
        "the folder: none of its 3 records is signed: whoever can write the folder can change them";
    assert_eq!(findings(dir.path()), [told]);
    // With a key they are taken in as what was found, and no more.
    assert_eq!(open(dir.path()).unwrap().left(), 3);
    assert_eq!(open(dir.path()).unwrap().left(), 0);
    let report = check(dir.path());
    assert_eq!((report.findings.len(), report.count(Standing::Asserted)), (0, 4));
}

#[test]
fn without_keys_it_is_said_who_is_said_to_have_signed() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let checked = |contents: &Contents| {
        verify(&Request { contents, keyring: None, seen: None, may_be_open: false })
    };
    let mut contents = folder::read(dir.path()).unwrap();
    let report = checked(&contents);
    assert_eq!((report.findings.len(), report.signatures), (0, Signatures::Unchecked));
    assert_eq!((report.count(Standing::Signed), report.count(Standing::Claimed)), (0, 4));
    let claimed = report.items.iter().find(|item| item.place == "checkpoint").unwrap();
    assert_eq!(claimed.signers, [Cast::new().log.verifier().key_id()]);
    // What can be computed is still found.
    contents.records.remove(NAMES[1]);
    let missing: Vec<String> =
        checked(&contents).findings.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["2-compared.json: it is missing"]);
}

#[test]
fn what_is_written_whole_stands_where_it_was_told_to_whatever_the_folder_is_called() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"run \xff"));
    fs::create_dir(&odd).unwrap();
    folder::write_whole(&odd.join("a.json"), b"{}").unwrap();
    assert_eq!(fs::read(odd.join("a.json")).unwrap(), b"{}");
    assert_eq!(fs::read_dir(&odd).unwrap().count(), 1);
}
