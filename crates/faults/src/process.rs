//! A process of a test's own: it can be stopped, and it ends with the test, however that ends.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A running process; dropping it kills it.
pub struct Process {
    child: Child,
    /// Ends the process where this one is killed and can't do it itself.
    warden: Child,
}

impl Process {
    /// Starts a program without input and output.
    ///
    /// # Panics
    /// Panics where the program is missing, saying how to get it.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Process::spawn(command).unwrap_or_else(|error| {
            panic!("{command:?} does not start ({error}); `cargo xtask setup` says what is missing")
        })
    }

    /// Starts a program without input, whose output goes to a file.
    ///
    /// # Errors
    /// Fails where the program can't be started.
    pub fn start_logged(command: &mut Command, log: &File) -> io::Result<Self> {
        command.stdout(log.try_clone()?).stderr(log.try_clone()?);
        Process::spawn(command)
    }

    fn spawn(command: &mut Command) -> io::Result<Self> {
        // Ctrl-C at a terminal is for the process that asked for this one.
        let child = command.process_group(0).stdin(Stdio::null()).spawn()?;
        let warden = warden_of(child.id());
        Ok(Process { child, warden })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (`SIGTERM`); one that has ended is not concerned.
    pub fn terminate(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::TERM);
        }
    }

    /// Returns whether it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Stops it without ending it.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("it has a pid");
        kill_process(pid, signal).expect("the process is ours and was not waited for");
    }
}

impl Drop for Process {
    /// Kills it, stopped or not.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.warden.kill();
        let _ = self.warden.wait();
    }
}

/// Starts what waits for the end of this process, whose pipe then breaks.
fn warden_of(pid: u32) -> Child {
    let mut warden = Command::new("sh");
    warden.args(["-c", "read _; kill -9 $0", &pid.to_string()]);
    warden.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    warden.spawn().expect("there is a shell")
}
