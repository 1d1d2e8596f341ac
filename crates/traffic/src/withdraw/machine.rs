//! What is due next in a withdrawal, from what was seen. Pure: times are given, nothing is done here.
//!
//! Every part has its time; what fails is remembered and gone around, so that streams are closed also
//! where new traffic could not be proven to have stopped.

use std::{mem, time::Duration};

use guard::Arm;

use super::{
    progress::{Failure, Progress, ProgressKind, WithdrawError, Withdrawn},
    settings::{Step, WithdrawSettings},
};
use crate::Weight;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Give the canary no share, and keep it from new requests.
    Stop,
    /// Read what is true.
    Look,
    /// Ask through the router which arm answers.
    Probe,
    /// Have the canary's replicas send their clients away.
    Goodbye,
    /// Close streams of the canary.
    Evict,
    /// Do nothing for so long.
    Wait(Duration),
    /// Nothing more: there is a result.
    End,
}

/// What came of a command.
#[derive(Clone, Debug)]
pub(super) enum Input {
    Stopped(Result<(), Trouble>),
    Looked(Result<Sight, Trouble>),
    Probed(Result<Vec<Arm>, Trouble>),
    SaidGoodbye(Result<(), Trouble>),
    Evicted(Result<u64, Trouble>),
    Waited,
}

/// What the router reports of the canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) process: u64,
    pub(super) weight: Weight,
    pub(super) open: u64,
    pub(super) requests: u64,
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) text: String,
    /// The canary is somebody else's: nothing more may be done.
    pub(super) is_fenced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The share is not yet seen to be nothing, or no probe was clean since.
    Stopping,
    /// A probe was clean; one more look must show that nothing came meanwhile.
    Verifying,
    Parting,
    Leaving,
    Evicting,
    Proving,
}

/// A withdrawal under way.
#[derive(Debug)]
pub(super) struct Machine {
    settings: WithdrawSettings,
    phase: Phase,
    now: Duration,
    leave_by: Duration,
    evict_by: Duration,
    /// What follows on a wait.
    then: Command,
    /// What was seen last.
    seen: Option<Sight>,
    last_trouble: String,
    quiet_looks: u32,
    quiet_since: Duration,
    progress: Vec<Progress>,
    failures: Vec<Failure>,
    reached: Withdrawn,
}

impl Machine {
    pub(super) fn new(settings: WithdrawSettings) -> Self {
        Machine {
            settings,
            phase: Phase::Stopping,
            now: Duration::ZERO,
            leave_by: Duration::MAX,
            evict_by: Duration::MAX,
            then: Command::Look,
            seen: None,
            last_trouble: String::new(),
            quiet_looks: 0,
            quiet_since: Duration::ZERO,
            progress: Vec::new(),
            failures: Vec::new(),
            reached: Withdrawn::default(),
        }
    }

    /// Returns the first command.
    pub(super) fn start(&mut self, now: Duration) -> Command {
        self.now = now;
        self.tell(ProgressKind::Began { step: Step::Stop });
        Command::Stop
    }

    /// Takes in what came of the last command; returns the next.
    pub(super) fn step(&mut self, now: Duration, input: Input) -> Command {
        self.now = now;
        match input {
            Input::Stopped(Err(trouble))
            | Input::Looked(Err(trouble))
            | Input::Evicted(Err(trouble))
                if trouble.is_fenced =>
            {
                self.fail(trouble.text, "whoever has the canary now decides; do nothing here");
                Command::End
            }
            Input::Stopped(said) => {
                self.note(said.err());
                // Perhaps it was done all the same, or in part.
                Command::Look
            }
            Input::Looked(Ok(sight)) => self.saw(sight),
            Input::Looked(Err(trouble)) => {
                self.note(Some(trouble));
                self.again(Command::Look)
            }
            Input::Probed(probed) => self.probed(probed),
            Input::SaidGoodbye(said) => self.parted(said),
            Input::Evicted(said) => self.evicted(said),
            Input::Waited => self.then,
        }
    }

