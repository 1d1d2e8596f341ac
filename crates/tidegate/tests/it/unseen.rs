//! Texts of others that would command a terminal, turn the direction of writing or hide: they are shown,
//! and never obeyed, whatever is printed of them.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use evidence::{Predicate, Recorder, Redactor, Resource, Rollback, Signer, folder, is_visible};
use serde_json::json;

use super::command::{Ran, run, tidegate};

/// An escape sequence, a line of its own, a control of eight bits, one that turns the direction, and
/// one that is drawn as nothing.
const EVIL: &str = "\u{1b}[2J\nSound: all\u{9b}31m\u{202e}\u{200b}";

/// What is left of it: something to see.
const SEEN: &str = "\\u{1b}[2J\\u{a}Sound: all\\u{9b}31m\\u{202e}\\u{200b}";

#[track_caller]
fn is_seen(ran: &Ran) {
    let both = format!("{}{}", ran.out, ran.err);
    assert!(both.chars().all(|c| is_visible(c) || c == '\n'), "{ran:?}");
    assert!(!both.lines().any(|line| line.starts_with("Sound: all")), "{ran:?}");
}

/// An evidence folder whose every text is of somebody else.
fn evil_folder(dir: &Path) -> PathBuf {
    let signer = Signer::from_seed("example.com/log".parse().unwrap(), [7; 32]).unwrap();
    fs::write(dir.join("run.keys"), format!("log,operator {}\n", signer.verifier())).unwrap();
    let mut log = Recorder::new("example.com/run", Redactor::default()).unwrap();
    let at = "2026-11-22T01:00:00Z".parse().unwrap();
    let output = log.output(&format!("out{EVIL}"), b"ok\n");
    log.record(at, &format!("step{EVIL}"), &json!({}), vec![output]).unwrap();
    let said = Predicate::Rollback(Rollback {
        role: "operator".to_owned(),
        complete: true,
        new_traffic_ms: None,
        residual_connections_ms: None,
        events_lost: 0,
        detail: serde_json::Map::new(),
    });
    let subject = vec![Resource::of_sha256("x", evidence::Hash::of(b"x"))];
    let envelope = said.about(subject).unwrap().signed(&signer).unwrap();
    log.statement(at, &format!("rôle{EVIL}"), envelope, Vec::new()).unwrap();
    let made = dir.join("evidence");
    folder::write(&made, &log, &signer).unwrap();
    fs::write(made.join(format!("file{EVIL}")), "x").unwrap();
    fs::write(made.join(format!("record{EVIL}.json")), "x").unwrap();
    fs::write(made.join("outputs").join(format!("output{EVIL}")), "x").unwrap();
    made
}

#[test]
fn evidence_is_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let made = evil_folder(dir.path());
    let keys = dir.path().join("run.keys");
    let verify = |more: &[&str]| {
        let words = ["evidence", "verify", "--all"];
        run(tidegate(&words).arg(&made).arg("--keys").arg(&keys).args(more))
    };
    let shown = verify(&[]);
    assert_eq!(shown.code, 1, "{shown:?}");
    is_seen(&shown);
    for part in ["file", "record", "outputs/output", "record step", "out"] {
        assert!(shown.out.contains(&format!("{part}{SEEN}")), "{part} in {shown:?}");
    }
    let json = verify(&["--json"]);
    is_seen(&json);
    let findings = json.json()["report"]["findings"].to_string();
    assert!(findings.contains("\u{202e}"), "machines get the same text: {findings}");
    let checkpoint = made.join("checkpoint");
    let signed = fs::read_to_string(&checkpoint).unwrap();
    fs::write(&checkpoint, signed.replacen("run", "run\u{202e}", 1)).unwrap();
    let shown = verify(&[]);
    assert_eq!(shown.code, 1, "{shown:?}");
    is_seen(&shown);
    // Names of files that can't be used.
    let nowhere = dir.path().join(format!("no{EVIL}"));
    for words in [["evidence", "verify"], ["runbook", "lint"], ["runbook", "plan"]] {
        let ran = run(tidegate(&words).arg(&nowhere));
        assert_eq!(ran.code, 64, "{ran:?}");
        is_seen(&ran);
        assert!(ran.err.contains(SEEN), "{ran:?}");
    }
    let words = ["keys", "new", "--sign", "a", "--out"];
    is_seen(&run(tidegate(&words).arg(&nowhere).arg("--json")));
    is_seen(&run(tidegate(&words).arg(&nowhere)));
}

#[test]
fn names_of_files_that_are_no_text_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let made = evil_folder(dir.path());
    for name in [&b"a\xff"[..], b"a\xfe", b"a\xef\xbf\xbd"] {
        fs::write(made.join(OsStr::from_bytes(name)), "x").unwrap();
        fs::write(made.join("outputs").join(OsStr::from_bytes(name)), "x").unwrap();
    }
    let shown = run(tidegate(&["evidence", "verify"]).arg(&made));
    for name in ["a\\xff", "a\\xfe", "a\u{fffd}"] {
        for line in [format!("  {name}: it does"), format!("  outputs/{name}: ")] {
            let lines = shown.lines();
            let found = lines.iter().filter(|shown| shown.starts_with(&line)).count();
            assert_eq!(found, 1, "{line} in {shown:?}");
        }
    }
}

#[test]
fn runbooks_are_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\u{200b}";
    let text = format!(
        "---\nrunbook:\n  version: 1\n  mode: rehearsal\n  owner: operator\n  environment: x{evil}\n\
         roles:\n  operator: Ana{evil}\n---\n# T{evil}\n\n## Steps <!-- run: section steps -->\n\n\
         1. Look{evil} at `/x{evil}`. <!-- run: http-expect id=S1 guards=g{evil} -->\n\n\
         ```toml guard\nid = \"g\\u001b[2J\\u009b31m\\u202e\\u200b\"\nmeasure = \"zero\"\nsource = \"s\"\n\
         what = \"a\\nPlan: sha256:00\"\n```\n"
    );
    let file = dir.path().join(format!("a{EVIL}.run.md"));
    fs::write(&file, &text).unwrap();
    let check = |words: &[&str], code: i32, part: &str| {
        for more in [&[][..], &["--json"]] {
            let ran = run(tidegate(words).arg(&file).args(more));
            assert_eq!(ran.code, code, "{words:?} {ran:?}");
            is_seen(&ran);
            let shown = if more.is_empty() { part.to_owned() } else { "\\u202e".to_owned() };
            assert!(format!("{}{}", ran.out, ran.err).contains(&shown), "{shown} in {ran:?}");
            assert!(!ran.out.lines().any(|line| line == "Plan: sha256:00"), "{ran:?}");
        }
    };
    check(&["runbook", "plan"], 0, "Ana\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{200b}");
    let broken = text.replace("id=S1", &format!("id=S1 kéy{evil}=x"));
    fs::write(&file, broken).unwrap();
    check(&["runbook", "lint"], 1, SEEN);
    check(&["runbook", "plan"], 1, "is neither");
}
