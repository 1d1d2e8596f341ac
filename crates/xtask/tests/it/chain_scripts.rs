//! `scripts/chain_outages.py` and `scripts/chain_limit.py` as far as no server is needed: what makes no
//! sense, what is missing, and that whatever was started ends.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use crate::tree::{Ran, code_of, in_workspace, run, until};

const LIMIT: &str = "scripts/chain_limit.py";
const OUTAGES: &str = "scripts/chain_outages.py";

fn script(name: &str, words: &[&str]) -> Ran {
    run(Command::new(in_workspace(name)).args(words))
}

#[test]
fn words_that_make_no_sense_are_refused() {
    for (name, words) in [
        (LIMIT, &["--server", "a", "--anvil", "b", "--senders", "0"][..]),
        (LIMIT, &["--server", "a"]),
        (OUTAGES, &["--server", "a", "--anvil", "b"]),
        (OUTAGES, &["--server", "a", "--anvil", "b", "--surreal", "c", "--minutes", "0.1"]),
    ] {
        script(name, words).check(64, &["see --help"]);
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let missing = ["--server", "/nowhere/tidegate", "--anvil", "/nowhere/anvil"];
    script(LIMIT, &missing).check(69, &["/nowhere/anvil can't be started"]);
    let database = ["--surreal", "/nowhere/surreal"];
    script(OUTAGES, &[&missing[..], &database].concat()).check(69, &["/nowhere/anvil"]);
}

#[test]
fn each_says_how_it_ends() {
    for name in [LIMIT, OUTAGES] {
        let help = script(name, &["--help"]);
        help.check(0, &[]);
        for part in [&format!("Example: {name} "), "0 where", "1 where", "64 where", "69 where"] {
            assert!(help.out.contains(part), "{part:?} is not in {}", help.out);
        }
    }
}

#[test]
fn one_that_is_interrupted_ends_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let (node, pid) = (folder.path().join("node"), folder.path().join("pid"));
    fs::write(&node, format!("#!/bin/sh\necho $$ >{}\nexec sleep 600\n", pid.display())).unwrap();
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).unwrap();
    let mut limit = Command::new(in_workspace(LIMIT));
    limit.args(["--server", "/nowhere", "--anvil"]).arg(&node).env("TMPDIR", folder.path());
    let limit = limit.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let node_pid = || fs::read_to_string(&pid).unwrap_or_default().trim().to_owned();
    until("the node runs", || !node_pid().is_empty());
    run(Command::new("kill").args(["-TERM", &limit.id().to_string()])).check(0, &[]);
    assert_eq!(code_of(limit), Some(143));
    assert!(!Path::new("/proc").join(node_pid()).exists(), "its node ended");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "its folder is gone");
}
