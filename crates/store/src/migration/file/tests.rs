//! The list against the folder, and the checksum against the command that the docs name.

use std::{fs, path::Path, process::Command};

use super::{MigrationFile, checksum, files};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
}

#[test]
fn the_list_is_the_folder() {
    let read = fs::read_dir(folder()).unwrap();
    let mut names: Vec<_> = read.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    let listed: Vec<_> = files().iter().map(|file| file.name).collect();
    assert_eq!(names, listed);
    for (index, file) in files().iter().enumerate() {
        assert_eq!(file.number as usize, index + 1);
        assert!(file.name.starts_with(&format!("{:04}_", file.number)), "{}", file.name);
    }
}

#[test]
fn the_checksum_is_what_the_documented_command_prints() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/store.md");
    let docs = fs::read_to_string(docs).unwrap();
    let command = docs.lines().find(|line| line.contains("sha256sum")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new("sh").args(["-c", command]).current_dir(root).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.split_whitespace().next(), Some(checksum().as_str()), "{command}");
}

#[test]
fn a_name_and_a_content_do_not_run_into_each_other() {
    let file = |name, text| MigrationFile { number: 1, name, text };
    assert_ne!(file("a", "bc").sha256(), file("ab", "c").sha256());
    assert_ne!(file("a", "b").sha256(), file("a", "b\n").sha256());
}
