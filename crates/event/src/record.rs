//! One stored event, with a place where transports keep its encoded forms.

use std::{
    hash::{Hash, Hasher},
    sync::OnceLock,
};

use bytes::Bytes;

use crate::{EventId, EventName, Position};

/// One event of a log, shared by everybody who reads it.
#[derive(Debug)]
pub struct Event {
    /// Its place.
    pub position: Position,
    /// Its identity.
    pub id: EventId,
    /// Its kind.
    pub name: EventName,
    /// Its envelope's JSON, on one line.
    pub json: Bytes,
    encoded: [OnceLock<Bytes>; Framing::COUNT],
}

/// A wire form in which an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-Sent Events.
    Sse,
    /// A WebSocket text message.
    WebSocket,
    /// A compressed WebSocket text message.
    WebSocketDeflate,
}

impl Framing {
    const COUNT: usize = 3;
}

impl Event {
    /// Returns the event with nothing encoded yet.
    pub fn new(position: Position, id: EventId, name: EventName, json: Bytes) -> Self {
        Event { position, id, name, json, encoded: Default::default() }
    }

    /// Returns the event's bytes in a wire form; `encode` runs once for all readers together.
    pub fn encoded(&self, framing: Framing, encode: impl FnOnce(&Event) -> Bytes) -> &Bytes {
        self.encoded[framing as usize].get_or_init(|| encode(self))
    }
}

impl PartialEq for Event {
    /// Compares what was published; what happens to be encoded is no part of it.
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
            && self.id == other.id
            && self.name == other.name
            && self.json == other.json
    }
}

impl Eq for Event {}

impl Hash for Event {
    /// Hashes what names the event; two with one place and one identity have one content.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.position, self.id).hash(state);
    }
}
