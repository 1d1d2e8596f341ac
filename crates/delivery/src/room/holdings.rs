//! What a room holds: the figures that its limits bound.

use super::{Room, reader::Reader, run::RUNS_MAX, socket::Sink};

/// What a room holds at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Readers.
    pub readers: usize,
    /// Streams with readers.
    pub tables: usize,
    /// Events in rings.
    pub ring_events: usize,
    /// Bytes of the events in rings.
    pub ring_bytes: u64,
    /// Bytes of those events' frames, which no limit of a ring counts.
    pub frame_bytes: usize,
    /// Runs that are kept for the next reader.
    pub runs: usize,
    /// Events of pages that readers have not been written yet.
    pub page_events: usize,
    /// Bytes that sockets did not take.
    pub rest_bytes: usize,
    /// Bytes that WebSockets hold: answers that were not sent, input that was not decoded.
    pub web_bytes: usize,
    /// Entries of the wheel of heartbeats.
    pub beats: usize,
    /// Departures that are due some time.
    pub deadlines: usize,
    /// Turns and pages that readers wait for.
    pub turns: usize,
}

impl<S: Sink> Room<S> {
    /// Bytes of a reader in its room, without what it points to.
    pub const READER_BYTES: usize = size_of::<Reader<S>>();

    /// Most runs that a room keeps for the next reader.
    pub const RUNS_MAX: usize = RUNS_MAX;

    /// Adds up what the room holds; it looks at each reader, so it is not for every round.
    pub fn holdings(&self) -> Holdings {
        let mut holdings = Holdings {
            readers: self.readers.len(),
            tables: self.tables.len(),
            runs: self.runs.len(),
            beats: self.wheel.iter().map(Vec::len).sum(),
            deadlines: self.deadlines.len(),
            turns: self.unfinished.len() + self.waiting.len(),
            ..Holdings::default()
        };
        for (_, table) in &self.tables {
            holdings.ring_events += table.ring.len();
            holdings.ring_bytes += table.ring.bytes_from(0);
            holdings.frame_bytes += table.ring.frame_bytes();
        }
        for (_, reader) in &self.readers {
            holdings.rest_bytes += reader.rest.len();
            let pages = reader.subscriptions.iter().filter_map(|s| s.catch_up.as_ref());
            holdings.page_events += pages.map(|page| page.len()).sum::<usize>();
            holdings.web_bytes += reader.web.as_ref().map_or(0, |web| web.held_bytes());
        }
        holdings
    }
}
