//! How idle the whole machine was: what tells a generator at its limit from a full machine.

use std::fs;

/// The machine's CPU time at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    idle: u64,
    all: u64,
}

impl Idle {
    /// Reads it.
    pub(crate) fn now() -> Self {
        Idle::parse(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// The first line sums up all cores: user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(stat: &str) -> Self {
        let line = stat.lines().next().unwrap_or_default();
        let times: Vec<u64> =
            line.split_whitespace().skip(1).take(8).filter_map(|time| time.parse().ok()).collect();
        let idle = times.iter().skip(3).take(2).sum();
        Idle { idle, all: times.iter().sum() }
    }

    /// Returns the share of all cores' time that was idle since then.
    pub(crate) fn share_since(self, earlier: Idle) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        if all == 0 {
            return 0.0;
        }
        self.idle.saturating_sub(earlier.idle) as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_are_idle() {
        let before = Idle::parse("cpu  10 0 10 50 10 0 0 0 5 0\ncpu0 1 1 1 1\n");
        let after = Idle::parse("cpu  20 0 20 80 20 0 10 0 9 0\n");
        assert!((after.share_since(before) - 40.0 / 70.0).abs() < 1e-9);
        assert_eq!(after.share_since(after), 0.0);
    }
}
