//! What a load is told, and why there may be none.

use std::{net::SocketAddr, time::Duration};

use super::Keys;

/// How long readers may take to have a stream each.
pub(super) const OPEN_MAX: Duration = Duration::from_secs(30);

/// The greatest rate, in a second.
const RATE_MAX: f64 = 100_000.0;

/// What the load is.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// Where clients come to.
    pub router: SocketAddr,
    /// Who they are; the replicas have to be given [`Keys::setting`].
    pub keys: Keys,
    /// Events a second, of all publishers together.
    pub events_per_second: f64,
    /// After how many events, and messages, one is sent once more under its key; 0 for never.
    pub repeat_every: u64,
    /// Chat, where the replicas serve it.
    pub chat: Option<ChatLoad>,
    /// Pairs of measurements a second; 0 for none.
    pub pairs_per_second: f64,
    /// What is asked for in a measurement.
    pub probe_path: String,
}

/// What members of chat do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChatLoad {
    /// How many threads there are; everybody is a member of each.
    pub threads: usize,
    /// Messages a second, of all members together.
    pub messages_per_second: f64,
}

/// A load that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Readers could not open their streams.
    #[error("{open} of {of} readers have a stream after {} s: {why}", OPEN_MAX.as_secs())]
    NotOpen {
        /// How many could.
        open: usize,
        /// How many there are.
        of: usize,
        /// What one of the others was told.
        why: String,
    },
    /// Chat's threads could not be made.
    #[error("no thread can be made: {0}; chat needs a server that has it, and a database")]
    Chat(String),
    /// Settings that make no load.
    #[error("{0}")]
    Settings(String),
}

impl LoadSettings {
    /// Returns a load without chat: ten events a second, every fifth once more, ten pairs a second.
    pub fn new(router: SocketAddr, keys: Keys) -> Self {
        LoadSettings {
            router,
            keys,
            events_per_second: 10.0,
            repeat_every: 5,
            chat: None,
            pairs_per_second: 10.0,
            probe_path: "/api/events?limit=1".to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<(), LoadError> {
        let rates = [Some(self.events_per_second), Some(self.pairs_per_second)];
        let rates = rates.into_iter().chain([self.chat.map(|chat| chat.messages_per_second)]);
        if rates.flatten().any(|rate| !(rate.is_finite() && (0.0..=RATE_MAX).contains(&rate))) {
            return Err(LoadError::Settings(
                "a rate is a number from 0 to 100,000 a second".into(),
            ));
        }
        Ok(())
    }
}
