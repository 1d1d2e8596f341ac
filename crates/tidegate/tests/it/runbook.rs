//! Runbooks from outside: imported, confirmed, checked and planned.

use std::{fs, path::Path};

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::command::{Ran, run, tidegate};

const PLAIN: &str = "# Change\n\n## Procedure\n\n1. Set `MODE=new`.\n2. Look at `/health`.\n\n\
    ## Rollback plan\n\n1. Set `MODE=old`.\n";

fn runbook(words: &[&str], file: &Path, more: &[&str]) -> Ran {
    let mut command = tidegate(&["runbook"]);
    run(command.args(words).arg(file).args(more))
}

fn sha256(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

#[test]
fn from_a_plain_runbook_to_its_plan() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, marked) = (dir.path().join("a.md"), dir.path().join("a.run.md"));
    fs::write(&plain, PLAIN).unwrap();
    let imported = runbook(&["import"], &plain, &["--out", marked.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{imported:?}");
    assert!(imported.err.contains("5 marks were inferred"), "{imported:?}");
    let again = runbook(&["import"], &plain, &["--out", marked.to_str().unwrap()]);
    assert_eq!(again.code, 64, "{again:?}");
    for words in [["lint"], ["plan"]] {
        let ran = runbook(&words, &marked, &[]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.out.contains("line 14: `<!-- run? flag id=S1 -->` was inferred"), "{ran:?}");
    }
    let confirmed = fs::read_to_string(&marked).unwrap().replace("<!-- run? ", "<!--run:  ");
    fs::write(&marked, confirmed).unwrap();
    let linted = runbook(&["lint", "--fix"], &marked, &["--json"]);
    assert_eq!((linted.code, &linted.json()["sound"]), (0, &json!(true)), "{linted:?}");
    assert!(fs::read_to_string(&marked).unwrap().contains("<!-- run: flag id=S1 -->"));
    let planned = runbook(&["plan"], &marked, &["--json"]).json();
    let digest = planned["digest"].as_str().unwrap().to_owned();
    assert_eq!(planned["plan"]["steps"][0]["carried_out"], false);
    // As anybody can find it out from what is printed.
    let canonical = planned["canonical"].as_str().unwrap();
    assert_eq!(sha256(canonical), digest);
    let (form, json) = canonical.split_once('\n').unwrap();
    assert_eq!(form, "tidegate.plan.v1");
    assert_eq!(serde_json::from_str::<serde_json::Value>(json).unwrap(), planned["plan"]);
    let rehearsed = runbook(&["plan"], &marked, &["--mode", "rehearsal", "--json"]).json();
    assert_eq!(rehearsed["plan"]["steps"][0]["carried_out"], true);
    assert_ne!(rehearsed["digest"], digest);
    let shown = runbook(&["plan"], &marked, &[]);
    for part in ["Worst-case RTO: 2m", &format!("Plan: sha256:{digest}"), "converge, withheld"] {
        assert!(shown.out.contains(part), "{part} in {shown:?}");
    }
    let refused = runbook(&["lint"], &marked, &["--mode", "production"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("is still the placeholder <operator>"), "{refused:?}");
}

#[test]
fn an_import_prints_what_it_writes_byte_by_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, out) = (dir.path().join("a.md"), dir.path().join("out"));
    for text in [PLAIN.trim_end(), PLAIN, &format!("{PLAIN}\n\n"), &PLAIN.replace('\n', "\r\n")] {
        fs::write(&plain, text).unwrap();
        let imported = runbook(&["import"], &plain, &["--out", out.to_str().unwrap()]);
        assert_eq!(imported.code, 0, "{imported:?}");
        let written = fs::read_to_string(&out).unwrap();
        assert_eq!(runbook(&["import"], &plain, &[]).out, written);
        fs::remove_file(&out).unwrap();
    }
}

#[test]
fn a_document_is_fixed_in_its_place_and_nothing_else_is_touched() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("a.md"), PLAIN).unwrap();
    let out = at("real/a.run.md");
    let imported = runbook(&["import"], &at("a.md"), &["--out", out.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{imported:?}");
    let text = fs::read_to_string(at("real/a.run.md")).unwrap().replace("<!-- run? ", "<!--run:  ");
    fs::write(at("real/a.run.md"), text).unwrap();
    fs::set_permissions(at("real/a.run.md"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real/a.run.md", at("a.run.md")).unwrap();
    // What stands beside it, and where that leads, stays as it is.
    fs::write(at("kept"), "kept").unwrap();
    symlink(at("kept"), at("a.run.md.new")).unwrap();
    symlink(at("kept"), at("real/a.run.md.new")).unwrap();
    let fixed = runbook(&["lint", "--fix"], &at("a.run.md"), &[]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    assert_eq!(fs::read_to_string(at("kept")).unwrap(), "kept");
    for link in ["a.run.md", "a.run.md.new", "real/a.run.md.new"] {
        assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
    }
    let real = at("real/a.run.md");
    assert!(fs::read_to_string(&real).unwrap().contains("<!-- run: flag id=S1 -->"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(at("real")).unwrap().count(), 2);
}

#[test]
fn what_can_not_be_read_is_64_and_what_is_no_runbook_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.run.md");
    assert_eq!(runbook(&["lint"], &file, &[]).code, 64);
    assert_eq!(runbook(&["plan"], &file, &["--mode", "prod"]).code, 64);
    for (bytes, text) in [
        (&b"# T\n\xff\n"[..], "line 2: the line is no UTF-8 text"),
        (&vec![b'-'; 10 << 20], "line 1: the document has more than 1048576 bytes"),
        (b"# T\n", "line 1: there is no front matter"),
    ] {
        fs::write(&file, bytes).unwrap();
        for words in [["lint"], ["plan"]] {
            let ran = runbook(&words, &file, &[]);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.out.contains(text), "{ran:?}");
        }
    }
}