    /// Returns what is to be told since the last call.
    pub(super) fn take_progress(&mut self) -> Vec<Progress> {
        mem::take(&mut self.progress)
    }

    /// Returns what came of it, after [`Command::End`].
    pub(super) fn into_result(self) -> Result<Withdrawn, WithdrawError> {
        if self.failures.is_empty() {
            return Ok(self.reached);
        }
        Err(WithdrawError { failures: self.failures, reached: self.reached })
    }

    fn saw(&mut self, sight: Sight) -> Command {
        let new_requests = self.compare(sight);
        self.tell(ProgressKind::Seen { weight: sight.weight, open: sight.open });
        if new_requests > 0 && self.reached.new_traffic.is_some() {
            self.reached.new_traffic = Some(self.now);
            self.reached.came_again += new_requests;
            self.tell(ProgressKind::CameAgain { requests: new_requests });
        }
        if sight.weight != Weight::NONE {
            let text = format!("the router reports a weight of {}", sight.weight);
            self.note(Some(Trouble { text, is_fenced: false }));
        }
        match self.phase {
            Phase::Stopping | Phase::Verifying => self.saw_stopping(sight, new_requests),
            Phase::Parting | Phase::Leaving => self.saw_leaving(sight),
            Phase::Evicting if sight.open > 0 => self.again(Command::Evict),
            Phase::Evicting | Phase::Proving => self.saw_quiet(sight, new_requests),
        }
    }

    /// Returns how many requests are new since the last look. With another process of the router
    /// counts begin anew.
    fn compare(&mut self, sight: Sight) -> u64 {
        let Some(before) = self.seen.replace(sight) else { return 0 };
        if before.process == sight.process {
            return sight.requests.saturating_sub(before.requests);
        }
        let text = "the router was started anew, and its counts with it".to_owned();
        self.note(Some(Trouble { text, is_fenced: false }));
        sight.requests
    }

    fn saw_stopping(&mut self, sight: Sight, new_requests: u64) -> Command {
        let was_clean = mem::replace(&mut self.phase, Phase::Stopping) == Phase::Verifying;
        if sight.weight != Weight::NONE {
            return self.again(Command::Stop);
        }
        if was_clean && new_requests == 0 {
            self.reached.new_traffic = Some(self.now);
            self.reached.open_at_stop = sight.open;
            self.tell(ProgressKind::Stopped);
            return self.part();
        }
        if was_clean {
            let text = format!("{new_requests} more requests reached the canary");
            self.note(Some(Trouble { text, is_fenced: false }));
            return self.again(Command::Look);
        }
        Command::Probe
    }

    fn probed(&mut self, probed: Result<Vec<Arm>, Trouble>) -> Command {
        let text = match probed {
            Ok(arms) if arms.is_empty() => "no probe was sent".to_owned(),
            Ok(arms) => {
                let canary = arms.iter().filter(|arm| **arm == Arm::Canary).count();
                if canary == 0 {
                    self.phase = Phase::Verifying;
                    return Command::Look;
                }
                format!("the canary answered {canary} of {} probes", arms.len())
            }
            Err(trouble) => format!("the probes failed: {}", trouble.text),
        };
        self.note(Some(Trouble { text, is_fenced: false }));
        self.again(Command::Look)
    }

    fn part(&mut self) -> Command {
        self.phase = Phase::Parting;
        self.tell(ProgressKind::Began { step: Step::Goodbye });
        Command::Goodbye
    }

    fn parted(&mut self, said: Result<(), Trouble>) -> Command {
        self.leave_by = self.now + self.settings.leave_within;
        if let Err(trouble) = said {
            // Nobody leaves who was not told.
            self.leave_by = self.now;
            self.reached.goodbye_failed = Some(trouble.text.clone());
            self.note(Some(trouble));
        }
        self.evict_by = self.leave_by + self.settings.evict_within;
        self.phase = Phase::Leaving;
        self.tell(ProgressKind::Began { step: Step::Leave });
        Command::Look
    }

