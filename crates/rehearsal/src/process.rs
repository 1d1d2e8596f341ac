//! A process of the stack: it ends with whoever holds it, however that ends.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::{
    StackError,
    log_file::LogFile,
    processes::{Processes, began},
};

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Kills a process once this one is gone, whose end of the pipe then breaks; but only the process that
/// was meant, which field 22 of proc_pid_stat(5) tells from a later one with its number.
const WARDEN: &str = r#"read _; s=$(cat "/proc/$0/stat") && began=$1 && set -- ${s##*) } &&
[ "${20}" = "$began" ] && kill -9 "$0""#;

/// A running process; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    warden: Option<Child>,
    processes: Arc<Processes>,
}

/// How a process was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether it ended when it was asked to.
    pub(crate) by_itself: bool,
    pub(crate) took: Duration,
}

impl Process {
    /// Starts a program without input, whose output goes to a log.
    ///
    /// # Errors
    /// Fails where it can't be started, or can't be noted down.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        log: &LogFile,
        processes: &Arc<Processes>,
    ) -> Result<Self, StackError> {
        let file = log.open().map_err(StackError::file(log.path(), "opened"))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let missing = |error: io::Error| StackError::Missing {
            program: program.clone(),
            why: error.to_string(),
            remedy: "check that it may be run and is built for this machine",
        };
        // Ctrl-C at a terminal is for the rehearsal, which then ends this one.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(file.try_clone().map_err(missing)?).stderr(file);
        let child = command.spawn().map_err(missing)?;
        let processes = Arc::clone(processes);
        // From here on it ends with this value.
        let mut process = Process { child, warden: None, processes };
        let began = began(process.id()).unwrap_or_default();
        process.warden = Some(warden(process.id(), began).map_err(missing)?);
        process.processes.add(name, process.id(), began)?;
        Ok(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns how it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends it a signal; one that has ended is not concerned.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw)
        {
            // It was not waited for, so the number is still its own.
            let _ended_just_now = kill_process(pid, signal);
        }
    }

    /// Ends it: asks, waits so long, and kills it where it is still there.
    pub(crate) async fn end(mut self, patience: Duration) -> Ended {
        let asked = Instant::now();
        self.signal(Signal::TERM);
        // One that is stopped can't hear.
        self.signal(Signal::CONT);
        while self.ended().is_none() && asked.elapsed() < patience {
            sleep(LOOK_EVERY).await;
        }
        Ended { by_itself: self.ended().is_some(), took: asked.elapsed() }
    }
}

impl Drop for Process {
    /// Kills it, stopped or not.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.processes.remove(self.child.id());
        if let Some(warden) = &mut self.warden {
            let _ = warden.kill();
            let _ = warden.wait();
        }
    }
}

/// Starts what waits for the end of this process.
fn warden(pid: u32, began: u64) -> io::Result<Child> {
    let mut warden = Command::new("sh");
    warden.args(["-c", WARDEN, &pid.to_string(), &began.to_string()]);
    warden.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    warden.spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warden_kills_what_it_was_told_and_nothing_else() {
        for (told, is_killed) in [(0, true), (1, false)] {
            let mut child = Command::new("sleep").arg("600").spawn().unwrap();
            let mut warden = warden(child.id(), began(child.id()).unwrap() + told).unwrap();
            assert!(child.try_wait().unwrap().is_none());
            // As if this process had ended.
            drop(warden.stdin.take());
            assert_eq!(warden.wait().unwrap().success(), is_killed);
            if !is_killed {
                assert!(child.try_wait().unwrap().is_none());
                child.kill().unwrap();
            }
            assert!(!child.wait().unwrap().success());
        }
    }
}
