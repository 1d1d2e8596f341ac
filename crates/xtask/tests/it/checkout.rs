//! A fresh clone of the tree as it is, without what git does not keep.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::tree::{Ran, files_below, in_workspace, run};

/// A clone of the tree, with what was not committed yet as its one commit.
pub(crate) struct Checkout {
    folder: TempDir,
}

impl Checkout {
    pub(crate) fn new() -> Self {
        let checkout = Self { folder: tempfile::tempdir().unwrap() };
        for path in files_below(".") {
            let to = checkout.path(&path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(in_workspace(&path), to).unwrap();
        }
        checkout.git(&["init", "--quiet"]);
        checkout.commit();
        checkout
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Makes a commit of all that is there.
    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        self.git(&[&who[..], &["commit", "--quiet", "--message", "all"]].concat());
    }

    fn git(&self, words: &[&str]) {
        run(Command::new("git").args(words).current_dir(self.root())).check(0, &[]);
    }

    /// Runs the preflight as the runbook says it, with programs of the test before those of the machine.
    pub(crate) fn preflight(&self, words: &[&str], programs: Option<&Path>) -> Ran {
        let mut command = Command::new("bash");
        command.arg("deploy/scripts/production-cutover-preflight.sh").args(words);
        if let Some(programs) = programs {
            let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
            command.env("PATH", format!("{}:{path}", programs.display()));
        }
        command.env("PREFLIGHT_TIDEGATE", "no-such-tidegate");
        run(command.current_dir(self.root()))
    }

    /// Returns every file with its bytes' length and its time, git's own among them.
    pub(crate) fn shape(&self) -> Vec<String> {
        let words = [".", "-type", "f", "-printf", "%p %s %T@ %m\n"];
        let found = run(Command::new("find").args(words).current_dir(self.root()));
        let mut lines: Vec<_> = found.out.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}
