//! Whether the generator was the limit of a measurement. Pure.
//!
//! It shares the machine with the server. A thread of it that never waits while cores are idle, or a
//! publisher that wakes up late, makes the server look slower than it is. A machine with no idle core
//! is no limit of the generator's: what counts then is the server's work for a CPU-second.

use serde::Serialize;

/// A thread that is busy for more than this is at its limit.
const BUSY_MAX: f64 = 0.9;

/// With more than this of all cores idle, a thread at its limit is the generator's fault.
const IDLE_MIN: f64 = 0.05;

/// A publisher that is later than this by its own doing distorts latencies.
const LATE_MS_MAX: f64 = 20.0;

/// What was measured of the generator itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Generator {
    /// The share of its time for which the busiest thread was not waiting.
    pub(crate) busy_share_max: f64,
    /// CPU-seconds a second, all threads of readers.
    pub(crate) cpu_share: f64,
    /// How late its publisher was by its own doing; waiting for the server is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publisher_late_p99_ms: Option<f64>,
    /// How long one turn of its readers' loop took: how late a read can be.
    pub(crate) turn_p99_ms: f64,
    /// The share of all cores' time that was idle.
    pub(crate) machine_idle_share: f64,
    /// CPU-seconds a second of the server.
    pub(crate) server_cpu_share: f64,
    /// CPU-seconds a second of everybody else on the machine.
    pub(crate) others_cpu_share: f64,
    /// Whether it was the limit.
    pub(crate) limited: bool,
    /// Why, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
}

impl Generator {
    /// Decides whether it was the limit.
    pub(crate) fn judged(mut self) -> Self {
        let idle = self.machine_idle_share;
        if self.busy_share_max > BUSY_MAX && idle > IDLE_MIN {
            self.reasons.push(format!(
                "its busiest thread did not wait for {:.0} % of the time while {:.0} % of the \
                 machine was idle",
                self.busy_share_max * 100.0,
                idle * 100.0
            ));
        }
        if let Some(late) = self.publisher_late_p99_ms.filter(|late| *late > LATE_MS_MAX) {
            self.reasons.push(format!("its publisher was late by {late:.1} ms (p99)"));
        }
        self.limited = !self.reasons.is_empty();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_limit_only_by_its_own_fault() {
        let check = |busy: f64, idle: f64, late: Option<f64>, reasons: usize| {
            let generator = Generator {
                busy_share_max: busy,
                machine_idle_share: idle,
                publisher_late_p99_ms: late,
                ..Generator::default()
            };
            let judged = generator.judged();
            assert_eq!(
                (judged.reasons.len(), judged.limited),
                (reasons, reasons > 0),
                "{judged:?}"
            );
        };
        check(0.5, 0.5, Some(1.0), 0);
        check(0.95, 0.01, None, 0);
        check(0.95, 0.3, None, 1);
        check(0.5, 0.0, Some(30.0), 1);
        check(0.95, 0.3, Some(30.0), 2);
    }
}
