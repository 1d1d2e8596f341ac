//! Files of settings keep what is not changed.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::{SettingsFileError, read, write};
use crate::{SecretText, Setting};

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.env");
    fs::write(&file, text).unwrap();
    (folder, file)
}

fn setting(name: &str, value: &str) -> Setting {
    Setting { name: name.into(), value: SecretText::secret("x", value) }
}

#[test]
fn settings_are_replaced_where_they_stand_and_added_behind() {
    let before = "# ours\nB=1\n\nA=two words # no comment\n#C=0\n";
    let (folder, file) = file(before);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(write(&file, &[setting("A", "3"), setting("C", "x=y"), setting("D", "")]).unwrap());
    let after = "# ours\nB=1\n\nA=3\n#C=0\nC=x=y\nD=\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), after);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let previous = folder.path().join("settings.env.previous");
    assert_eq!(fs::read_to_string(&previous).unwrap(), before);
    assert!(!write(&file, &[setting("A", "3")]).unwrap());
    assert_eq!(fs::read_to_string(&previous).unwrap(), before);
    assert!(write(&file, &[setting("A", "4")]).unwrap());
    assert_eq!(fs::read_to_string(&previous).unwrap(), after);
    assert_eq!(read(&file).unwrap()["C"].expose(), "x=y");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_file_that_is_no_file_of_settings_is_left_alone() {
    for (text, fault) in [("A=1\nexport B=2\n", "line 2"), ("A=1\nA=2\n", "`A` stands twice")] {
        let (_folder, file) = file(text);
        let error = write(&file, &[setting("A", "3")]).unwrap_err();
        assert!(error.to_string().contains(fault), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    let (folder, file) = file("A=1\n");
    let error = write(&file, &[setting("A", "hunter2\nB=1")]).unwrap_err();
    assert!(matches!(error, SettingsFileError::LineEnd(_)));
    assert!(!error.to_string().contains("hunter2"));
    assert!(read(&folder.path().join("none")).is_err());
}
