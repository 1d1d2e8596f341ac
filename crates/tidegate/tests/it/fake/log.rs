//! The fake server's log, its receipts, and its faults.

use std::collections::HashMap;

use event::{Envelope, Epoch, EventId, Payload, Position, RollingHash, Seq};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// What the server does wrong, to one reader where it concerns reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Leaves an event out.
    Drop,
    /// Sends an event twice.
    Repeat,
    /// Sends two events in the wrong order.
    Reorder,
    /// Sends another text in an event's place.
    Alter,
    /// Tells of a gap and leaves the event out.
    Gap,
    /// Gives a wrong hash.
    Hash,
    /// Acknowledges an event that it does not store.
    Forget,
    /// Stores again under a known key.
    Double,
    /// Ends each stream after two events.
    Cut,
    /// Closes each WebSocket after two events, or after every tenth publish, with this code.
    Close(u16),
    /// Lays events out in another way over WebSockets.
    Turned,
    /// Refuses streams with 401.
    Unauthorized,
    /// Sends streams with chunk marks, cut in bad places.
    Chunked,
}

/// The log and everything else that the server remembers.
pub(crate) struct Log {
    pub(crate) faults: Vec<Fault>,
    /// How many publishes are answered with 503.
    pub(crate) unavailable: u32,
    /// How many publishes are stored and never answered.
    pub(crate) unanswered: u32,
    pub(crate) events: Vec<(Position, String)>,
    /// The heads of all requests.
    pub(crate) heads: Vec<String>,
    /// What was subscribed to over WebSockets.
    pub(crate) said: Vec<String>,
    /// How often was published over WebSockets.
    pub(super) published: u32,
    /// How many pings were answered.
    pub(crate) pongs: u32,
    /// Counts stops; whoever belongs to an earlier life ends.
    pub(crate) life: u32,
    pub(crate) waited: u32,
    /// Whether the fault that happens once has happened.
    pub(crate) done_once: bool,
    hash: RollingHash,
    answers: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Draft<'a> {
    event: &'a str,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// The place in front of the first event.
pub(crate) fn place(seq: usize) -> Position {
    Position::new(Epoch::from_bits(77), Seq(seq as u64))
}

impl Log {
    /// Returns a log of so many events and these faults.
    pub(crate) fn new(events: usize, faults: &[Fault]) -> Self {
        let mut log = Log {
            faults: faults.to_vec(),
            unavailable: 0,
            unanswered: 0,
            events: Vec::new(),
            heads: Vec::new(),
            said: Vec::new(),
            published: 0,
            pongs: 0,
            life: 0,
            waited: 0,
            done_once: false,
            hash: RollingHash::default(),
            answers: HashMap::new(),
        };
        (0..events).for_each(|_| log.append("a.b", "{}"));
        log
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Does a fault that happens once, the first time that it can.
    pub(crate) fn once(&mut self, fault: Fault) -> bool {
        let now = self.has(fault) && !self.done_once;
        self.done_once |= now;
        now
    }

    /// Returns how many streams were asked for.
    pub(crate) fn streams(&self) -> usize {
        let is_one =
            |head: &&String| head.starts_with("GET /api/stream") || head.starts_with("GET /api/ws");
        self.heads.iter().filter(is_one).count()
    }

    /// Returns with what to close WebSockets, where that is to be done.
    pub(super) fn closes_with(&self) -> Option<u16> {
        let code = |fault: &Fault| if let Fault::Close(code) = fault { Some(*code) } else { None };
        self.faults.iter().find_map(code)
    }

    pub(crate) fn append(&mut self, name: &str, payload: &str) {
        let position = place(self.events.len() + 1);
        let raw: &RawValue = serde_json::from_str(payload).unwrap();
        let envelope = Envelope {
            id: id(self.events.len() + 1),
            org_id: "acme".parse().unwrap(),
            event: name.parse().unwrap(),
            payload: Payload::from_raw(raw).unwrap(),
        };
        let json = String::from_utf8(envelope.to_json().to_vec()).unwrap();
        self.hash = self.hash.and(position.seq, json.as_bytes());
        self.events.push((position, json));
    }

    /// Returns the account, status and body.
    pub(super) fn ledger(&self) -> Option<(u16, String)> {
        let wrong = self.has(Fault::Hash) && self.events.len() > 20;
        let hash = if wrong { RollingHash([1; 32]) } else { self.hash };
        let (last, count) = (place(self.events.len()), self.events.len());
        let body = json!({
            "stream": "events", "window_after": place(0).to_string(), "first": 1,
            "last": last.to_string(), "count": count, "hash": hash.to_string(),
        });
        Some((200, body.to_string()))
    }

    /// Stores and answers; `None` where the connection ends without an answer.
    pub(super) fn publish(&mut self, key: &str, body: &str) -> Option<(u16, String)> {
        if self.unavailable > 0 {
            self.unavailable -= 1;
            let body = r#"{"error":{"code":"unavailable","message":"not now","request_id":"r"}}"#;
            return Some((503, body.to_owned()));
        }
        let known = self.answers.get(key).filter(|_| !key.is_empty() && !self.has(Fault::Double));
        if let Some(answer) = known {
            return Some((201, answer.clone()));
        }
        let answer = self.store(body);
        self.answers.insert(key.to_owned(), answer.clone());
        if self.unanswered > 0 {
            self.unanswered -= 1;
            return None;
        }
        Some((201, answer))
    }

    fn store(&mut self, body: &str) -> String {
        if !body.starts_with('[') {
            return self.store_one(&serde_json::from_str(body).unwrap());
        }
        let drafts: Vec<Draft<'_>> = serde_json::from_str(body).unwrap();
        let rows: Vec<_> = drafts.iter().map(|draft| self.store_one(draft)).collect();
        format!("[{}]", rows.join(","))
    }

    fn store_one(&mut self, draft: &Draft<'_>) -> String {
        let forget = self.events.len() > 20 && self.once(Fault::Forget);
        if !forget {
            self.append(draft.event, draft.payload.map_or("{}", RawValue::get));
        }
        let last = self.events.len() + usize::from(forget);
        json!({"id": id(last).to_string(), "cursor": place(last).to_string()}).to_string()
    }
}

fn id(seq: usize) -> EventId {
    EventId::from_bits(1_700_000_000_000 << 80 | seq as u128)
}
