//! What is run, and where its programs are found.

use std::env;
use std::path::Path;

use super::{COMMANDS, path_with};

#[test]
fn the_gate_of_a_release_is_run_word_for_word() {
    let gate: Vec<String> =
        COMMANDS[1..].iter().map(|one| format!("bun {}", one.join(" "))).collect();
    assert_eq!(gate.join(" && "), "bun run build && bun test && bun run test");
}

#[test]
fn a_folder_comes_before_the_path() {
    let path = path_with(Some(Path::new("/tools"))).unwrap();
    assert_eq!(env::split_paths(&path).next().as_deref(), Some(Path::new("/tools")));
    let same = path_with(Some(Path::new(""))).unwrap();
    assert_eq!(Some(same), env::var_os("PATH"));
}
