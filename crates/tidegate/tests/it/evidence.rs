//! Evidence from outside: keys are made, a folder is verified, falsified, and verified again.

use std::{fs, path::Path};

use data_encoding::BASE64;
use evidence::{Choice, Decision, Hash, Predicate, Recorder, Redactor, Resource, Signer, folder};
use serde_json::json;

use super::command::{Ran, run, tidegate};

/// Makes keys with the command, and a folder with them.
fn made(dir: &Path) -> String {
    let key = dir.join("log.key");
    let words = ["keys", "new", "--sign", "example.com/log", "--role", "log", "--out"];
    let ran = run(tidegate(&words).arg(&key));
    assert_eq!(ran.code, 0, "{ran:?}");
    fs::write(dir.join("run.keys"), &ran.out).unwrap();
    let text = fs::read_to_string(&key).unwrap();
    // `PRIVATE+KEY+NAME+ID+BASE64`, and base64 has that sign too.
    let secret = text.trim().splitn(5, '+').last().unwrap();
    assert!(secret.len() > 40 && !format!("{}{}", ran.out, ran.err).contains(secret));
    let signer: Signer = text.trim().parse().unwrap();
    let mut log = Recorder::new("example.com/runs/1", Redactor::default()).unwrap();
    let at = "2026-11-22T01:00:00Z".parse().unwrap();
    let output = log.output("out.log", b"ok\n");
    log.record(at, "step", &json!({"exit": 0}), vec![output]).unwrap();
    log.close(at).unwrap();
    folder::write(&dir.join("evidence"), &log, &signer).unwrap();
    text
}

fn verify(dir: &Path, more: &[&str]) -> Ran {
    let (folder, keys) = (dir.join("evidence"), dir.join("run.keys"));
    let mut command = tidegate(&["evidence", "verify"]);
    run(command.arg(folder).arg("--keys").arg(keys).args(more))
}

#[test]
fn a_sound_folder_is_0_a_false_one_1_and_none_64() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let sound = verify(dir.path(), &["--json"]);
    assert_eq!((sound.code, &sound.json()["sound"]), (0, &json!(true)), "{sound:?}");
    assert_eq!(sound.json()["report"]["entries"], 2);
    let shown = verify(dir.path(), &["--all"]);
    for part in ["1 signed by a trusted key", "only asserted", "record step", "Sound:"] {
        assert!(shown.out.contains(part), "{part} in {shown:?}");
    }
    let entries = dir.path().join("evidence").join("entries.jsonl");
    let before = fs::read_to_string(&entries).unwrap();
    fs::write(&entries, before.replace("\"exit\":0", "\"exit\":1")).unwrap();
    let falsified = verify(dir.path(), &[]);
    assert_eq!(falsified.code, 1, "{falsified:?}");
    assert!(falsified.out.contains("checkpoint: its root is not that of the entries"));
    let fault = &verify(dir.path(), &["--json"]).json()["report"]["findings"][0];
    assert_eq!(*fault, json!({"place": "checkpoint", "fault": "root"}));
    fs::remove_dir_all(dir.path().join("evidence")).unwrap();
    assert_eq!(verify(dir.path(), &[]).code, 64);
    fs::write(dir.path().join("run.keys"), "nonsense\n").unwrap();
    let refused = verify(dir.path(), &[]);
    assert_eq!(refused.code, 64);
    assert!(refused.err.contains("line 1"), "{refused:?}");
}

#[test]
fn without_keys_nothing_is_said_to_be_signed() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let folder = dir.path().join("evidence");
    let verify = |more: &[&str]| run(tidegate(&["evidence", "verify"]).arg(&folder).args(more));
    let shown = verify(&[]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for part in ["1 said to be signed, NOT CHECKED", "by example.com/log+", "not proved"] {
        assert!(shown.out.contains(part), "{part} in {shown:?}");
    }
    assert!(!shown.out.contains("signed by a trusted key") && !shown.out.contains("Sound:"));
    let document = verify(&["--json"]).json();
    assert_eq!(document["report"]["signatures"], "unchecked");
    assert_eq!(document.get("sound"), Some(&json!(null)), "{document}");
    assert_eq!(document["report"]["items"][0]["standing"], "claimed");
    fs::remove_dir_all(folder.join("outputs")).unwrap();
    let missing = verify(&["--json"]);
    assert_eq!((missing.code, &missing.json()["sound"]), (1, &json!(false)));
    // Records that no log vouches for.
    let bare = tempfile::tempdir().unwrap();
    fs::write(bare.path().join("20260131T120000.000Z-000005-switching-switched.json"), "{}")
        .unwrap();
    let shown = run(tidegate(&["evidence", "verify"]).arg(bare.path()));
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(shown.out.contains("the folder: none of its 1 records is signed"), "{shown:?}");
}

