//! CPU time of processes and of threads, as the kernel's scheduler counts it (proc(5)).
//!
//! `schedstat` counts nanoseconds, but only of threads that are there; `stat` counts also those that
//! are gone, in ticks. The finer one is taken unless threads have visibly gone.

use std::{collections::HashMap, fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use super::tree;

/// Counts what processes and all their descendants have used.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    roots: Vec<u32>,
    ticks_per_second: u64,
    /// The last that was seen of each thread, and of each process.
    tasks_ns: HashMap<u32, u64>,
    ticks: HashMap<u32, u64>,
    began: Used,
}

/// Two counts of the same.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    ns: u64,
    ticks: u64,
}

impl CpuMeter {
    /// Returns a meter that begins to count now.
    pub(crate) fn start(roots: &[u32]) -> Self {
        let mut meter = CpuMeter {
            roots: roots.to_vec(),
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            tasks_ns: HashMap::new(),
            ticks: HashMap::new(),
            began: Used::default(),
        };
        meter.began = meter.look();
        meter
    }

    /// Returns what was used since the start; called now and then, it misses no thread.
    pub(crate) fn used(&mut self) -> Duration {
        let now = self.look();
        let ns = now.ns.saturating_sub(self.began.ns);
        let tick_ns = 1_000_000_000 / self.ticks_per_second;
        let ticks_ns = now.ticks.saturating_sub(self.began.ticks) * tick_ns;
        let slack_ns = 2 * tick_ns * self.ticks.len() as u64;
        Duration::from_nanos(if ticks_ns > ns + slack_ns { ticks_ns } else { ns })
    }

    fn look(&mut self) -> Used {
        for pid in tree::with_descendants(&self.roots) {
            if let Some(ticks) = fs::read_to_string(tree::stat(pid)).ok().and_then(|s| ticks(&s)) {
                self.ticks.insert(pid, ticks);
            }
            self.look_at_tasks(pid);
        }
        Used { ns: self.tasks_ns.values().sum(), ticks: self.ticks.values().sum() }
    }

    fn look_at_tasks(&mut self, pid: u32) {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
        for task in tasks.flatten() {
            let id = task.file_name().to_str().and_then(|name| name.parse().ok());
            let text = fs::read_to_string(task.path().join("schedstat"));
            let ns = text.ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
            if let (Some(id), Some(ns)) = (id, ns) {
                self.tasks_ns.insert(id, ns);
            }
        }
    }
}

/// Returns user and system time, fields 14 and 15 of proc(5).
fn ticks(stat: &str) -> Option<u64> {
    let mut times = tree::fields(stat).skip(11).map(|field| field.parse::<u64>().ok());
    Some(times.next()?? + times.next()??)
}

/// Returns what the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

/// Returns what this process has used; its children are not in it.
pub(crate) fn own_cpu() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

fn clock(id: ClockId) -> Duration {
    let now = clock_gettime(id);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_from_the_right_fields() {
        let stat = "9 (a b) S 1 9 9 0 -1 4194560 100 0 0 0 21 34 5 6 20 0 1 0 1 2 3";
        assert_eq!(ticks(stat), Some(55));
        assert_eq!(ticks("9 (a) S 1"), None);
    }

    #[test]
    fn work_is_counted() {
        let mut meter = CpuMeter::start(&[std::process::id()]);
        let before = thread_cpu();
        while thread_cpu() - before < Duration::from_millis(30) {}
        assert!(meter.used() >= Duration::from_millis(20), "{meter:?}");
    }
}
