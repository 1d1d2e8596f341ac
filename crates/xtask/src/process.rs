//! Runs a command with a time limit, passing on and reading what it prints.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::failures::Failures;
use crate::test_count::TestCount;

/// How long a killed command may take to let go of its output.
const KILLED_GRACE: Duration = Duration::from_secs(5);

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It exited by itself.
    Exited {
        /// Whether with code 0.
        success: bool,
        /// The tests that its output told of.
        tests: TestCount,
        /// What those that failed said.
        failures: Failures,
    },
    /// It was killed at the limit, or something that it left behind kept its output open.
    TimedOut {
        /// Whether something that it started is still there.
        still_held: bool,
    },
}

/// Runs a command to its end, or kills it at the limit.
///
/// Standard output is passed on line by line and read for what tests it tells of; standard error goes
/// where ours goes.
///
/// # Errors
///
/// Fails where the command cannot be started or waited for.
pub(crate) fn run(command: &mut Command, limit: Duration) -> anyhow::Result<End> {
    run_into(command, limit, io::stdout())
}

/// As [`run`], with the output passed on to another place.
///
/// # Errors
///
/// Fails where the command cannot be started or waited for.
pub(crate) fn run_into(
    command: &mut Command,
    limit: Duration,
    onward: impl Write + Send + 'static,
) -> anyhow::Result<End> {
    let group = if io::stdin().is_terminal() { Group::Ours } else { Group::Own };
    run_in(group, command, limit, onward)
}

fn run_in(
    group: Group,
    command: &mut Command,
    limit: Duration,
    onward: impl Write + Send + 'static,
) -> anyhow::Result<End> {
    if let Group::Own = group {
        command.process_group(0);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{program}`"))?;
    let output = child.stdout.take().expect("standard output was asked to be a pipe");
    let ended = read_aside(output, onward);
    let Ok(seen) = ended.recv_timeout(limit) else {
        kill(&mut child, group)?;
        let still_held = ended.recv_timeout(KILLED_GRACE).is_err();
        return Ok(End::TimedOut { still_held });
    };
    let success = child.wait()?.success();
    let Seen { tests, failures } = seen?;
    Ok(End::Exited { success, tests, failures })
}

/// What the output of a command told of its tests.
#[derive(Default)]
struct Seen {
    tests: TestCount,
    failures: Failures,
}

/// Whose signals a command gets.
#[derive(Clone, Copy)]
enum Group {
    /// A group of its own, so that the limit can end its children too.
    Own,
    /// Ours, so that Ctrl-C at the terminal reaches it.
    Ours,
}

fn kill(child: &mut Child, group: Group) -> io::Result<()> {
    if let Group::Own = group {
        // The group's id is the child's. The shell's own `kill` needs no package.
        let line = format!("kill -KILL -{}", child.id());
        Command::new("sh").args(["-c", &line]).status()?;
    }
    child.kill()?;
    child.wait().map(drop)
}

/// Reads the output in a thread; the channel says when it ended, which is also the thread's end.
fn read_aside(
    output: ChildStdout,
    onward: impl Write + Send + 'static,
) -> Receiver<io::Result<Seen>> {
    let (ended, wait) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let _nobody_waits = ended.send(pass_on(BufReader::new(output), onward));
    });
    wait
}

/// Copies line by line, and reads what is said of tests. It reads on when nobody takes the copy any more: a closed
/// pipe of ours is no reason to break the command's.
fn pass_on(mut output: impl BufRead, mut onward: impl Write) -> io::Result<Seen> {
    let mut seen = Seen::default();
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        let _closed_pipe = onward.write_all(&line).and_then(|()| onward.flush());
        let text = String::from_utf8_lossy(&line);
        seen.tests.see(&text);
        seen.failures.see(&text);
        line.clear();
    }
    Ok(seen)
}

#[cfg(test)]
mod tests;
