//! Publishers that retry until they are acknowledged, and readers that write down what they see.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::support::{http::Request, server::KEY_A, sse::Sse};

/// How long a publisher rests after an event, and after a refusal.
const PACE: Duration = Duration::from_millis(10);
const REST: Duration = Duration::from_millis(50);

/// After how many events a reader that moves goes to the other replica.
const MOVES_AFTER: usize = 25;

/// The name of the event that ends the readers.
pub(super) const END: &str = "end";

/// What clients share with the test.
#[derive(Default)]
pub(super) struct Signals {
    /// Publishers end behind the event that they are at.
    pub(super) enough: AtomicBool,
    /// Readers that move may.
    pub(super) may_move: AtomicBool,
    /// What each publisher had acknowledged, and how often it was refused.
    pub(super) acknowledged: [AtomicU64; 2],
    pub(super) refused: [AtomicU64; 2],
    /// How many events each reader has had.
    pub(super) had: [AtomicU64; 4],
}

impl Signals {
    pub(super) fn acknowledged(&self) -> [u64; 2] {
        self.acknowledged.each_ref().map(|count| count.load(Ordering::Acquire))
    }

    pub(super) fn refused(&self) -> [u64; 2] {
        self.refused.each_ref().map(|count| count.load(Ordering::Acquire))
    }
}

/// Publishes numbered events to one replica, one after the other, until told; each with its key
/// again and again until it is acknowledged. Returns how many.
pub(super) fn publish(index: usize, address: SocketAddr, signals: &Signals) -> u64 {
    let mut n = 0;
    while !signals.enough.load(Ordering::Acquire) {
        let body = format!(r#"{{"event":"a","payload":{{"by":{index},"n":{n}}}}}"#);
        let request = Request::post("/api/events").key(KEY_A).json(&body);
        let request = request.header("idempotency-key", format!("{index}-{n}"));
        loop {
            let answer = request.send_to(address);
            match answer.status {
                201 => break,
                409 | 503 => {
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    signals.refused[index].fetch_add(1, Ordering::AcqRel);
                    thread::park_timeout(REST);
                }
                _ => panic!("a publish was answered {answer:?}: {}", answer.text()),
            }
        }
        n += 1;
        signals.acknowledged[index].fetch_add(1, Ordering::AcqRel);
        thread::park_timeout(PACE);
    }
    n
}

/// What one reader saw.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Its events: id, publisher, number.
    pub(super) events: Vec<(String, u64, u64)>,
    /// The reasons of its gaps, each with how many events came before it.
    pub(super) gaps: Vec<(usize, String)>,
    /// How often it came back to a replica.
    pub(super) reconnects: u64,
    /// How often it was not let in.
    pub(super) turned_away: u64,
}

/// Reads until the last event. One that moves goes to and fro while it may; another one stays, and
/// must never have to come back.
pub(super) fn read(index: usize, replicas: [SocketAddr; 2], signals: &Arc<Signals>) -> Record {
    let (moves, mut at) = (index >= 2, index % 2);
    let (mut record, mut cursor) = (Record::default(), None::<String>);
    loop {
        let mut headers = vec![("x-api-key", KEY_A)];
        if let Some(cursor) = &cursor {
            headers.push(("last-event-id", cursor));
        }
        let mut stream = Sse::try_open(replicas[at], "/api/stream", &headers);
        if stream.head.status == 503 {
            record.turned_away += 1;
            thread::park_timeout(REST);
            at = 1 - at;
            continue;
        }
        assert_eq!(stream.head.status, 200, "{:?}", stream.head);
        let mut here = 0;
        for frame in stream.by_ref() {
            if let Some(id) = &frame.id {
                cursor = Some(id.clone());
            }
            match frame.event.as_deref() {
                Some("connected") if cursor.is_none() => {
                    cursor = frame.json()["lastEventId"].as_str().map(str::to_owned);
                }
                Some("gap") => {
                    record.gaps.push((record.events.len(), text(&frame.json()["reason"])));
                }
                Some(END) => return record,
                Some("a") => {
                    let (envelope, payload) = (frame.json(), frame.json()["payload"].take());
                    let number = |name: &str| payload[name].as_u64().expect("it was published so");
                    record.events.push((text(&envelope["id"]), number("by"), number("n")));
                    signals.had[index].fetch_add(1, Ordering::AcqRel);
                    here += 1;
                }
                _ => {}
            }
            if moves && here >= MOVES_AFTER && signals.may_move.load(Ordering::Acquire) {
                break;
            }
        }
        record.reconnects += 1;
        at = 1 - at;
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().expect("it is text").to_owned()
}
