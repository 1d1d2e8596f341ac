//! What publishers know: what was sent, what was acknowledged, and what each event looks like.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use event::{EventId, Position};
use parking_lot::Mutex;

use crate::{http::Answer, payload::Stamp};

/// The whole of what publishers know.
#[derive(Debug)]
pub(crate) struct Facts {
    began: Instant,
    publishers: Vec<Mutex<Vec<Sent>>>,
    seen: Mutex<SeenByAll>,
    twice: Mutex<Vec<Twice>>,
    /// How publishes were answered.
    answers: Mutex<BTreeMap<String, u64>>,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) fate: Fate,
    pub(crate) ended_ms: u64,
    /// The replica that answered last.
    pub(crate) replica: usize,
    /// The first of its list, and how many it has.
    pub(crate) first: u64,
    pub(crate) of: u64,
}

/// What its publisher was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is under way.
    Open,
    /// It is there.
    Acknowledged(EventId),
    /// It may be there.
    Unknown,
}

/// One key that was answered with two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Twice {
    pub(crate) by: usize,
    pub(crate) n: u64,
    pub(crate) at_ms: u64,
}

#[derive(Debug, Default)]
struct SeenByAll {
    /// The first identity that each event was seen with.
    first: HashMap<(usize, u64), EventId>,
    digests: HashMap<EventId, u64>,
    places: HashMap<Position, EventId>,
}

/// How an event compares with what others saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Whether its identity is the first that was seen of this event.
    pub(crate) is_first: bool,
    pub(crate) same_bytes: bool,
    pub(crate) same_place: bool,
}

impl Facts {
    /// Returns the facts of a run that begins now.
    pub(crate) fn new(publishers: usize) -> Self {
        Facts {
            began: Instant::now(),
            publishers: (0..publishers).map(|_| Mutex::default()).collect(),
            seen: Mutex::default(),
            twice: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// Returns the run's time.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns when a time of the run is.
    pub(crate) fn at(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms)
    }

    /// Notes that a publisher sends its next events; returns their stamps.
    pub(crate) fn begin(&self, by: usize, of: u64) -> Vec<Stamp> {
        let mut sent = self.publishers[by].lock();
        let first = sent.len() as u64;
        let open = Sent { fate: Fate::Open, ended_ms: 0, replica: 0, first, of };
        sent.extend((0..of).map(|_| open));
        (first..first + of).map(|n| Stamp { by, n, first, of }).collect()
    }

    /// Notes what became of an event.
    pub(crate) fn end(&self, stamp: Stamp, replica: usize, fate: Fate) {
        let ended_ms = self.now_ms();
        let mut sent = self.publishers[stamp.by].lock();
        if let Some(sent) = usize::try_from(stamp.n).ok().and_then(|n| sent.get_mut(n)) {
            *sent = Sent { fate, ended_ms, replica, ..*sent };
        }
    }

    /// Notes that a key was answered with another event than before.
    pub(crate) fn answered_twice(&self, stamp: Stamp) {
        let twice = Twice { by: stamp.by, n: stamp.n, at_ms: self.now_ms() };
        self.twice.lock().push(twice);
    }

    /// Notes how a publish was answered.
    pub(crate) fn answered(&self, answer: &Answer) {
        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        let word = format!("{} {code}", answer.status);
        *self.answers.lock().entry(word.trim().to_owned()).or_default() += 1;
    }

    /// Returns how publishes were answered.
    pub(crate) fn answers(&self) -> BTreeMap<String, u64> {
        self.answers.lock().clone()
    }

    /// Compares what a reader received with what others did.
    pub(crate) fn see(&self, stamp: Stamp, at: Position, id: EventId, digest: u64) -> Compared {
        let mut seen = self.seen.lock();
        Compared {
            is_first: *seen.first.entry((stamp.by, stamp.n)).or_insert(id) == id,
            same_bytes: *seen.digests.entry(id).or_insert(digest) == digest,
            same_place: *seen.places.entry(at).or_insert(id) == id,
        }
    }

    /// Returns whether this identity is the first that was seen of an event.
    pub(crate) fn is_first(&self, by: usize, n: u64, id: EventId) -> bool {
        self.seen.lock().first.get(&(by, n)).is_none_or(|first| *first == id)
    }

    /// Returns the events that any reader received in such a place, as publisher and number.
    pub(crate) fn seen_at(&self, is_such: impl Fn(Position) -> bool) -> HashSet<(usize, u64)> {
        let seen = self.seen.lock();
        let there = seen.places.iter().filter(|(at, _)| is_such(**at));
        let ids: HashSet<_> = there.map(|(_, id)| *id).collect();
        let stamps = seen.first.iter().filter(|(_, id)| ids.contains(id));
        stamps.map(|(stamp, _)| *stamp).collect()
    }

    /// Returns what any reader received in which place, one a line.
    pub(crate) fn places(&self) -> String {
        let seen = self.seen.lock();
        let stamps: HashMap<_, _> = seen.first.iter().map(|(stamp, id)| (*id, *stamp)).collect();
        let mut lines: Vec<_> = seen
            .places
            .iter()
            .map(|(at, id)| match stamps.get(id) {
                Some((by, n)) => format!("{at} {id} {by}/{n}\n"),
                None => format!("{at} {id}\n"),
            })
            .collect();
        lines.sort_unstable();
        lines.concat()
    }

    /// Returns what became of an event.
    pub(crate) fn sent(&self, by: usize, n: u64) -> Option<Sent> {
        self.publishers.get(by)?.lock().get(usize::try_from(n).ok()?).copied()
    }

    /// Returns what became of all that a publisher sent.
    pub(crate) fn all(&self, by: usize) -> Vec<Sent> {
        self.publishers[by].lock().clone()
    }

    /// Returns how many publishers there are.
    pub(crate) fn publishers(&self) -> usize {
        self.publishers.len()
    }

    /// Returns how many events were sent, and how many acknowledged.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let mut counts = (0, 0);
        for sent in self.publishers.iter().flat_map(|sent| sent.lock().clone()) {
            counts.0 += 1;
            counts.1 += u64::from(matches!(sent.fate, Fate::Acknowledged(_)));
        }
        counts
    }

    /// Returns the keys that were answered with two events.
    pub(crate) fn twice(&self) -> Vec<Twice> {
        self.twice.lock().clone()
    }
}
