//! A process of a test's own: it can be stopped, and it ends with the test, however that ends.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running process.
pub(crate) struct Process {
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
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{command:?} does not start ({error}); `cargo xtask setup` says what is missing")
        });
        let warden = warden_of(child.id());
        Process { child, warden }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
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
    warden.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    warden.spawn().expect("there is a shell")
}
