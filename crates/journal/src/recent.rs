//! The newest groups, in memory, for readers that keep up.
//!
//! Owns the bound on their bytes and the end of the log as readers see it. Must not know the disk.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::group::Committed;
use crate::seq::Seq;

/// How far the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The number of the next record.
    pub(crate) next: Seq,
    /// Whether nothing follows any more.
    pub(crate) closed: bool,
}

struct Inside {
    groups: VecDeque<Committed>,
    bytes: usize,
    start: Seq,
}

/// The newest groups.
pub(crate) struct Recent {
    bytes_max: usize,
    inside: Mutex<Inside>,
    end: watch::Sender<End>,
}

impl Recent {
    pub(crate) fn new(bytes_max: usize, next: Seq) -> Self {
        let inside = Inside { groups: VecDeque::new(), bytes: 0, start: next };
        let end = watch::Sender::new(End { next, closed: false });
        Self { bytes_max, inside: Mutex::new(inside), end }
    }

    /// Adds groups that are on disk.
    pub(crate) fn publish(&self, groups: Vec<Committed>) {
        let Some(next) = groups.last().map(|group| group.last().plus(1)) else { return };
        let mut inside = self.inside.lock();
        for group in groups {
            inside.bytes += group.bytes();
            inside.groups.push_back(group);
        }
        while inside.bytes > self.bytes_max {
            let Some(oldest) = inside.groups.pop_front() else { break };
            inside.bytes -= oldest.bytes();
            inside.start = oldest.last().plus(1);
        }
        drop(inside);
        self.end.send_modify(|end| end.next = next);
    }

    /// Says that nothing follows.
    pub(crate) fn close(&self) {
        self.end.send_modify(|end| end.closed = true);
    }

    pub(crate) fn end(&self) -> End {
        *self.end.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<End> {
        self.end.subscribe()
    }

    /// When that record was written, where memory has it.
    pub(crate) fn written_ms(&self, seq: Seq) -> Option<u64> {
        Some(self.from(seq, 1, 0).ok()?.first()?.persisted_unix_ms)
    }

    /// The groups from `from` on, within the limits but at least one, where memory has them; else
    /// the number up to which the disk must be read.
    pub(crate) fn from(
        &self,
        from: Seq,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Committed>, Seq> {
        let inside = self.inside.lock();
        if from < inside.start {
            return Err(inside.start);
        }
        let at = inside.groups.partition_point(|group| group.last() < from);
        let (mut records, mut bytes) = (0, 0);
        let within = inside.groups.range(at..).take_while(|group| {
            let first = records == 0;
            records += group.records.len();
            bytes += group.bytes();
            first || (records <= records_max && bytes <= bytes_max)
        });
        Ok(within.cloned().collect())
    }
}
