//! The streams that this process watches, each with the level of its hints.
//!
//! Nothing is queued: a hint raises a level, and the latest event stands beside it until it was taken
//! or another came, so that a flood of wake-ups costs no memory. Owns which channels are wanted; must
//! not know connections.

mod shelf;
mod silence;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use event::{Epoch, Event, Position, Seq, StreamName};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use self::{
    shelf::{Kept, Shelf},
    silence::Silence,
};
use super::{names::Names, wake::Said};
use crate::{BoxFuture, Wake, Watch};

/// Most streams that are watched at once; a further one is refused.
pub(super) const WATCHED_MAX: usize = 100_000;

/// What is known of a log's growth.
struct Hint {
    /// How often hints may have been missed, or the owner changed.
    unsure: u64,
    epoch: Option<Epoch>,
    head: Seq,
    /// The event at the head.
    latest: Option<Kept>,
}

/// One watched stream.
pub(super) struct Level {
    pub(super) names: Names,
    hint: watch::Sender<Hint>,
    shelf: Arc<Shelf>,
    /// The number of the connection on which its channel is subscribed.
    pub(super) subscribed_on: AtomicU64,
    silence: Mutex<Silence>,
}

/// All watched streams.
#[derive(Default)]
pub(super) struct Registry {
    levels: RwLock<Levels>,
    shelf: Arc<Shelf>,
    /// How many subscriptions were begun; each has its number.
    subscriptions: AtomicU64,
}

#[derive(Default)]
struct Levels {
    by_stream: HashMap<StreamName, Arc<Level>>,
    by_channel: HashMap<String, Arc<Level>>,
}

impl Level {
    fn new(names: Names, shelf: Arc<Shelf>) -> Self {
        let hint = Hint { unsure: 0, epoch: None, head: Seq::ZERO, latest: None };
        Level {
            names,
            hint: watch::Sender::new(hint),
            shelf,
            subscribed_on: AtomicU64::new(0),
            silence: Mutex::default(),
        }
    }

    /// Takes in where the log is said to end, and the event there.
    fn raise(&self, place: Position, event: Option<Arc<Event>>) {
        self.hint.send_if_modified(|hint| {
            let moved = hint.epoch.is_some_and(|epoch| epoch != place.epoch);
            let grew = place.seq > hint.head;
            if moved {
                hint.unsure += 1;
            }
            if moved || grew || hint.epoch.is_none() {
                hint.epoch = Some(place.epoch);
                hint.head = place.seq;
                // What another owner's first event goes on from is for the log to say.
                hint.latest = event.filter(|_| !moved).and_then(|event| self.shelf.keep(event));
            }
            moved || grew
        });
    }

    /// Forgets an event that its only reader has.
    fn taken(&self, event: &Arc<Event>) {
        if self.hint.receiver_count() == 1 {
            self.hint.send_if_modified(|hint| {
                hint.latest.take_if(|latest| Arc::ptr_eq(&latest.event, event));
                false
            });
        }
    }

    /// Says that hints may have been missed.
    pub(super) fn unsure(&self) {
        *self.silence.lock() = Silence::default();
        self.hint.send_modify(|hint| hint.unsure += 1);
    }

    /// Returns where hints say that the log ends.
    pub(super) fn said(&self) -> Option<Position> {
        let hint = self.hint.borrow();
        hint.epoch.map(|epoch| Position::new(epoch, hint.head))
    }

    /// Takes in where a check found that the log ends, and where hints had said so before it asked;
    /// returns whether the subscription was silent about it.
    pub(super) fn check(&self, said: Option<Position>, place: Position) -> bool {
        if said.is_some_and(|said| said.epoch == place.epoch && said.seq > place.seq) {
            self.lower(place);
        }
        self.raise(place, None);
        self.silence.lock().check(place.seq)
    }

    /// Takes back a hint that was too high: what came since may have passed for known.
    fn lower(&self, place: Position) {
        *self.silence.lock() = Silence::default();
        self.hint.send_modify(|hint| {
            hint.unsure += 1;
            (hint.epoch, hint.head, hint.latest) = (Some(place.epoch), place.seq, None);
        });
    }
}

impl Registry {
    /// Returns the number of another subscription.
    pub(super) fn next_subscription(&self) -> u64 {
        self.subscriptions.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Begins to watch a stream; `None` where too many are watched.
    pub(super) fn watch(&self, stream: &StreamName, names: &Names) -> Option<Following> {
        let mut levels = self.levels.write();
        if levels.by_stream.len() >= WATCHED_MAX && !levels.by_stream.contains_key(stream) {
            return None;
        }
        let level = levels.by_stream.entry(stream.clone());
        let new = || Arc::new(Level::new(names.clone(), Arc::clone(&self.shelf)));
        let level = Arc::clone(level.or_insert_with(new));
        levels.by_channel.insert(names.wake.clone(), Arc::clone(&level));
        let mut hint = level.hint.subscribe();
        let unsure = hint.borrow_and_update().unsure;
        Some(Following { hint, unsure, level })
    }

    /// Takes in where a stream is said to end, and the event there, if it is watched.
    pub(super) fn raise(&self, stream: &StreamName, place: Position, event: Option<Arc<Event>>) {
        if let Some(level) = self.levels.read().by_stream.get(stream) {
            level.raise(place, event);
        }
    }

    /// Takes in a message of a wake-up channel; one without a place still says that something was.
    pub(super) fn heard(
        &self,
        channel: &str,
        said: Option<Said>,
        believes: impl Fn(&Level) -> bool,
    ) {
        let levels = self.levels.read();
        let Some(level) = levels.by_channel.get(channel) else { return };
        match said {
            Some(Said { place, event }) => {
                level.silence.lock().heard(place.seq);
                level.raise(place, event.filter(|_| believes(level)));
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
        // Judged once: a reader that ends meanwhile must not take a level out of one map alone.
        let gone: Vec<String> = levels
            .by_stream
            .extract_if(|_, level| unwatched(level))
            .map(|(_, level)| level.names.wake.clone())
            .collect();
        for channel in &gone {
            levels.by_channel.remove(channel);
        }
        gone
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
pub(super) struct Following {
    hint: watch::Receiver<Hint>,
    unsure: u64,
    level: Arc<Level>,
}

impl Following {
    /// Returns what the level says now, and the event at its head.
    fn look(&mut self) -> (u64, Seq, Option<Arc<Event>>) {
        let hint = self.hint.borrow_and_update();
        let event = hint.latest.as_ref().map(|latest| Arc::clone(&latest.event));
        (hint.unsure, hint.head, event)
    }
}

impl Watch for Following {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            if self.hint.changed().await.is_err() {
                return Wake::Closed;
            }
            let (unsure, head, event) = self.look();
            if unsure != self.unsure {
                self.unsure = unsure;
                return Wake::Unsure;
            }
            let Some(event) = event else { return Wake::Head(head) };
            self.level.taken(&event);
            Wake::Event(event)
        })
    }
}

#[cfg(test)]
mod tests;
