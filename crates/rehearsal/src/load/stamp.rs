//! What an event or a message of the load says: whose it is and which one. All of it follows from that,
//! byte for byte, so that a reader can tell whether it came as it was sent. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The name of the load's events.
pub(super) const EVENT: &str = "rehearsal.tick";

/// Which event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Stamp {
    /// Whose: a publisher, or a member in a thread.
    pub(super) lane: u32,
    /// Which of that lane's it is.
    pub(super) n: u64,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// One of the load's, as it was sent, under an identity.
    Ours { stamp: Stamp, id: Identity },
    /// One of the load's, and not as it was sent.
    Altered,
    /// Somebody else's.
    Foreign,
}

/// What an event or a message is known by: the first half of its id's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity(u128);

/// What tells this load's events from those of another one on the same organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunName(String);

#[derive(Deserialize)]
struct Payload<'a> {
    run: &'a str,
    lane: u32,
    n: u64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: &'a str,
    event: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A message of chat, as far as it is looked at.
#[derive(Deserialize)]
struct Message<'a> {
    message_id: &'a str,
    seq: u64,
    body: &'a str,
}

impl Identity {
    pub(super) fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        Identity(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

impl RunName {
    pub(super) fn draw() -> Self {
        RunName(data_encoding::HEXLOWER.encode(&rand::random::<[u8; 6]>()))
    }

    /// Returns an event as it is published.
    pub(super) fn event(&self, stamp: Stamp) -> String {
        format!(r#"{{"event":"{EVENT}","payload":{}}}"#, self.payload(stamp))
    }

    fn payload(&self, Stamp { lane, n }: Stamp) -> String {
        let fill = fill(lane, n);
        format!(r#"{{"run":"{}","lane":{lane},"n":{n},"fill":"{fill}"}}"#, self.0)
    }

    /// Returns the text of a message.
    pub(super) fn body(&self, Stamp { lane, n }: Stamp) -> String {
        format!("{} {lane} {n} {}", self.0, fill(lane, n))
    }

    /// Returns the key under which it is sent, however often.
    pub(super) fn key(&self, Stamp { lane, n }: Stamp) -> String {
        format!("{}-{lane}-{n}", self.0)
    }

    /// Reads an envelope.
    pub(super) fn read_event(&self, json: &[u8]) -> Said {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(json) else {
            return Said::Altered;
        };
        if envelope.event != EVENT {
            return Said::Foreign;
        }
        match serde_json::from_str::<Payload<'_>>(envelope.payload.get()) {
            Ok(payload) if payload.run != self.0 => Said::Foreign,
            Ok(Payload { lane, n, .. }) => {
                let stamp = Stamp { lane, n };
                let is_as_sent = self.payload(stamp) == envelope.payload.get();
                said(stamp, envelope.id, is_as_sent)
            }
            Err(_) => Said::Altered,
        }
    }

    /// Reads a message that came under a number.
    pub(super) fn read_message(&self, json: &[u8], number: u64) -> Said {
        let Ok(message) = serde_json::from_slice::<Message<'_>>(json) else {
            return Said::Altered;
        };
        let mut words = message.body.splitn(4, ' ');
        if words.next() != Some(&self.0) {
            return Said::Foreign;
        }
        let numbers = words.next().and_then(|lane| lane.parse().ok());
        let numbers = numbers.zip(words.next().and_then(|n| n.parse().ok()));
        let Some((lane, n)) = numbers else { return Said::Altered };
        let stamp = Stamp { lane, n };
        let is_as_sent = self.body(stamp) == message.body && message.seq == number;
        said(stamp, message.message_id, is_as_sent)
    }
}

fn said(stamp: Stamp, id: &str, is_as_sent: bool) -> Said {
    match is_as_sent {
        true => Said::Ours { stamp, id: Identity::of(id) },
        false => Said::Altered,
    }
}

/// Most are small, and a few large.
fn fill(lane: u32, n: u64) -> String {
    let mixed = n.wrapping_mul(2_654_435_761).wrapping_add(u64::from(lane) * 40_503) >> 7;
    let bytes = if mixed.is_multiple_of(53) { 900 + mixed % 900 } else { mixed % 240 };
    "x".repeat(usize::try_from(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { lane: 3, n: 52 };

    fn envelope(payload: &str) -> String {
        format!(r#"{{"id":"evt_x","org_id":"o","event":"{EVENT}","payload":{payload}}}"#)
    }

    fn ours() -> Said {
        Said::Ours { stamp: STAMP, id: Identity::of("evt_x") }
    }

    #[test]
    fn an_event_is_read_back_and_a_changed_one_is_told() {
        let run = RunName::draw();
        let sent = run.payload(STAMP);
        assert_eq!(run.read_event(envelope(&sent).as_bytes()), ours());
        for changed in [
            sent.replace("\"n\":52", "\"n\":53"),
            sent.replace("\"lane\":3", "\"lane\":4"),
            sent.replace("\"fill\":\"", "\"fill\":\"y"),
            sent.replace("\"lane\":3,", ""),
            sent.replace(",\"n\"", ", \"n\""),
        ] {
            assert_eq!(run.read_event(envelope(&changed).as_bytes()), Said::Altered, "{changed}");
        }
        assert_eq!(run.read_event(b"{"), Said::Altered);
        let other = envelope(&RunName::draw().payload(STAMP));
        assert_eq!(run.read_event(other.as_bytes()), Said::Foreign);
        let other = envelope("{}").replace(EVENT, "another.event");
        assert_eq!(run.read_event(other.as_bytes()), Said::Foreign);
    }

    #[test]
    fn a_message_is_read_back_and_a_changed_one_is_told() {
        let run = RunName::draw();
        let message = |body: &str| {
            format!(r#"{{"message_id":"evt_x","seq":7,"body":"{body}"}}"#).into_bytes()
        };
        let sent = run.body(STAMP);
        assert!(sent.len() <= 2000);
        assert_eq!(run.read_message(&message(&sent), 7), ours());
        assert_eq!(run.read_message(&message(&sent), 8), Said::Altered);
        assert_eq!(run.read_message(&message(&format!("{sent}x")), 7), Said::Altered);
        assert_eq!(run.read_message(&message(&format!("{} 3", run.0)), 7), Said::Altered);
        assert_eq!(run.read_message(&message("hello"), 7), Said::Foreign);
    }
}
