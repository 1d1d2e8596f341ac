//! A process that a measurement starts, and ends with all that it has started in turn.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::tree;

/// Where programs are, in the order in which they are looked for.
const FOLDERS: &[&str] =
    &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How long a server may take to end by itself.
const END_TIME_MAX: Duration = Duration::from_secs(10);

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How much of a server's log an error shows.
const LOG_BYTES_SHOWN: usize = 1500;

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a command; what it prints goes to a file in the folder.
    ///
    /// # Errors
    /// Fails where the program can't be started.
    pub(crate) fn start(mut command: Command, folder: &Path) -> io::Result<Self> {
        let log = folder.join("server.log");
        let out = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        // A group of its own: Ctrl-C is for the measurement, which then ends the server.
        let child = command.process_group(0).spawn()?;
        Ok(Daemon { child, log })
    }

    /// Returns its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it has ended by itself.
    pub(crate) fn is_gone(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it, without a word, and waits until it is gone.
    pub(crate) fn kill(self) {
        // It is looked after when this is dropped, so that its number is not another one's yet.
        let _already_gone = kill_process(Pid::from_child(&self.child), Signal::KILL);
    }

    /// Returns the end of what it printed.
    pub(crate) fn log_end(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let start = bytes.len().saturating_sub(LOG_BYTES_SHOWN);
        String::from_utf8_lossy(&bytes[start..]).trim().to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let tree = tree::with_descendants(&[self.child.id()]);
        let _already_gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + END_TIME_MAX;
        while !self.is_gone() && Instant::now() < deadline {
            thread::park_timeout(LOOK_EVERY);
        }
        for pid in tree {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|pid| test_kill_process(*pid).is_ok()) {
                let _already_gone = kill_process(pid, Signal::KILL);
            }
        }
        let _status = self.child.wait();
    }
}

/// Returns where a program is.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + END_TIME_MAX;
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            thread::park_timeout(LOOK_EVERY);
        }
    }

    #[test]
    fn what_it_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo begun; wait"]);
        let daemon = Daemon::start(command, folder.path()).unwrap();
        until("it has begun", || daemon.log_end() == "begun");
        let tree = tree::with_descendants(&[daemon.pid()]);
        assert_eq!(tree.len(), 2);
        drop(daemon);
        let child = Pid::from_raw(tree[1] as i32).unwrap();
        until("what it started is gone", || {
            // The kernel's first process may have yet to take note of it.
            let stat = fs::read_to_string(tree::stat(tree[1])).unwrap_or_default();
            test_kill_process(child).is_err() || tree::fields(&stat).next() == Some("Z")
        });
    }

    #[test]
    fn what_is_killed_is_gone_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        // It would not end for less.
        command.args(["-c", "trap '' TERM; echo begun; while :; do sleep 0.1; done"]);
        let daemon = Daemon::start(command, folder.path()).unwrap();
        until("it has begun", || daemon.log_end() == "begun");
        let pid = Pid::from_raw(daemon.pid() as i32).unwrap();
        daemon.kill();
        assert!(test_kill_process(pid).is_err());
    }

    #[test]
    fn programs_are_found() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program").is_none());
    }
}
