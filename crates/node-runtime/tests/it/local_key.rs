//! The key of a server that was given none.

use std::{fs, os::unix::fs::PermissionsExt};

use node_runtime::local_key::{read, read_or_make};

#[test]
fn it_is_made_once_and_kept_for_this_user_only() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    assert_eq!(read(folder.path()), None);
    let key = read_or_make(folder.path()).expect("the folder can be written");
    assert_eq!(key.len(), 32, "24 random bytes in base 64");
    assert_eq!(read(folder.path()).as_deref(), Some(&*key));
    assert_eq!(read_or_make(folder.path()).expect("it is there"), key);
    let mode = fs::metadata(folder.path().join("local-key")).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let other = tempfile::tempdir().expect("there is a temporary folder");
    assert_ne!(read_or_make(other.path()).expect("it can be written"), key);
}

#[test]
fn a_file_that_holds_no_key_is_replaced() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("local-key");
    for text in
        ["", "short", "with a space in the middle of it", "\u{fc}mlaut-ümlaut-ümlaut-ümlaut"]
    {
        fs::write(&file, text).expect("it can be written");
        assert_eq!(read(folder.path()), None, "{text}");
        let key = read_or_make(folder.path()).expect("it can be written");
        assert_eq!(read(folder.path()), Some(key));
        let mode = fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "a file that others could read is no place for a key");
    }
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    assert!(read_or_make(&folder.path().join("missing")).is_err());
}

/// Clients may have it: a key that only can't be read now is nobody's to replace.
#[test]
fn a_key_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("local-key");
    std::os::unix::fs::symlink("local-key", &file).expect("a link to itself");
    assert!(read_or_make(folder.path()).is_err());
    assert!(file.is_symlink(), "it stays");
}
