//! The process group of a program, which ends with whoever holds it.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The process group of a program that was started in one of its own.
pub(super) struct Group {
    /// None once the program has ended: the number may then be another one's.
    leader: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group { leader: id.and_then(Pid::from_raw) }
    }

    /// Asks all of it to end.
    pub(super) fn tell_to_end(&self) {
        self.send(Signal::TERM);
    }

    /// Ends all of it.
    pub(super) fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Lets go of it: what the program left running stays.
    pub(super) fn has_ended(&mut self) {
        self.leader = None;
    }

    fn send(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // A group that is gone is what was wanted.
            let _gone = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
