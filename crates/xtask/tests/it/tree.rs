//! Files of the workspace, and programs run to their end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything here may take; none takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Returns standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Looks at the code, and at what has to stand on standard error.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {self:?}");
        }
    }
}

/// Returns a place in the workspace.
pub(crate) fn in_workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(path)
}

pub(crate) fn text_of(path: &str) -> String {
    fs::read_to_string(in_workspace(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the files of the tree below a folder, with those that were not added yet.
pub(crate) fn files_below(folder: &str) -> Vec<String> {
    let words = ["ls-files", "--cached", "--others", "--exclude-standard", "--", folder];
    let listed = run(Command::new("git").args(words).current_dir(in_workspace("")));
    let there = |path: &&str| in_workspace(path).exists();
    listed.out.lines().filter(there).map(str::to_owned).collect()
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `cargo xtask setup` says what is missing")
    });
    Ran {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Waits until a condition holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Waits until a process has ended; returns its code.
pub(crate) fn code_of(mut child: Child) -> Option<i32> {
    let mut code = None;
    until("it has ended", || {
        code = child.try_wait().unwrap().map(|status| status.code());
        code.is_some()
    });
    code.flatten()
}
