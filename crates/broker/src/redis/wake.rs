//! What a wake-up says, read as anything from outside: `EPOCH-SEQ`, or `EPOCH-SEQ JSON` after an
//! append of one small event, with its envelope.
//!
//! A replica that does not know the longer form takes it for a hint without a place, and reads the
//! log.

use std::sync::Arc;

use bytes::Bytes;
use event::{Event, Position, Seq};
use redis::Value;
use serde_json::value::RawValue;

use super::envelope::head_of;
use crate::number_text::NUMBER_MAX;

/// The largest envelope that a wake-up carries; `WAKE_BYTES_MAX` in `log.lua`.
pub(super) const EVENT_BYTES_MAX: usize = 4096;

/// How long `EPOCH-SEQ` may be.
const PLACE_BYTES_MAX: usize = 64;

/// Where a log is said to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) place: Position,
    /// The event at that place.
    pub(super) event: Option<Arc<Event>>,
}

impl Said {
    /// Reads a message; `None` where it says no more than that something was.
    pub(super) fn read(message: Value) -> Option<Said> {
        let Value::BulkString(bytes) = message else { return None };
        if bytes.len() > PLACE_BYTES_MAX + 1 + EVENT_BYTES_MAX {
            return None;
        }
        let space = bytes.iter().take(PLACE_BYTES_MAX + 1).position(|&byte| byte == b' ');
        let Some(space) = space else {
            let place = place_from(&bytes)?;
            return Some(Said { place, event: None });
        };
        let place = place_from(&bytes[..space])?;
        let json = Bytes::from(bytes).slice(space + 1..);
        let (id, name) = head_of(&json).filter(|_| place.seq > Seq::ZERO && is_whole(&json))?;
        Some(Said { place, event: Some(Arc::new(Event::new(place, id, name, json))) })
    }
}

fn place_from(bytes: &[u8]) -> Option<Position> {
    let place: Position = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (place.seq.0 <= NUMBER_MAX).then_some(place)
}

/// Returns whether a text is JSON on one line: another's must not break the framing that readers get
/// it in.
fn is_whole(json: &[u8]) -> bool {
    let is_one_line = json.iter().all(|&byte| byte >= b' ');
    is_one_line && serde_json::from_slice::<&RawValue>(json).is_ok()
}

#[cfg(test)]
mod tests {
    use event::{Envelope, Epoch, EventId, Payload, Position, Seq};
    use redis::Value;

    use super::{EVENT_BYTES_MAX, Said};

    fn envelope() -> Vec<u8> {
        let envelope = Envelope {
            id: EventId::from_bits(7),
            org_id: "org".parse().unwrap(),
            event: "a.b".parse().unwrap(),
            payload: Payload::empty(),
        };
        envelope.to_json().to_vec()
    }

    fn read(place: &str, rest: &[u8]) -> Option<Said> {
        Said::read(Value::BulkString([place.as_bytes(), rest].concat()))
    }

    fn place() -> Position {
        Position::new(Epoch::from_bits(5), Seq(9))
    }

    #[test]
    fn both_forms_are_read() {
        let text = place().to_string();
        assert_eq!(read(&text, b""), Some(Said { place: place(), event: None }));
        let json = [b" ".as_slice(), &envelope()].concat();
        let event = read(&text, &json).and_then(|said| said.event).unwrap();
        assert_eq!((event.position, event.id), (place(), EventId::from_bits(7)));
        assert_eq!((event.name.as_str(), &event.json[..]), ("a.b", &envelope()[..]));
    }

    #[test]
    fn what_is_damaged_or_forged_says_nothing() {
        let (text, whole) = (place().to_string(), envelope());
        let cut = &whole[..whole.len() - 1];
        let long = [&whole[..whole.len() - 2], &vec![b' '; EVENT_BYTES_MAX], b"}}"].concat();
        let split = [&whole[..whole.len() - 1], b"\n\n}"].concat();
        let other = br#"{"name":"x","id":"evt_1"}"#.to_vec();
        let not_text = [&whole[..whole.len() - 1], b"\xff}"].concat();
        for json in [cut, &long, &split, &other, &not_text, b"", b" {}"] {
            assert_eq!(read(&text, &[b" ", json].concat()), None, "{}", json.escape_ascii());
        }
        for bad in ["", "-", "x-1", "5", " "] {
            assert_eq!(read(bad, &[b" ", &whole[..]].concat()), None, "{bad}");
        }
        let zero = Position::new(Epoch::from_bits(5), Seq::ZERO).to_string();
        assert_eq!(read(&zero, &[b" ", &whole[..]].concat()), None);
        assert_eq!(Said::read(Value::Nil), None);
    }

    /// What a replica of an earlier version does with a message: it reads it as a place.
    #[test]
    fn the_longer_form_is_no_place_to_those_who_do_not_know_it() {
        let text = format!("{} {}", place(), String::from_utf8(envelope()).unwrap());
        assert!(text.parse::<Position>().is_err());
    }
}
