//! A run's folder, and what is done to it behind the run's back.

use tempfile::{TempDir, tempdir};

use super::*;

#[test]
fn a_run_has_one_name_everywhere() {
    for name in ["cutover-9", "a", "A_b.2", &"a".repeat(64)] {
        assert!(is_run_name(name), "{name}");
    }
    for name in ["", "a/b", "a b", "ä", "none", ".", "..", ".a", "a\n", &"a".repeat(65)] {
        assert!(!is_run_name(name), "{name:?}");
    }
}

const RUNBOOK: &str = include_str!("../../tests/golden/small.run.md");

fn planned() -> Plan {
    plan(RUNBOOK, &Options::default()).plan.unwrap()
}

fn info() -> RunInfo {
    RunInfo {
        run: "r".into(),
        mode: Mode::Rehearsal,
        environment: None,
        acts_on: Some(Hash::of(b"environment")),
        acts_on_file: Some("env.toml".into()),
    }
}

fn folder() -> (TempDir, RunFolder) {
    let dir = tempdir().unwrap();
    let folder = RunFolder::create(&dir.path().join("a/b"), RUNBOOK, &planned(), &info()).unwrap();
    (dir, folder)
}

#[test]
fn what_was_put_there_comes_back() {
    let (_dir, folder) = folder();
    let opened = RunFolder::open(folder.path()).unwrap();
    assert_eq!(opened.document().unwrap(), RUNBOOK);
    assert_eq!(opened.info().unwrap(), info());
    assert_eq!(opened.plan().unwrap(), planned());
    assert_eq!(opened.live().unwrap(), None);
    assert_eq!(opened.samples().unwrap(), b"");
    let sha256 = folder.keep(b"128 of 128").unwrap();
    assert_eq!(folder.keep(b"128 of 128").unwrap(), sha256);
    let outputs = opened.outputs(std::iter::once(sha256)).unwrap();
    assert_eq!(outputs[&sha256], b"128 of 128");
}

#[test]
fn one_that_is_there_is_not_taken_and_one_that_is_none_is_not_opened() {
    let (dir, folder) = folder();
    let again = RunFolder::create(folder.path(), RUNBOOK, &planned(), &info()).unwrap_err();
    assert!(matches!(&again, FolderError::Taken(path) if path == folder.path()));
    assert!(again.to_string().contains("`resume` goes on with one"), "{again}");
    let none = RunFolder::open(dir.path()).unwrap_err();
    assert!(matches!(none, FolderError::Missing(_)));
}

/// Changes a file, and returns what is said then.
fn changed(name: &str, bytes: &[u8], read: impl Fn(&RunFolder) -> FolderError) -> String {
    let (_dir, folder) = folder();
    fs::write(folder.path().join(name), bytes).unwrap();
    let error = read(&folder);
    assert!(matches!(error, FolderError::Changed { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn what_was_changed_is_named() {
    let newer = RUNBOOK.replace("MODE=new", "MODE=newer");
    let plan_error = |folder: &RunFolder| folder.plan().unwrap_err();
    let said = changed(DOCUMENT, newer.as_bytes(), plan_error);
    assert!(said.contains("runbook.md is not what the run wrote: the plan was made of another"));
    let said = changed(DOCUMENT, b"# Nothing", plan_error);
    assert!(said.contains("runbook.md is not what the run wrote: it makes no plan any more"));
    let said = changed(DOCUMENT, &[0xff], plan_error);
    assert!(said.contains("runbook.md is not"), "{said}");
    let said = changed(PLAN, b"{}", plan_error);
    assert!(said.contains("plan.json is not"), "{said}");
    let said = changed(INFO, b"{\"run\":\"r\",\"mode\":\"rehearsal\",\"more\":1}", plan_error);
    assert!(said.contains("run.json is not") && said.contains("unknown field"), "{said}");
    // Another mode is another plan.
    let said = changed(INFO, b"{\"run\":\"r\",\"mode\":\"readiness\"}", plan_error);
    assert!(said.contains("plan.json is not"), "{said}");
}

#[test]
fn an_output_has_its_digest() {
    let (_dir, folder) = folder();
    let sha256 = folder.keep(b"128 of 128").unwrap();
    let file = folder.path().join(OUTPUTS).join(sha256.to_string());
    fs::write(&file, b"127 of 128").unwrap();
    let error = folder.output(sha256).unwrap_err();
    assert!(error.to_string().contains("it has another digest"), "{error}");
    let missing = folder.output(Hash::of(b"")).unwrap_err();
    assert!(matches!(missing, FolderError::File { .. }));
}

#[test]
fn what_is_too_long_is_not_read() {
    let (_dir, folder) = folder();
    let file = File::create(folder.path().join(DOCUMENT)).unwrap();
    file.set_len(FILE_BYTES_MAX + 1).unwrap();
    let error = folder.document().unwrap_err();
    assert!(error.to_string().contains("it has more than"), "{error}");
}

#[test]
fn samples_are_lines_and_have_an_end() {
    let (_dir, folder) = folder();
    let share = crate::TrafficShare { canary_percent: 10.0, ..Default::default() };
    let sample = Sample::Traffic { at: "2026-02-07T10:00:00Z".parse().unwrap(), share };
    folder.add_samples(&[sample.clone(), sample.clone()]).unwrap();
    folder.add_samples(std::slice::from_ref(&sample)).unwrap();
    let lines = folder.samples().unwrap();
    let read: Vec<Sample> = lines
        .split_inclusive(|it| *it == b'\n')
        .map(|it| serde_json::from_slice(it).unwrap())
        .collect();
    assert_eq!(read, vec![sample.clone(); 3]);
    let file = OpenOptions::new().write(true).open(folder.path().join(SAMPLES)).unwrap();
    file.set_len(SAMPLES_BYTES_MAX).unwrap();
    folder.add_samples(&[sample]).unwrap();
    assert_eq!(file.metadata().unwrap().len(), SAMPLES_BYTES_MAX);
}

#[test]
fn one_without_an_entry_goes_and_one_with_an_entry_stays() {
    let (_dir, begun) = folder();
    fs::write(begun.journal(), b"000000 torn").unwrap();
    begun.drop_unbegun();
    assert!(!begun.path().exists());
    let (_dir, begun) = folder();
    fs::write(begun.journal(), b"a whole line\n").unwrap();
    begun.drop_unbegun();
    assert!(begun.path().exists());
    let (_dir, used) = folder();
    let file = File::create(used.journal()).unwrap();
    file.try_lock().unwrap();
    used.drop_unbegun();
    assert!(used.path().exists());
}
