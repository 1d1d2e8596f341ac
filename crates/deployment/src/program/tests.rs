//! Real programs: how they end, and that nothing of them is left.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{How, ProgramError, Programs};
use crate::{Secrets, environment::CommandSettings};

fn programs(folder: &Path) -> Programs {
    let variables = BTreeMap::from([("KEY".to_owned(), "secret:key".to_owned())]);
    let settings = CommandSettings { folder: folder.to_owned(), variables, under_way: None };
    Programs::new(settings, Secrets::given([("key", "hunter2hunter2")]))
}

fn sh(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(ToOwned::to_owned).to_vec()
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Waits until a file has been written.
async fn content(file: &Path) -> String {
    let read = async {
        loop {
            match fs::read_to_string(file) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(Duration::from_secs(30), read).await.expect("the file was not written")
}

async fn until_gone(pid: &str) {
    let is_there = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        // One that has ended and waits to be reaped runs no more.
        stat.is_some_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
    };
    let gone = async {
        while is_there() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), gone).await.expect("the process runs on");
}

#[tokio::test]
async fn a_program_s_end_and_output_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let programs = programs(folder.path());
    let ended = programs.run(&sh("pwd; echo no >&2; exit 3"), later()).await.unwrap();
    assert!(matches!(ended.how, How::Exit(status) if status.code() == Some(3)));
    let here = folder.path().canonicalize().unwrap();
    assert_eq!(String::from_utf8(ended.stdout.bytes()).unwrap().trim(), here.to_str().unwrap());
    assert_eq!(ended.sentence(Duration::ZERO), "ended with exit code 3: no");
    let killed = programs.run(&sh("kill -9 $$"), later()).await.unwrap();
    assert_eq!(killed.sentence(Duration::ZERO), "was ended by signal 9");
}

#[tokio::test]
async fn secrets_are_put_in_when_it_is_run_and_nothing_else_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut argv = sh("echo $KEY $1 ${CARGO_MANIFEST_DIR-none}");
    argv.extend(["sh".to_owned(), "--key=secret:key".to_owned()]);
    let ended = programs(folder.path()).run(&argv, later()).await.unwrap();
    let said = String::from_utf8(ended.stdout.bytes()).unwrap();
    assert_eq!(said.trim(), "hunter2hunter2 --key=hunter2hunter2 none");
    argv.push("secret:other".to_owned());
    let error = programs(folder.path()).run(&argv, later()).await.unwrap_err();
    assert!(matches!(error, ProgramError::Secret(_)), "{error}");
}

#[tokio::test]
async fn what_can_t_be_started_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("script"), "#!/bin/sh\n").unwrap();
    let run = async |program: &str, folder: &Path| {
        programs(folder).run(&[program.to_owned()], later()).await.unwrap_err().to_string()
    };
    assert!(run("no-such-program", folder.path()).await.contains("install it"));
    assert!(run("./script", folder.path()).await.contains("chmod +x"));
    assert!(run("sh", &folder.path().join("missing")).await.contains("is not there"));
    let error = programs(folder.path()).run(&[], later()).await.unwrap_err();
    assert!(matches!(error, ProgramError::Empty));
}

#[tokio::test]
async fn one_whose_time_is_over_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "trap '' TERM; (trap '' TERM; echo $BASHPID; exec sleep 600) & echo $! >child; wait";
    let (programs, argv) = (programs(folder.path()), sh(script));
    let child = folder.path().join("child");
    let running = programs.run(&argv, Instant::now() + Duration::from_secs(3));
    let (ended, pid) = tokio::join!(running, content(&child));
    assert_eq!(ended.unwrap().how, How::TimeOver { killed: true });
    until_gone(&pid).await;
}

#[tokio::test]
async fn one_that_is_given_up_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let (programs, argv) = (programs(folder.path()), sh("sleep 600 & echo $! >child; wait"));
    let pid = {
        let child = folder.path().join("child");
        let mut running = Box::pin(programs.run(&argv, later()));
        tokio::select! {
            ended = &mut running => panic!("{ended:?}"),
            pid = content(&child) => pid,
        }
    };
    until_gone(&pid).await;
}

#[tokio::test]
async fn what_a_program_leaves_running_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sleep 600 & echo $! >child; echo done";
    let (programs, argv) = (programs(folder.path()), sh(script));
    let ended = timeout(Duration::from_secs(30), programs.run(&argv, later()));
    let ended = ended.await.expect("it is waited for").unwrap();
    assert!(ended.is_good());
    assert_eq!(ended.stdout.last_line().unwrap(), "done");
    let pid = content(&folder.path().join("child")).await;
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
