//! Idempotency keys of one log, for 24 hours.
//!
//! Kept in buckets, each shared until it changes, so that saving a log makes an append copy one
//! small bucket at most. Invariants: a key stands in one bucket; a bucket is forgotten only when
//! its youngest key has expired; `events` is the number of events that all keys remember.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use event::{EventId, MonoMs, Position, Seq};

use crate::{AppendError, Fingerprint, IdempotencyKey, Receipt};

/// How long a key is kept.
pub const KEY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Most events that the keys of one log remember; a further key is refused, since forgetting one
/// early could store an event twice.
pub const KEY_EVENTS_MAX: usize = 1_000_000;

/// How long a bucket takes new keys.
const BUCKET_SPAN: Duration = Duration::from_secs(3600);

/// How many keys a bucket takes.
const BUCKET_KEYS_MAX: usize = 8192;

/// What the first attempt with a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The digest of what was asked for.
    pub fingerprint: Fingerprint,
    /// The place of the first event.
    pub first: Position,
    /// The events' identities in order; their places follow each other.
    pub ids: Box<[EventId]>,
}

/// Keys that were first used one after another, within an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When the first of them was used.
    pub began: MonoMs,
    /// When the last of them was used.
    pub ended: MonoMs,
    /// What each of them did.
    pub done: HashMap<[u8; 16], Done>,
}

/// The keys of one log.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    buckets: VecDeque<Arc<Bucket>>,
    events: usize,
}

/// What is known of a key.
pub(super) enum Found {
    Nothing,
    Conflict,
    Same(Vec<Receipt>),
}

impl Keys {
    /// Returns the keys in these buckets, oldest first.
    pub fn from_buckets(buckets: impl IntoIterator<Item = Bucket>) -> Self {
        let buckets: VecDeque<_> = buckets.into_iter().map(Arc::new).collect();
        let events = buckets.iter().map(|bucket| bucket.events()).sum();
        Keys { buckets, events }
    }

    /// Returns the buckets, oldest first.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = &Bucket> {
        self.buckets.iter().map(|bucket| &**bucket)
    }

    /// Returns how many keys there are.
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.done.len()).sum()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether a key is known.
    pub(crate) fn knows(&self, key: &[u8; 16]) -> bool {
        self.buckets.iter().rev().any(|bucket| bucket.done.contains_key(key))
    }

    pub(super) fn find(&self, key: &IdempotencyKey) -> Found {
        let done = self.buckets.iter().rev().find_map(|bucket| bucket.done.get(&key.key));
        match done {
            None => Found::Nothing,
            Some(done) if done.fingerprint != key.fingerprint => Found::Conflict,
            Some(done) => Found::Same(done.receipts()),
        }
    }

    /// Returns what a key did within its day.
    ///
    /// # Errors
    /// Fails where it did something else.
    pub(crate) fn used(
        &self,
        key: &IdempotencyKey,
        now: MonoMs,
    ) -> Option<Result<Vec<Receipt>, AppendError>> {
        let is_fresh = |bucket: &&Arc<Bucket>| now.since(bucket.ended) <= KEY_AGE_MAX;
        let mut fresh = self.buckets.iter().rev().filter(is_fresh);
        let done = fresh.find_map(|bucket| bucket.done.get(&key.key))?;
        Some(match done.fingerprint == key.fingerprint {
            true => Ok(done.receipts()),
            false => Err(AppendError::Conflict),
        })
    }

    /// Fails where the keys can't remember so many events more.
    pub(super) fn check_room(&self, events: usize) -> Result<(), AppendError> {
        let fits = self.events + events <= KEY_EVENTS_MAX;
        if fits { Ok(()) } else { Err(AppendError::KeysFull) }
    }

    pub(crate) fn insert(&mut self, key: IdempotencyKey, receipts: &[Receipt], now: MonoMs) {
        let Some(first) = receipts.first() else { return };
        let done = Done {
            fingerprint: key.fingerprint,
            first: first.position,
            ids: receipts.iter().map(|receipt| receipt.id).collect(),
        };
        self.events += done.ids.len();
        if self.buckets.back().is_none_or(|bucket| bucket.is_full(now)) {
            let bucket = Bucket { began: now, ended: now, done: HashMap::new() };
            self.buckets.push_back(Arc::new(bucket));
        }
        let bucket = self.buckets.back_mut().expect("a bucket was just pushed where none fits");
        let bucket = Arc::make_mut(bucket);
        // One that came from elsewhere may be older than those before it.
        bucket.ended = bucket.ended.max(now);
        bucket.done.insert(key.key, done);
    }

    pub(super) fn expire(&mut self, now: MonoMs) {
        while self.buckets.front().is_some_and(|bucket| now.since(bucket.ended) > KEY_AGE_MAX) {
            let expired = self.buckets.pop_front();
            self.events -= expired.map_or(0, |bucket| bucket.events());
        }
    }
}

impl Bucket {
    fn events(&self) -> usize {
        self.done.values().map(|done| done.ids.len()).sum()
    }

    fn is_full(&self, now: MonoMs) -> bool {
        now.since(self.began) >= BUCKET_SPAN || self.done.len() >= BUCKET_KEYS_MAX
    }
}

impl Done {
    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        let numbered = self.ids.iter().zip(self.first.seq.0..);
        numbered
            .map(|(&id, seq)| Receipt { id, position: Position::new(self.first.epoch, Seq(seq)) })
            .collect()
    }
}
