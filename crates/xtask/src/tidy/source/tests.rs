//! A real repository in a temporary folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::{Source, Tree};

fn git(root: &Path, arguments: &[&str]) {
    let status = Command::new("git").args(arguments).current_dir(root).status();
    assert!(status.expect("git starts").success(), "{arguments:?}");
}

#[test]
fn the_tree_is_what_git_knows_or_would_add() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "--quiet"]);
    fs::create_dir(root.join("scripts")).unwrap();
    for (path, text) in
        [(".gitignore", "out\n"), ("out", ""), ("scripts/run.sh", ""), ("gone", ""), ("kept", "k")]
    {
        fs::write(root.join(path), text).unwrap();
    }
    fs::write(root.join("binary"), [0xff, 0xfe]).unwrap();
    fs::set_permissions(root.join("scripts/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("kept", root.join("link")).unwrap();
    git(root, &["add", "gone", "kept"]);
    fs::remove_file(root.join("gone")).unwrap();

    let tree = Tree::read(root).unwrap();

    let paths: Vec<_> = tree.sources().map(|source| source.path.as_str()).collect();
    assert_eq!(paths, [".gitignore", "kept", "scripts/run.sh"]);
    let executable = |source: &&Source| source.executable;
    assert_eq!(tree.sources().filter(executable).count(), 1);
    assert_eq!(tree.text("kept"), Some("k"));
    for there in ["", "scripts", "binary", "link"] {
        assert!(tree.contains(there), "{there}");
    }
    for absent in ["out", "gone", "script"] {
        assert!(!tree.contains(absent), "{absent}");
    }
}

#[test]
fn outside_a_repository_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".git"), "gitdir: nowhere").unwrap();
    assert!(Tree::read(folder.path()).is_err());
}

#[test]
fn a_path_has_a_folder_and_a_name() {
    let source = Source::plain("docs/a/b.md", "");
    assert_eq!((source.folder(), source.name()), ("docs/a", "b.md"));
    let top = Source::plain("README.md", "");
    assert_eq!((top.folder(), top.name()), ("", "README.md"));
}

#[test]
fn locks_and_golden_files_are_as_given() {
    for path in ["Cargo.lock", "web/package-lock.json", "crates/a/tests/golden/x.txt"] {
        assert!(Source::plain(path, "").is_as_given(), "{path}");
    }
    assert!(!Source::plain("crates/golden.rs", "").is_as_given());
}
