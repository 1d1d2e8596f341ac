//! What goes into a log, and what comes back when it is there.

use bytes::Bytes;
use event::{EventId, EventName, OrgId, Position};
use sha2::{Digest, Sha256};

/// An event that has its identity but not yet its place.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its identity, given once and kept for ever.
    pub id: EventId,
    /// Its kind.
    pub name: EventName,
    /// Its envelope's JSON, on one line.
    pub json: Bytes,
}

/// Events that go into one log together: all of them, next to each other, or none.
#[derive(Clone, Debug)]
pub struct Append {
    /// The events in their order; at least one.
    pub events: Vec<NewEvent>,
    /// What makes a repeated attempt harmless.
    pub idempotency: Option<IdempotencyKey>,
}

impl Append {
    /// Returns an append of one event without an idempotency key.
    pub fn one(event: NewEvent) -> Self {
        Append { events: vec![event], idempotency: None }
    }
}

/// A caller's key, scoped and digested, with the digest of what the caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key's own digest: scope and text.
    pub key: [u8; 16],
    /// The request's digest; the same key with another one is a conflict.
    pub fingerprint: Fingerprint,
}

/// SHA-256 of a request's bytes.
pub type Fingerprint = [u8; 32];

impl IdempotencyKey {
    /// Digests a key that a client sent.
    ///
    /// The scope is the organisation and the route. 128 bits of SHA-256 are kept: at the most keys
    /// that a log holds, two of them collide with a chance below 2⁻⁸⁰.
    pub fn new(org: &OrgId, route: &str, key: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [org.as_str(), route, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        IdempotencyKey { key: short, fingerprint: Sha256::digest(body).into() }
    }
}

/// Where an event went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event's identity.
    pub id: EventId,
    /// The event's place.
    pub position: Position,
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The events are in the log, in this order.
    First(Vec<Receipt>),
    /// An earlier attempt with this key had put them there.
    Replayed(Vec<Receipt>),
}

impl Appended {
    /// Returns where the events are, whichever attempt put them there.
    pub fn receipts(&self) -> &[Receipt] {
        match self {
            Appended::First(receipts) | Appended::Replayed(receipts) => receipts,
        }
    }
}

/// Why nothing was appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used with another body")]
    Conflict,
    /// The log holds as many unexpired idempotency keys as it may; none is forgotten early.
    #[error("too many idempotency keys within 24 h; retry later or publish without a key")]
    KeysFull,
    /// The backend holds as many logs as it may.
    #[error("too many streams")]
    StreamsFull,
    /// The backend can't take it now; whether an event was stored is not known where `maybe` is set.
    #[error("the backend is unavailable: {reason}")]
    Unavailable {
        /// What is wrong, for the log.
        reason: String,
        /// Whether the events may nevertheless have been stored.
        maybe: bool,
    },
}
