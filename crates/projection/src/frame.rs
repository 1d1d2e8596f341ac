//! How much was waiting over a stretch of the log, as points to draw.

use serde::Serialize;

use crate::{Snapshot, page::index_after};

/// What was waiting behind one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayFrame {
    /// The number of the event.
    pub seq_hi: u64,
    /// When it was observed, in milliseconds since 1970.
    pub timestamp_unix_ms: u64,
    /// Held transactions of all chains that waited.
    pub pending_count: u64,
}

/// How a stretch began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReplaySummary {
    /// What waited at its first event.
    pub from_pending_count: u64,
    /// What waited at its last one.
    pub to_pending_count: u64,
    /// How many events it has.
    pub events: u64,
}

/// A stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// The number of its first event that is held.
    pub from_seq_id: u64,
    /// The number of its last one.
    pub to_seq_id: u64,
    /// One point for so many events.
    pub stride: u64,
    /// How it began and ended; none where it has no event.
    pub summary: Option<ReplaySummary>,
    /// The points: every `stride`-th event, and the last.
    pub frames: Vec<ReplayFrame>,
}

impl Snapshot {
    /// Returns what was waiting from one event to another, both included.
    ///
    /// Without a stride there is one point for each event, or at most `frames_max`. With one there are
    /// as many as it makes, and none where that is more than `frames_max`.
    pub fn replay(
        &self,
        from: u64,
        to: u64,
        stride: Option<u64>,
        frames_max: usize,
    ) -> Option<Replay> {
        let first = index_after(&self.events, from.saturating_sub(1));
        let end = index_after(&self.events, to).max(first);
        let events = end - first;
        let stride = match stride {
            Some(stride) => usize::try_from(stride.max(1)).unwrap_or(usize::MAX),
            None => events.div_ceil(frames_max.max(2) - 1).max(1),
        };
        if events.div_ceil(stride) > frames_max {
            return None;
        }
        let mut frames: Vec<_> =
            (first..end).step_by(stride).filter_map(|at| self.frame(at)).collect();
        let last = end.checked_sub(1).filter(|last| *last >= first);
        if let Some(last) = last
            && !(last - first).is_multiple_of(stride)
        {
            frames.extend(self.frame(last));
        }
        let summary = frames.first().zip(frames.last()).map(|(first, last)| ReplaySummary {
            from_pending_count: first.pending_count,
            to_pending_count: last.pending_count,
            events: events as u64,
        });
        Some(Replay {
            from_seq_id: frames.first().map_or(from, |frame| frame.seq_hi),
            to_seq_id: frames.last().map_or(to, |frame| frame.seq_hi),
            stride: stride as u64,
            summary,
            frames,
        })
    }

    fn frame(&self, at: usize) -> Option<ReplayFrame> {
        let held = self.events.get(at)?;
        Some(ReplayFrame {
            seq_hi: held.event.seq,
            timestamp_unix_ms: held.event.observed_unix_ms,
            pending_count: held.pending,
        })
    }
}
