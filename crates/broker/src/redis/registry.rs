//! The streams that this process watches, each with the level of its hints.
//!
//! Nothing is queued: a hint raises a level, so that a flood of wake-ups costs no memory. Owns which
//! channels are wanted; must not know connections.

mod silence;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use event::{Epoch, Position, Seq, StreamName};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use self::silence::Silence;
use super::names::Names;
use crate::{BoxFuture, Wake, Watch};

/// Most streams that are watched at once; a further one is refused.
pub(super) const WATCHED_MAX: usize = 100_000;

/// What is known of a log's growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hint {
    /// How often hints may have been missed, or the owner changed.
    unsure: u64,
    epoch: Option<Epoch>,
    head: Seq,
}

/// One watched stream.
pub(super) struct Level {
    pub(super) names: Names,
    hint: watch::Sender<Hint>,
    /// The number of the connection on which its channel is subscribed.
    pub(super) subscribed_on: AtomicU64,
    silence: Mutex<Silence>,
}

/// All watched streams.
#[derive(Default)]
pub(super) struct Registry {
    levels: RwLock<Levels>,
    /// How many subscriptions were begun; each has its number.
    subscriptions: AtomicU64,
}

#[derive(Default)]
struct Levels {
    by_stream: HashMap<StreamName, Arc<Level>>,
    by_channel: HashMap<String, Arc<Level>>,
}

impl Level {
    fn new(names: Names) -> Self {
        let hint = Hint { unsure: 0, epoch: None, head: Seq::ZERO };
        Level {
            names,
            hint: watch::Sender::new(hint),
            subscribed_on: AtomicU64::new(0),
            silence: Mutex::default(),
        }
    }

    /// Takes in where the log is said to end.
    fn raise(&self, place: Position) {
        self.hint.send_if_modified(|hint| {
            let moved = hint.epoch.is_some_and(|epoch| epoch != place.epoch);
            let grew = place.seq > hint.head;
            if moved {
                hint.unsure += 1;
            }
            if moved || grew || hint.epoch.is_none() {
                hint.epoch = Some(place.epoch);
                hint.head = place.seq;
            }
            moved || grew
        });
    }

    /// Says that hints may have been missed.
    pub(super) fn unsure(&self) {
        *self.silence.lock() = Silence::default();
        self.hint.send_modify(|hint| hint.unsure += 1);
    }

    /// Takes in what a check found; returns whether the subscription was silent about it.
    pub(super) fn check(&self, place: Position) -> bool {
        self.raise(place);
        self.silence.lock().check(place.seq)
    }
}

impl Registry {
    /// Returns the number of another subscription.
    pub(super) fn next_subscription(&self) -> u64 {
        self.subscriptions.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Begins to watch a stream; `None` where too many are watched.
    pub(super) fn watch(
        &self,
        stream: &StreamName,
        names: &Names,
    ) -> Option<(Arc<Level>, Box<dyn Watch>)> {
        let mut levels = self.levels.write();
        if levels.by_stream.len() >= WATCHED_MAX && !levels.by_stream.contains_key(stream) {
            return None;
        }
        let level = levels.by_stream.entry(stream.clone());
        let level = Arc::clone(level.or_insert_with(|| Arc::new(Level::new(names.clone()))));
        levels.by_channel.insert(names.wake.clone(), Arc::clone(&level));
        let mut hint = level.hint.subscribe();
        let unsure = hint.borrow_and_update().unsure;
        Some((level, Box::new(Following { hint, unsure })))
    }

    /// Takes in where a stream is said to end, if it is watched.
    pub(super) fn raise(&self, stream: &StreamName, place: Position) {
        if let Some(level) = self.levels.read().by_stream.get(stream) {
            level.raise(place);
        }
    }

    /// Takes in a message of a wake-up channel; one without a place still says that something was.
    pub(super) fn heard(&self, channel: &str, place: Option<Position>) {
        let levels = self.levels.read();
        let Some(level) = levels.by_channel.get(channel) else { return };
        match place {
            Some(place) => {
                level.silence.lock().heard(place.seq);
                level.raise(place);
            }
            None => level.unsure(),
        }
    }

    /// Returns all that is watched.
    pub(super) fn all(&self) -> Vec<Arc<Level>> {
        self.levels.read().by_stream.values().cloned().collect()
    }

    /// Forgets what nobody watches any more of a subscription's, and returns the channels.
    pub(super) fn forget_unwatched(&self, subscription: u64) -> Vec<String> {
        let mut levels = self.levels.write();
        let unwatched = |level: &Level| {
            let on = level.subscribed_on.load(Ordering::Acquire);
            level.hint.receiver_count() == 0 && on == subscription
        };
        levels.by_stream.retain(|_, level| !unwatched(level));
        let gone = levels.by_channel.extract_if(|_, level| unwatched(level));
        gone.map(|(channel, _)| channel).collect()
    }

    /// Returns the level of a channel that is watched.
    pub(super) fn of_channel(&self, channel: &str) -> Option<Arc<Level>> {
        self.levels.read().by_channel.get(channel).cloned()
    }
}

impl Level {
    /// Says on which connection the channel is heard; returns whether that is new.
    pub(super) fn subscribed(&self, number: u64) -> bool {
        self.subscribed_on.swap(number, Ordering::AcqRel) != number
    }
}

/// One reader's view of a level.
struct Following {
    hint: watch::Receiver<Hint>,
    unsure: u64,
}

impl Watch for Following {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            if self.hint.changed().await.is_err() {
                return Wake::Closed;
            }
            let hint = *self.hint.borrow_and_update();
            if hint.unsure == self.unsure {
                return Wake::Head(hint.head);
            }
            self.unsure = hint.unsure;
            Wake::Unsure
        })
    }
}

#[cfg(test)]
mod tests;
