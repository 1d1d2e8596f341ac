//! What a load is told, and why there may be none.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::Keys;

/// How long readers may take to have a stream each.
pub(super) const OPEN_MAX: Duration = Duration::from_secs(30);

/// The greatest rate, in a second.
const RATE_MAX: f64 = 100_000.0;

/// The smallest that is one, so that what it is for is done at all.
const RATE_MIN: f64 = 0.001;

/// What the load is.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// Where clients come to.
    pub router: SocketAddr,
    /// Who they are; the replicas have to be given [`Keys::setting`].
    pub keys: Keys,
    /// Events a second, of all publishers together.
    pub events_per_second: f64,
    /// Readers that come and go; without it everybody stays as long as the server lets them.
    pub churn: Option<Churn>,
    /// After how many events, and messages, one is sent once more under its key; 0 for never.
    pub repeat_every: u64,
    /// Chat, where the replicas serve it.
    pub chat: Option<ChatLoad>,
    /// Pairs of measurements a second; 0 for none.
    pub pairs_per_second: f64,
    /// What is asked for in a measurement.
    pub probe_path: String,
}

/// Readers that come and go by themselves, each with its key, and resume behind what they have. Only by
/// opening a stream does a reader come to a canary that got a share meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Churn {
    /// Their share of the readers, in per cent.
    pub percent: u8,
    /// For how long each has a stream, in the mean.
    pub stay_seconds: f64,
    /// For how long it is away then, in the mean.
    pub away_seconds: f64,
}

/// The longest that a reader may stay or be away, in seconds.
const CHURN_SECONDS_MAX: f64 = 3600.0;

/// The shortest that one stays, so that opening streams is not all that is done.
const STAY_SECONDS_MIN: f64 = 0.1;

impl Default for Churn {
    fn default() -> Self {
        Churn { percent: 50, stay_seconds: 5.0, away_seconds: 0.5 }
    }
}

/// Checks that something can be done so often a second.
///
/// # Errors
/// Fails with what a rate may be.
pub(crate) fn check_rate(rate: f64) -> Result<(), String> {
    if rate == 0.0 || (RATE_MIN..=RATE_MAX).contains(&rate) {
        return Ok(());
    }
    Err(format!("0, or a number from {RATE_MIN} to {RATE_MAX} a second"))
}

impl Churn {
    /// Checks that readers can come and go like that.
    ///
    /// # Errors
    /// Fails with what a number may be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let stays = (STAY_SECONDS_MIN..=CHURN_SECONDS_MAX).contains(&self.stay_seconds);
        let is_away = (0.0..=CHURN_SECONDS_MAX).contains(&self.away_seconds);
        if self.percent > 100 || !stays || !is_away {
            return Err(format!(
                "churn: `percent` is 100 at most, `stay_seconds` from {STAY_SECONDS_MIN} to \
                 {CHURN_SECONDS_MAX}, `away_seconds` from 0 to {CHURN_SECONDS_MAX}"
            ));
        }
        Ok(())
    }
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
            churn: None,
            repeat_every: 5,
            chat: None,
            pairs_per_second: 10.0,
            probe_path: "/api/events?limit=1".to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<(), LoadError> {
        let rates = [Some(self.events_per_second), Some(self.pairs_per_second)];
        let rates = rates.into_iter().chain([self.chat.map(|chat| chat.messages_per_second)]);
        for rate in rates.flatten() {
            check_rate(rate).map_err(|what| LoadError::Settings(format!("a rate is {what}")))?;
        }
        self.churn.map_or(Ok(()), |churn| churn.check()).map_err(LoadError::Settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_come_and_go_at_times_that_can_be() {
        let good = Churn::default();
        assert_eq!(good.check(), Ok(()));
        for bad in [
            Churn { percent: 101, ..good },
            Churn { stay_seconds: 0.0, ..good },
            Churn { stay_seconds: f64::NAN, ..good },
            Churn { away_seconds: -1.0, ..good },
            Churn { away_seconds: 4000.0, ..good },
        ] {
            let fault = bad.check().unwrap_err();
            assert!(fault.contains("`stay_seconds` from 0.1 to 3600"), "{fault}");
        }
    }
}
