//! One stored event.

use std::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::{EventId, EventName, Position};

/// One event of a log, shared by everybody who reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub position: Position,
    /// Its identity.
    pub id: EventId,
    /// Its kind.
    pub name: EventName,
    /// Its envelope's JSON, on one line.
    pub json: Bytes,
}

impl Event {
    /// Returns the event with this place, identity, kind and JSON.
    pub fn new(position: Position, id: EventId, name: EventName, json: Bytes) -> Self {
        Event { position, id, name, json }
    }
}

impl Hash for Event {
    /// Hashes what names the event; two with one place and one identity have one content.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.position, self.id).hash(state);
    }
}
