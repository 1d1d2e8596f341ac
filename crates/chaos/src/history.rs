//! What was broken when: what can explain what readers were told.

use parking_lot::Mutex;

use crate::kind::Marks;

/// For so long after its end an action still explains something: a merge takes its time, and readers
/// come to it later.
const ECHO_MS: u64 = 60_000;

/// Replicas have given back what they hold so long after Redis is there again.
const HEAL_MS: u64 = 10_000;

/// What was broken when.
#[derive(Debug, Default)]
pub(crate) struct History {
    happened: Mutex<Vec<Happened>>,
}

#[derive(Clone, Copy, Debug)]
struct Happened {
    act: usize,
    marks: Marks,
    replica: Option<usize>,
    begin_ms: u64,
    /// Absent while it lasts.
    end_ms: Option<u64>,
}

/// What was broken lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lately {
    pub(crate) cuts: bool,
    pub(crate) restarts: bool,
    pub(crate) loses: bool,
    pub(crate) kills: bool,
    pub(crate) absent: bool,
    pub(crate) parts: bool,
}

impl History {
    /// Notes that an action begins.
    pub(crate) fn begin(&self, act: usize, marks: Marks, replica: Option<usize>, at_ms: u64) {
        let happened = Happened { act, marks, replica, begin_ms: at_ms, end_ms: None };
        self.happened.lock().push(happened);
    }

    /// Notes that an action has ended.
    pub(crate) fn end(&self, act: usize, at_ms: u64) {
        let mut all = self.happened.lock();
        all.iter_mut().filter(|one| one.act == act).for_each(|one| one.end_ms = Some(at_ms));
    }

    /// Notes that an action did not come about.
    pub(crate) fn cancel(&self, act: usize) {
        self.happened.lock().retain(|one| one.act != act);
    }

    /// Returns what was broken up to a time, or not long before it.
    pub(crate) fn before(&self, at_ms: u64) -> Lately {
        self.between(at_ms.saturating_sub(ECHO_MS), at_ms)
    }

    /// Returns what was broken in a stretch of time.
    pub(crate) fn between(&self, from_ms: u64, to_ms: u64) -> Lately {
        let mut lately = Lately::default();
        for one in self.happened.lock().iter() {
            if one.begin_ms <= to_ms && one.end_ms.is_none_or(|end| end >= from_ms) {
                lately.cuts |= one.marks.cuts;
                lately.restarts |= one.marks.restarts;
                lately.loses |= one.marks.loses;
                lately.kills |= one.marks.kills;
                lately.absent |= one.marks.absent;
                lately.parts |= one.marks.parts;
            }
        }
        lately
    }

    /// Returns whether Redis came back with less after a time, and a replica was away between that
    /// time and the end of healing: what nobody else held is lost then.
    pub(crate) fn lost_after_absence(&self, from_ms: u64) -> bool {
        let losses: Vec<u64> = {
            let all = self.happened.lock();
            let losses = all.iter().filter(|one| one.marks.loses);
            losses.map(|one| one.end_ms.map_or(u64::MAX, |end| end + HEAL_MS)).collect()
        };
        let since = losses.into_iter().filter(|end| *end >= from_ms);
        since.into_iter().any(|end| self.between(from_ms, end).absent)
    }

    /// Returns whether a replica was killed in a stretch of time.
    pub(crate) fn killed(&self, replica: usize, from_ms: u64, to_ms: u64) -> bool {
        let all = self.happened.lock();
        all.iter().any(|one| {
            let inside = from_ms <= one.begin_ms && one.begin_ms <= to_ms;
            one.marks.kills && one.replica == Some(replica) && inside
        })
    }
}
