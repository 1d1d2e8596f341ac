//! The two clocks of a process: the one on the wall, for planned times and for what is written down, and
//! one that only ever goes on, for how long something takes. Where they part, the one on the wall was set.

use std::sync::Arc;

use guard::At;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Conductor, DriveError};
use crate::{Event, Phase, shown};

/// By how much the clock on the wall may be set without people being told.
const SET_MAX: SignedDuration = SignedDuration::from_secs(2);

/// The clock on the wall.
#[derive(Clone)]
pub struct WallClock(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Default for WallClock {
    fn default() -> Self {
        WallClock(Arc::new(Timestamp::now))
    }
}

/// Both clocks.
pub(super) struct Clock {
    wall: WallClock,
    /// Both when the process came to the run.
    begun: (Timestamp, Instant),
    /// Both when they were compared last.
    compared: (Timestamp, Instant),
}

impl Clock {
    pub(super) fn new(wall: WallClock) -> Self {
        let both = ((wall.0)(), Instant::now());
        Clock { wall, begun: both, compared: both }
    }

    /// Returns the time on the wall.
    pub(super) fn now(&self) -> Timestamp {
        (self.wall.0)()
    }

    /// Returns a time that only goes on, for guards: that on the wall when the process came to the run, and
    /// what has passed since.
    pub(super) fn steady(&self) -> At {
        let (wall, begun) = self.begun;
        let begun_ms = u64::try_from(wall.as_millisecond()).unwrap_or_default();
        let passed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        At(begun_ms.saturating_add(passed_ms))
    }

    /// Returns by how much the clock on the wall was set since this was asked last, where that is much.
    fn set_by(&mut self) -> Option<SignedDuration> {
        let (wall, steady) = self.compared;
        self.compared = (self.now(), Instant::now());
        let passed = self.compared.0.duration_since(wall);
        let really = SignedDuration::try_from(self.compared.1 - steady).ok()?;
        let set_by = passed.checked_sub(really)?;
        // To the second: reading both takes a moment.
        let set_by = SignedDuration::from_secs(set_by.as_secs_f64().round() as i64);
        (set_by.abs() >= SET_MAX).then_some(set_by)
    }
}

impl Conductor {
    /// Takes the time on the wall from elsewhere.
    #[must_use]
    pub fn with_wall_clock(mut self, wall: WallClock) -> Self {
        self.clock = Clock::new(wall);
        self
    }

    /// Stops a run that another process left where the clock says less than it did then.
    pub(super) fn come_back(&mut self, last_at: Timestamp) -> Result<(), DriveError> {
        let now = self.clock.now();
        self.facts.held_at = self.facts.held_at.map(|at| at.min(now));
        if last_at.duration_since(now) < SET_MAX {
            return Ok(());
        }
        let (last, now) = (shown::second(last_at), shown::second(now));
        self.clocks_disagree(format!(
            "The journal was written last at {last}, and the clock of this machine says {now}."
        ))
    }

    /// Stops the run where somebody has set the clock, by which planned times and the lease go.
    pub(super) fn compare_clocks(&mut self) -> Result<(), DriveError> {
        let Some(set_by) = self.clock.set_by() else { return Ok(()) };
        let (way, length) =
            (if set_by.is_negative() { "back" } else { "forward" }, shown::length(set_by));
        let now = shown::second(self.clock.now());
        self.clocks_disagree(format!(
            "The clock of this machine was set {way} by {length}, to {now}: planned times and the lease \
             go by it."
        ))
    }

    /// Says that a clock can't be right, and stops the run.
    pub(super) fn clocks_disagree(&mut self, text: String) -> Result<(), DriveError> {
        self.is_lease_due = true;
        if self.state().phase() == Phase::Hold {
            // Whether what people said before was said before the run stood still, nobody can tell.
            self.facts.held_at = Some(self.clock.now());
        }
        self.trouble(&text);
        self.append_or_hold(Event::Trouble { what: "clock".into(), text }).map(|_| ())
    }
}
