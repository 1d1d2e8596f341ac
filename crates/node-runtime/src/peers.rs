//! What replicas must agree on, and what one finds that compares itself with the others.
//!
//! Pure. Each replica says in Redis how it is set up; what differs is told, and changes nothing:
//! during a rollout replicas do differ. A clock that is off is told by its own replica alone, which
//! is degraded by it: the times in its events are wrong.

use std::time::Duration;

use broker::{HealthState, Notices};
use event::UnixMs;
use serde::{Deserialize, Serialize};

use crate::{replica, settings::RealtimeSettings};

/// How old a note may be whose replica is thought to run.
const FRESH: Duration = Duration::from_secs(30);

/// How far a clock may be from Redis's.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(5);

/// Most differences that are told.
const DIFFERENCES_MAX: usize = 8;

/// What all replicas should have alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreed {
    replay_window_seconds: u64,
    replay_max_events: usize,
    enforce_redis: bool,
    chat_channel_prefix: String,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// How far this clock is ahead of Redis's in seconds, where that is too far.
    pub(crate) clock_off_s: Option<i64>,
    /// What differs, a sentence each.
    pub(crate) differences: Vec<String>,
}

/// When notes were asked for, by this replica's clock, and how long the answer took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadAt {
    pub(crate) unix: UnixMs,
    pub(crate) took: Duration,
}

impl Agreed {
    pub(crate) fn of(settings: &RealtimeSettings) -> Self {
        Agreed {
            replay_window_seconds: settings.replay_window.as_secs(),
            replay_max_events: settings.replay_events_max,
            enforce_redis: settings.enforce_redis,
            chat_channel_prefix: settings.chat_channel_prefix.clone(),
        }
    }

    /// Returns what this replica says of itself.
    pub(crate) fn note(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts are JSON")
    }

    fn differences(&self, other: &Agreed, replica: &str) -> Vec<String> {
        let differs = |name: &str, ours: &dyn ToString, theirs: &dyn ToString| {
            let (ours, theirs) = (ours.to_string(), theirs.to_string());
            let what = format!("{name} is {ours} here and {theirs} on replica {replica}");
            (ours != theirs).then_some(what)
        };
        let window = (&self.replay_window_seconds, &other.replay_window_seconds);
        let events = (&self.replay_max_events, &other.replay_max_events);
        let strict = (&self.enforce_redis, &other.enforce_redis);
        let prefix = || format!("CHAT_REALTIME_CHANNEL_PREFIX is another one on replica {replica}");
        [
            differs("REALTIME_REPLAY_WINDOW_SECONDS", window.0, window.1),
            differs("REALTIME_REPLAY_MAX_EVENTS", events.0, events.1),
            differs("REALTIME_ENFORCE_REDIS", strict.0, strict.1),
            // It is somebody else's text, and this one is shown to everybody.
            (self.chat_channel_prefix != other.chat_channel_prefix).then(prefix),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Findings {
    /// Compares a replica with what the others say.
    pub(crate) fn of(ours: &Agreed, notices: &Notices, read: ReadAt) -> Self {
        let is_fresh = |at: UnixMs| u128::from(notices.now.0.abs_diff(at.0)) <= FRESH.as_millis();
        let mut differences: Vec<_> = notices
            .others
            .iter()
            .filter(|notice| is_fresh(notice.at) && replica::is_name(&notice.replica))
            .filter_map(|notice| {
                // A replica of another version may say something else.
                let theirs: Agreed = serde_json::from_str(&notice.text).ok()?;
                Some(ours.differences(&theirs, &notice.replica))
            })
            .flatten()
            .collect();
        differences.sort();
        differences.truncate(DIFFERENCES_MAX);
        Findings { clock_off_s: clock_off(notices.now, read), differences }
    }

    /// Returns how much of it is a fault of this replica.
    pub(crate) fn state(&self) -> HealthState {
        match self.clock_off_s {
            Some(_) => HealthState::Degraded,
            None => HealthState::Healthy,
        }
    }

    /// Returns whether there is nothing new to tell: a clock that is off keeps drifting.
    pub(crate) fn is_like(&self, other: &Findings) -> bool {
        self.clock_off_s.is_some() == other.clock_off_s.is_some()
            && self.differences == other.differences
    }

    /// Returns what is to be told, if anything.
    pub(crate) fn reason(&self) -> Option<String> {
        let clock = self.clock_off_s.map(|off| {
            let way = if off > 0 { "ahead of" } else { "behind" };
            format!("this clock is {} s {way} Redis's", off.abs())
        });
        let all: Vec<_> = clock.into_iter().chain(self.differences.iter().cloned()).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Judges only what the time that the question took can't explain.
fn clock_off(redis: UnixMs, read: ReadAt) -> Option<i64> {
    let off = read.unix.0.abs_diff(redis.0);
    let most = CLOCK_OFF_MAX + read.took;
    let off_s = i64::try_from(off / 1000).unwrap_or(i64::MAX);
    (u128::from(off) > most.as_millis()).then_some(if read.unix > redis { off_s } else { -off_s })
}

#[cfg(test)]
mod tests;
