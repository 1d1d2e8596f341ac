//! What waits for one worker.
//!
//! Invariants: the queue goes on without a hole from where it was last looked at, or the lane is
//! marked broken; it keeps to its limits; the worker is told once until it looks.

use std::collections::VecDeque;

use event::Position;

use super::{Arrival, Look};

/// How much may wait for one worker; beyond, the queue is dropped and the log read instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLimits {
    /// Most events.
    pub events_max: usize,
    /// Most bytes of their JSON.
    pub bytes_max: usize,
}

impl Default for LaneLimits {
    fn default() -> Self {
        LaneLimits { events_max: 65_536, bytes_max: 8 << 20 }
    }
}

#[derive(Debug)]
pub(super) struct Lane {
    open: bool,
    told: bool,
    broken: bool,
    queue: VecDeque<Arrival>,
    bytes: usize,
    /// The last place that the log went through, whether the lane is open or not.
    through: Position,
}

impl Lane {
    pub(super) fn closed(through: Position) -> Self {
        Lane { open: false, told: false, broken: false, queue: VecDeque::new(), bytes: 0, through }
    }

    pub(super) fn open(&mut self) -> Position {
        self.open = true;
        self.broken = false;
        // A worker that failed between being told and looking would never be told again.
        self.told = false;
        self.empty();
        self.through
    }

    pub(super) fn close(&mut self) {
        self.open = false;
        self.empty();
    }

    pub(super) fn look(&mut self) -> Look {
        self.told = false;
        let arrivals = self.empty();
        let restart_after = std::mem::take(&mut self.broken).then_some(self.through);
        Look { arrivals, restart_after }
    }

    fn empty(&mut self) -> VecDeque<Arrival> {
        self.bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// Adds events; returns whether the worker has to be told.
    pub(super) fn push(&mut self, arrivals: &[Arrival], limits: &LaneLimits) -> bool {
        let Some(last) = arrivals.last() else { return false };
        self.through = last.event.position;
        if !self.open {
            return false;
        }
        if !self.broken {
            self.queue.extend(arrivals.iter().cloned());
            self.bytes += arrivals.iter().map(|arrival| arrival.event.json.len()).sum::<usize>();
            self.broken = self.queue.len() > limits.events_max || self.bytes > limits.bytes_max;
        }
        if self.broken {
            self.empty();
        }
        !std::mem::replace(&mut self.told, true)
    }

    /// Goes on elsewhere; returns whether the worker has to be told.
    pub(super) fn restart(&mut self, place: Position) -> bool {
        self.through = place;
        self.empty();
        self.broken = self.open;
        self.open && !std::mem::replace(&mut self.told, true)
    }
}