#[test]
fn a_checkpoint_that_was_kept_has_to_be_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let kept = dir.path().join("kept");
    fs::copy(dir.path().join("evidence").join("checkpoint"), &kept).unwrap();
    let kept = kept.to_str().unwrap();
    assert_eq!(verify(dir.path(), &["--seen", kept]).code, 0);
    assert_eq!(verify(dir.path(), &["--seen", "nowhere"]).code, 64);
}

#[test]
fn a_signing_key_is_for_its_owner_alone_and_never_written_over() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let text = made(dir.path());
    let key = dir.path().join("log.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let words = ["keys", "new", "--sign", "example.com/log", "--out"];
    assert_eq!(run(tidegate(&words).arg(&key)).code, 64);
    assert_eq!(fs::read_to_string(&key).unwrap(), text);
    let other = dir.path().join("other");
    for (name, role) in [
        ("a b", "log"),
        ("", "log"),
        ("a#b", "log"),
        ("a,b", "log"),
        ("a\u{1b}[2Jb", "log"),
        ("a\u{202e}b", "log"),
        ("example.com/a", "Log"),
        ("example.com/a", "origin"),
    ] {
        let words = ["keys", "new", "--sign", name, "--role", role, "--out"];
        assert_eq!(run(tidegate(&words).arg(&other)).code, 64, "{name:?} {role}");
        assert!(!other.exists());
    }
    let mixed = ["keys", "new", "acme", "--sign", "example.com/a", "--out", "x"];
    assert_eq!(run(&mut tidegate(&mixed)).code, 64);
}

#[test]
fn an_approval_of_another_plan_is_found_and_the_plan_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let signer = |name: &str, seed: u8| {
        Signer::from_seed(format!("example.com/{name}").parse().unwrap(), [seed; 32]).unwrap()
    };
    let (own, lead) = (signer("log", 1), signer("lead", 2));
    let keys = format!("log {}\nlead {}\n", own.verifier(), lead.verifier());
    fs::write(dir.path().join("run.keys"), keys).unwrap();
    let (plan, other) = (Hash::of(b"plan"), Hash::of(b"other"));
    for (approved, code) in [(plan, 0), (other, 1)] {
        let at = "2026-11-22T01:00:00Z".parse().unwrap();
        let mut log = Recorder::new("example.com/runs/1", Redactor::default()).unwrap();
        log.record(at, "begun", &json!({"plan": plan}), Vec::new()).unwrap();
        let said = Predicate::Decision(Decision {
            role: "lead".to_owned(),
            decision: Choice::Approve,
            reason: "read".to_owned(),
            about: None,
            plan: Some(Resource::of_sha256("plan", approved)),
            log: log.state(),
        });
        let subject = vec![Resource::of_sha256("log", log.state().root)];
        let envelope = said.about(subject).unwrap().signed(&lead).unwrap();
        log.statement(at, "lead", envelope, Vec::new()).unwrap();
        log.close(at).unwrap();
        folder::write(&dir.path().join("evidence"), &log, &own).unwrap();
        let shown = verify(dir.path(), &[]);
        assert_eq!(shown.code, code, "{shown:?}");
        assert!(shown.out.contains(&format!("plan sha256:{plan}\n")), "{shown:?}");
        let told =
            format!("entries.jsonl entry 1: it is about the plan {other}, and the log is of");
        assert_eq!(shown.out.contains(&told), code == 1, "{shown:?}");
        assert_eq!(verify(dir.path(), &["--json"]).json()["report"]["plan"], json!(plan));
        fs::remove_dir_all(dir.path().join("evidence")).unwrap();
    }
}

#[test]
fn keys_that_nobody_should_trust_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let file = dir.path().join("run.keys");
    let sound = fs::read_to_string(&file).unwrap();
    let own: Signer =
        fs::read_to_string(dir.path().join("log.key")).unwrap().trim().parse().unwrap();
    // The neutral element: anybody can make a signature for it, over anything.
    let weak = {
        let data = [&[1, 1][..], &[0; 31]].concat();
        let id = Hash::of(&[b"example.com/x\n", data.as_slice()].concat()).to_string();
        format!("example.com/x+{}+{}", &id[..8], BASE64.encode(&data))
    };
    let renamed = {
        let data = [&[1], own.verifier().public().as_slice()].concat();
        let id = Hash::of(&[b"example.com/x\n", data.as_slice()].concat()).to_string();
        format!("example.com/x+{}+{}", &id[..8], BASE64.encode(&data))
    };
    for (key, told) in [
        (weak, "line 2: the key is none: the key is a point of small order"),
        (renamed, "line 2: that was said before; a key stands once, under one name"),
    ] {
        fs::write(&file, format!("{sound}lead {key}\n")).unwrap();
        let refused = verify(dir.path(), &[]);
        assert!(refused.code == 64 && refused.err.contains(told), "{refused:?}");
    }
}
