use std::process::{Child, Command};

use super::*;

fn sleeper() -> Child {
    Command::new("sleep").arg("600").spawn().expect("there is sleep")
}

#[test]
fn a_name_may_look_like_fields() {
    let rest = "S 1 9 9 0 -1 4194560 100 0 0 0 21 34 5 6 20 0 1 0 777 2 3";
    assert_eq!(began_in(&format!("9 (a) {rest}")), Some(777));
    assert_eq!(began_in(&format!("9 (x) S 1 (y) {rest}")), Some(777));
    assert_eq!(began_in(&format!("9 (a) {}", rest.replacen('S', "Z", 1))), None);
    assert_eq!(began_in("9 (a) S 1"), None);
    assert!(began(std::process::id()).is_some());
}

#[test]
fn what_was_left_is_ended_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (mut left, mut other) = (sleeper(), sleeper());
    let (processes, found) = Processes::open(folder.path()).unwrap();
    assert_eq!(found, Found::default());
    processes.add("left", left.id(), began(left.id()).unwrap()).unwrap();
    // Its number was given to another process since.
    processes.add("other", other.id(), began(other.id()).unwrap() + 1).unwrap();
    processes.add("gone", u32::MAX - 1, 1).unwrap();
    drop(processes);
    let (_processes, found) = Processes::open(folder.path()).unwrap();
    assert_eq!(found, Found { was_used: true, ended: vec!["left".into()] });
    assert!(!left.wait().unwrap().success());
    assert!(other.try_wait().unwrap().is_none());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn those_of_another_boot_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = sleeper();
    let (pid, began) = (other.id(), began(other.id()).unwrap());
    let text = format!(
        r#"{{"boot":"another","processes":{{"{pid}":{{"name":"other","began":{began}}}}}}}"#
    );
    fs::write(folder.path().join(FILE), text).unwrap();
    let (_processes, found) = Processes::open(folder.path()).unwrap();
    assert_eq!((found.ended.len(), other.try_wait().unwrap()), (0, None));
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_folder_is_one_stacks_and_a_damaged_list_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let first = Processes::open(folder.path()).unwrap();
    let second = Processes::open(folder.path()).map(|_| ());
    assert!(matches!(second, Err(StackError::InUse { .. })), "{second:?}");
    drop(first);
    fs::write(folder.path().join(FILE), "{").unwrap();
    let third = Processes::open(folder.path()).map(|_| ());
    assert!(matches!(third, Err(StackError::Leftovers { .. })), "{third:?}");
}
