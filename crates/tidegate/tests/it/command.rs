//! Runs the command with a time limit, in an environment that has nothing but what is given.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// No run here takes a tenth of it.
const TIME_MAX: Duration = Duration::from_secs(60);

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Returns standard output as one JSON document.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the lines of standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }
}

/// A run that is not over; it is killed where nobody waits for its end.
pub(crate) struct Running {
    child: Option<Child>,
    pub(crate) err: mpsc::Receiver<String>,
}

/// Returns the command with these words, without any setting.
pub(crate) fn tidegate(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(words).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    finish(command.spawn().unwrap())
}

/// Runs a command with this standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    finish(child)
}

/// Starts a command; its standard error comes line by line.
pub(crate) fn start(command: &mut Command) -> Running {
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (send, err) = mpsc::sync_channel(10_000);
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
    Running { child: Some(child), err }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill().and_then(|()| child.wait());
        }
    }
}

impl Running {
    /// Waits for a line on standard error that has this part.
    pub(crate) fn wait_for(&self, part: &str) -> String {
        let mut others = Vec::new();
        loop {
            match self.err.recv_timeout(TIME_MAX) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => others.push(line),
                Err(error) => panic!("no line with {part:?} ({error}): {}", others.join("\n")),
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.as_ref().unwrap().id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Waits for an end that has no code, as after SIGKILL.
    pub(crate) fn wait_for_end(mut self) {
        // The pipe of standard error ends with the process.
        while self.err.recv_timeout(TIME_MAX).is_ok() {}
        assert!(self.child.take().unwrap().wait().unwrap().code().is_none());
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Ran {
        let mut ran = finish(self.child.take().unwrap());
        ran.err = self.err.try_iter().collect::<Vec<_>>().join("\n");
        ran
    }
}

/// Looks until there is something.
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < TIME_MAX {
        if let Some(found) = look() {
            return found;
        }
        thread::yield_now();
    }
    panic!("{what} did not come");
}

/// Waits for the end of a run.
pub(crate) fn finish(child: Child) -> Ran {
    let id = child.id();
    let (send, wait) = mpsc::sync_channel(1);
    thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = wait.recv_timeout(TIME_MAX) else {
        let _gone = Command::new("sh").args(["-c", &format!("kill -KILL {id}")]).status();
        panic!("the command did not end");
    };
    let output = output.unwrap();
    Ran {
        code: code(output.status),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| panic!("{status}"))
}
