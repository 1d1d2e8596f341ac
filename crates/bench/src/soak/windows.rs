//! How many bytes the server's windows hold, by what was published to them. Pure.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

/// What an event has besides its payload: the envelope around it, and the event's own record.
const BESIDE_BYTES: u64 = 400;

/// The server forgets what is too old every so often, not at once.
const TIDY: Duration = Duration::from_secs(6);

/// The windows of all streams, as they must be at the least and may be at the most.
#[derive(Debug)]
pub(super) struct Windows {
    events_max: usize,
    age_max: Duration,
    /// By stream: when each event came, and its bytes.
    streams: Vec<VecDeque<(Duration, u64)>>,
}

impl Windows {
    pub(super) fn new(streams: u32, events_max: u32, age_max: Duration) -> Self {
        let streams = vec![VecDeque::new(); streams as usize];
        Windows { events_max: events_max as usize, age_max: age_max + TIDY, streams }
    }

    /// Takes in events of one stream.
    pub(super) fn publish(&mut self, stream: u32, events: u32, payload_bytes: u32, at: Duration) {
        let window = &mut self.streams[stream as usize];
        let bytes = u64::from(payload_bytes) + BESIDE_BYTES;
        window.extend(std::iter::repeat_n((at, bytes), events as usize));
        let over = window.len().saturating_sub(self.events_max);
        window.drain(..over);
    }

    /// Returns the bytes that all windows hold together, each event once.
    pub(super) fn bytes(&mut self, now: Duration) -> u64 {
        let age_max = self.age_max;
        let is_old = |(at, _): &(Duration, u64)| now.saturating_sub(*at) > age_max;
        for window in &mut self.streams {
            while window.front().is_some_and(is_old) {
                window.pop_front();
            }
        }
        self.streams.iter().flatten().map(|(_, bytes)| bytes).sum()
    }
}
