//! When messages are due. Pure.

use std::time::Duration;

use crate::{args::Rate, clock::us};

/// Gives out what is due, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    began_us: u64,
    /// Microseconds from one to the next; none where each is due as soon as somebody is free.
    every_us: Option<f64>,
    given: u64,
    all: u64,
    until_us: u64,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// One, since this moment.
    Now(u64),
    /// Nothing before this moment.
    At(u64),
    /// Nothing more.
    Over,
}

impl Pace {
    /// So many, as fast as they are answered.
    pub(super) fn count(all: u64) -> Self {
        Pace { began_us: 0, every_us: None, given: 0, all, until_us: u64::MAX }
    }

    /// As many as there is time for, from a moment on.
    pub(super) fn timed(rate: Rate, time: Duration, began_us: u64) -> Self {
        let until_us = began_us + us(time);
        match rate {
            Rate::Max => Pace { until_us, began_us, ..Pace::count(u64::MAX) },
            Rate::PerSecond(rate) => {
                let all = (time.as_secs_f64() * f64::from(rate)).round() as u64;
                Pace::spread(all, time, began_us)
            }
        }
    }

    /// So many, evenly over a time from a moment on.
    pub(super) fn spread(all: u64, time: Duration, began_us: u64) -> Self {
        let every_us = Some(us(time) as f64 / all.max(1) as f64);
        Pace { began_us, every_us, given: 0, all, until_us: u64::MAX }
    }

    /// Gives out the next one, if it is due.
    pub(super) fn next(&mut self, now_us: u64) -> Due {
        if self.given >= self.all || now_us >= self.until_us {
            return Due::Over;
        }
        let due_us = match self.every_us {
            Some(every_us) => self.began_us + (self.given as f64 * every_us) as u64,
            None => now_us,
        };
        if due_us > now_us {
            return Due::At(due_us);
        }
        self.given += 1;
        Due::Now(due_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_keeps_to_its_times_whoever_is_late() {
        let mut pace = Pace::timed(Rate::PerSecond(10), Duration::from_millis(300), 1000);
        assert_eq!(pace.next(1000), Due::Now(1000));
        assert_eq!(pace.next(1000), Due::At(101_000));
        assert_eq!(pace.next(900_000), Due::Now(101_000));
        assert_eq!(pace.next(900_000), Due::Now(201_000));
        assert_eq!(pace.next(900_000), Due::Over);
    }

    #[test]
    fn the_most_is_due_at_once_until_the_time_is_over() {
        let mut pace = Pace::timed(Rate::Max, Duration::from_millis(1), 50);
        assert_eq!(pace.next(60), Due::Now(60));
        assert_eq!(pace.next(1049), Due::Now(1049));
        assert_eq!(pace.next(1050), Due::Over);
        let mut two = Pace::count(2);
        assert_eq!([two.next(7), two.next(7), two.next(7)], [Due::Now(7), Due::Now(7), Due::Over]);
    }
}
