//! Real programs that a conductor left running, as where it was killed.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command, Stdio},
};

use super::*;

/// How long a program has that is told to end.
const LEAVE: Duration = Duration::from_millis(500);

/// A program that runs, as whoever started it left it.
struct Left {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Left {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Waits for its end; returns the signal.
    fn signal(&mut self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(&self.child.wait().unwrap())
    }
}

/// Starts a script as a program is, and leaves its note as a killed process does.
fn left(folder: &Path, script: &str, has_mark: bool) -> Left {
    let mut note = Note::begin(Some(folder), "sh");
    let mut command = Command::new("sh");
    command.args(["-c", script]).process_group(0).stdout(Stdio::piped());
    if has_mark {
        command.env(MARK, note.mark());
    }
    let mut child = command.spawn().unwrap();
    note.started(Some(child.id()));
    let mut left = Left { out: BufReader::new(child.stdout.take().unwrap()), child };
    assert_eq!(left.line(), "runs");
    std::mem::forget(note);
    left
}

fn is_there(id: &str) -> bool {
    Stat::of(id.parse().unwrap()).is_some_and(|stat| !stat.has_ended)
}

/// Reaps what the test started, as init does with what a killed process left.
fn reaped(mut left: Left) -> std::thread::JoinHandle<Option<i32>> {
    std::thread::spawn(move || left.signal())
}

#[tokio::test]
async fn what_was_left_running_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    // One of its processes has left its group.
    let script = "echo runs; setsid sh -c 'echo $$; exec sleep 1000' & wait";
    let mut left = left(folder.path(), script, true);
    let other = left.line();
    assert!(is_there(&other));
    let ending = reaped(left);
    let sentences = end_all(folder.path(), LEAVE).await.unwrap();
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    assert!(sentences[0].starts_with("`sh` was still running"), "{sentences:?}");
    assert_eq!(ending.join().unwrap(), Some(15), "it was asked to end");
    assert!(!is_there(&other), "also what left its group");
    assert_eq!(end_all(folder.path(), LEAVE).await.unwrap(), [""; 0], "its note is gone");
}

#[tokio::test]
async fn a_program_that_does_not_listen_and_drops_its_environment_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let left = left(folder.path(), "trap '' TERM; echo runs; while :; do sleep 0.05; done", false);
    let ending = reaped(left);
    assert_eq!(end_all(folder.path(), LEAVE).await.unwrap().len(), 1);
    assert_eq!(ending.join().unwrap(), Some(9));
}

#[tokio::test]
async fn another_process_with_its_number_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut left = left(folder.path(), "echo runs; exec sleep 1000", false);
    let note = notes(folder.path()).unwrap().remove(0);
    let mut written: Written = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
    written.process.as_mut().unwrap().began -= 1;
    fs::write(&note, serde_json::to_vec(&written).unwrap()).unwrap();
    assert_eq!(end_all(folder.path(), LEAVE).await.unwrap(), [""; 0]);
    assert!(is_there(&left.child.id().to_string()));
    left.child.kill().unwrap();
    left.child.wait().unwrap();
}

#[tokio::test]
async fn a_torn_note_and_no_folder_hinder_nobody() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(end_all(&folder.path().join("none"), LEAVE).await.unwrap(), [""; 0]);
    fs::write(folder.path().join("1-1-1.json"), "{\"mark\":").unwrap();
    assert_eq!(end_all(folder.path(), LEAVE).await.unwrap(), [""; 0]);
    drop(Note::begin(Some(Path::new("/proc/no/folder")), "sh"));
}

#[test]
fn a_note_stands_for_as_long_as_it_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("programs");
    let (one, other) = (Note::begin(Some(&inside), "a"), Note::begin(Some(&inside), "b"));
    assert_ne!(one.mark(), other.mark());
    assert_eq!(notes(&inside).unwrap().len(), 2);
    drop((one, other));
    assert_eq!(notes(&inside).unwrap(), [""; 0].map(PathBuf::from));
}