    fn saw_leaving(&mut self, sight: Sight) -> Command {
        if sight.open == 0 { self.saw_quiet(sight, 0) } else { self.again(Command::Look) }
    }

    fn evicted(&mut self, said: Result<u64, Trouble>) -> Command {
        match said {
            Ok(closed) => {
                self.reached.evicted += closed;
                self.tell(ProgressKind::Evicted { closed });
            }
            Err(trouble) => self.note(Some(trouble)),
        }
        Command::Look
    }

    fn saw_quiet(&mut self, sight: Sight, new_requests: u64) -> Command {
        if self.phase != Phase::Proving {
            self.phase = Phase::Proving;
            self.tell(ProgressKind::Began { step: Step::Prove });
        }
        if sight.open > 0 || sight.weight != Weight::NONE || new_requests > 0 {
            self.quiet_looks = 0;
            self.last_trouble =
                format!("{} are open on it, {new_requests} new requests came", sight.open);
            return self.again(match (sight.weight, sight.open) {
                (Weight::NONE, 0) => Command::Look,
                (Weight::NONE, _) => Command::Evict,
                _ => Command::Stop,
            });
        }
        if self.quiet_looks == 0 {
            self.quiet_since = self.now;
        }
        self.quiet_looks += 1;
        if self.quiet_looks < self.settings.quiet_looks {
            return self.wait(Command::Look);
        }
        self.reached.residual = Some(self.quiet_since);
        self.tell(ProgressKind::Gone);
        Command::End
    }

    /// Returns how a part goes on that is not done: by this command, or, when its time is over, with
    /// the next part.
    fn again(&mut self, command: Command) -> Command {
        match self.phase {
            Phase::Stopping | Phase::Verifying if self.now >= self.settings.stop_within => {
                let found = mem::take(&mut self.last_trouble);
                self.fail(found, self.advice());
                self.part()
            }
            Phase::Leaving if self.now >= self.leave_by => {
                self.phase = Phase::Evicting;
                self.tell(ProgressKind::Began { step: Step::Evict });
                Command::Evict
            }
            Phase::Evicting | Phase::Proving if self.now >= self.evict_by => {
                let open = self.seen.map_or(0, |sight| sight.open);
                let found = match mem::take(&mut self.last_trouble) {
                    trouble if trouble.is_empty() => format!("{open} are open on it"),
                    trouble => format!("{trouble}; when last seen {open} were open on it"),
                };
                self.fail(found, self.advice());
                Command::End
            }
            _ => self.wait(command),
        }
    }

    fn wait(&mut self, then: Command) -> Command {
        self.then = then;
        Command::Wait(self.settings.every)
    }

    fn current(&self) -> Step {
        match self.phase {
            Phase::Stopping if self.seen.is_none_or(|sight| sight.weight != Weight::NONE) => {
                Step::Stop
            }
            Phase::Stopping | Phase::Verifying => Step::Verify,
            Phase::Parting => Step::Goodbye,
            Phase::Leaving => Step::Leave,
            Phase::Evicting => Step::Evict,
            Phase::Proving => Step::Prove,
        }
    }

    fn advice(&self) -> &'static str {
        match self.current() {
            Step::Stop => {
                "take the canary out in the router by hand, or stop its replicas, then look again"
            }
            Step::Verify => {
                "find out what still sends requests to the canary (another router, a pinned client), \
                 or stop its replicas"
            }
            _ => "stop the canary's replicas, which ends every stream on them",
        }
    }

    fn fail(&mut self, found: String, advice: &'static str) {
        let found = if found.is_empty() { "the time for it was over".to_owned() } else { found };
        self.failures.push(Failure { step: self.current(), found, advice });
    }

    fn note(&mut self, trouble: Option<Trouble>) {
        let Some(Trouble { text, .. }) = trouble else { return };
        let step = self.current();
        self.last_trouble.clone_from(&text);
        self.tell(ProgressKind::Trouble { step, text });
    }

    fn tell(&mut self, what: ProgressKind) {
        self.progress.push(Progress { after: self.now, what });
    }
}

#[cfg(test)]
mod tests;
