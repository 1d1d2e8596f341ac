//! The two clocks of a canary that is taken out without its run. Pure but for the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Observation, Weight};

/// How many looks in a row must show nothing left and nothing new.
const QUIET_LOOKS: u32 = 3;

/// What was seen since the lease was over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    began: Instant,
    /// Streams that were closed.
    pub(super) evicted: u64,
    /// The process and its canary's requests at the last look.
    last: Option<(u64, u64)>,
    /// When no new request came any more, as far as it was seen until now.
    stopped: Option<Duration>,
    /// When nothing was open any more.
    gone: Option<Duration>,
    quiet: u32,
    is_told: bool,
}

impl Clocks {
    pub(super) fn start() -> Self {
        Clocks {
            began: Instant::now(),
            evicted: 0,
            last: None,
            stopped: None,
            gone: None,
            quiet: 0,
            is_told: false,
        }
    }

    pub(super) fn after(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn after_ms(&self) -> u64 {
        ms(self.after())
    }

    /// Takes in what is seen after the share was set to 0 and the arm was drained; returns when new
    /// traffic stopped, the first time that this is shown.
    pub(super) fn look(&mut self, seen: &Observation) -> Option<u64> {
        let after = self.after();
        let now = (seen.process, seen.canary.requests);
        let is_new = self.last.replace(now) != Some(now);
        if is_new || seen.weight != Weight::NONE {
            // Requests may have come since the look before: this is the first one behind them.
            (self.stopped, self.gone, self.quiet) = (Some(after), None, 0);
            return None;
        }
        if seen.canary.open > 0 {
            (self.gone, self.quiet) = (None, 0);
        } else {
            self.gone.get_or_insert(after);
            self.quiet += 1;
        }
        let stopped = self.stopped.filter(|_| !std::mem::replace(&mut self.is_told, true));
        stopped.map(ms)
    }

    /// Returns both clocks, once enough looks show that nothing is left.
    pub(super) fn both(&self) -> Option<(u64, u64)> {
        let (stopped, gone) = (self.stopped?, self.gone?);
        (self.quiet >= QUIET_LOOKS).then(|| (ms(stopped), ms(gone)))
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
