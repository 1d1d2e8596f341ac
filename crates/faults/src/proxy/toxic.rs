//! The toxics, by the names and attributes that Toxiproxy gives them, and the set in force.

use std::time::Duration;

/// Which half of the traffic a toxic harms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Upstream,
    /// From the server to the client.
    Downstream,
}

/// What is done to one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toxic {
    /// Delays data by `latency`, give or take `jitter`; the order stays.
    Latency {
        /// The delay.
        latency: Duration,
        /// How far one delay may lie from it.
        jitter: Duration,
    },
    /// Lets through so much and no more.
    Bandwidth {
        /// In KB/s.
        rate: u64,
    },
    /// Passes on the end of a connection later.
    SlowClose {
        /// By how much.
        delay: Duration,
    },
    /// Stops all data, drops it, and cuts the connection after `timeout`. With zero it is a black
    /// hole until it is removed, and then the connection is cut, since its data is gone.
    Timeout {
        /// Counted from when the toxic took hold of the connection.
        timeout: Duration,
    },
    /// Resets the connection (`RST`) after `timeout`, at once with zero.
    ResetPeer {
        /// Counted from when the toxic took hold of the connection.
        timeout: Duration,
    },
    /// Cuts data into small pieces.
    Slicer {
        /// How many bytes a piece has on average.
        average_size: usize,
        /// How far one piece may lie from it.
        size_variation: usize,
        /// How long to wait after each piece.
        delay: Duration,
    },
    /// Cuts the connection after so many bytes.
    LimitData {
        /// Counted from when the toxic took hold of the connection.
        bytes: u64,
    },
    /// Does not pass on that one side closed (not a toxic of Toxiproxy's).
    HalfOpen,
}

/// A toxic in force.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    name: String,
    /// Another one for each change.
    pub(super) version: u64,
    pub(super) direction: Direction,
    pub(super) toxic: Toxic,
    pub(super) toxicity: f64,
}

/// The toxics in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Toxics {
    entries: Vec<Entry>,
    changes: u64,
}

impl Toxics {
    pub(super) fn set(&mut self, name: &str, direction: Direction, toxic: Toxic, toxicity: f64) {
        self.changes += 1;
        let version = self.changes;
        let entry = Entry { name: name.to_owned(), version, direction, toxic, toxicity };
        match self.entries.iter_mut().find(|entry| entry.name == name) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn of(&self, direction: Direction) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.direction == direction)
    }
}
