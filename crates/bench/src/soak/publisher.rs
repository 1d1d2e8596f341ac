//! One publisher: sends what is scheduled for its streams when it is time.
//!
//! A stream belongs to one publisher, so that the numbers in its stamps are in the server's order.

use std::{sync::Arc, thread, time::Duration};

use hdrhistogram::Histogram;

use super::{
    account::number,
    board::Board,
    limits::BATCH_EVENTS_MAX,
    schedule::{Op, Size},
};
use crate::{
    args::Transport,
    clock::{Clock, us},
    crowd::histogram,
    error::BenchError,
    http::Answer,
    payload::Payloads,
    publisher::Link,
    server::{self, Dialect, Publishing, Server},
    stamp::{Mark, Stamp},
    stop::Stop,
};

/// The status of a publish that comes too soon after others.
const TOO_MANY: u16 = 429;

/// How long a refused publish waits, and how often it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(100);
const RETRIES_MAX: u32 = 100;

/// A publisher with its part of the schedule.
pub(super) struct Publisher<'a> {
    server: &'a Server,
    link: Link,
    board: Arc<Board>,
    clock: Clock,
    stop: Stop,
    ops: Vec<Op>,
    /// By size of payloads: how they are written, and their bytes.
    dialects: Vec<(Box<dyn Dialect>, u32)>,
    done: Done,
}

/// Events of one stream, ready to be sent.
struct List {
    request: Publishing,
    stream: u32,
    events: u32,
    /// The number of the last one.
    last: u64,
    payload_bytes: u32,
}

/// What a publisher did.
#[derive(Debug)]
pub(super) struct Done {
    /// How late it was by its own doing, in microseconds.
    pub(super) late_us: Histogram<u64>,
    /// Publishes that the server refused because of the rate; all were tried again.
    pub(super) limited: u64,
    /// Acknowledgements whose cursor is not the one that was due.
    pub(super) misnumbered: u64,
}

impl Done {
    pub(super) fn new() -> Self {
        Done { late_us: histogram(), limited: 0, misnumbered: 0 }
    }

    pub(super) fn add(&mut self, other: &Done) {
        self.late_us.add(&other.late_us).expect("all have the same bounds");
        self.limited += other.limited;
        self.misnumbered += other.misnumbered;
    }
}

/// What all publishers have in common.
#[derive(Clone)]
pub(super) struct Desk<'a> {
    pub(super) server: &'a Server,
    pub(super) board: Arc<Board>,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    pub(super) mark: Mark,
    /// The size of an ordinary payload.
    pub(super) payload_bytes: u32,
}

impl<'a> Publisher<'a> {
    /// Connects.
    ///
    /// # Errors
    /// Fails where nobody listens.
    pub(super) fn new(desk: &Desk<'a>, ops: Vec<Op>) -> Result<Self, BenchError> {
        let dialect = |size: Size| {
            let bytes = size.bytes(desk.payload_bytes);
            let payloads = Payloads::new(desk.mark.clone(), bytes as usize);
            (server::tidegate(Transport::Sse, payloads), bytes)
        };
        Ok(Publisher {
            server: desk.server,
            link: Link::to(desk.server)?,
            board: Arc::clone(&desk.board),
            clock: desk.clock,
            stop: desk.stop.clone(),
            ops,
            dialects: Size::ALL.map(dialect).into(),
            done: Done::new(),
        })
    }

    /// Publishes everything. An event's stamp is when it was due: what it waits for because the
    /// server has not answered yet is part of its latency.
    ///
    /// # Errors
    /// Fails where the server refuses an event for good, or breaks the connection.
    pub(super) fn run(mut self) -> Result<Done, BenchError> {
        let (mut next, mut answered) = (0, Duration::ZERO);
        while let Some(first) = self.ops.get(next).copied() {
            self.stop.check()?;
            let now = self.clock.now();
            if first.at > now {
                thread::park_timeout(first.at - now);
                continue;
            }
            let _too_long = self.done.late_us.record(us(now - first.at.max(answered)).max(1));
            let batch = self.batch(next, now);
            next += batch.len();
            self.publish(first.size, batch)?;
            answered = self.clock.now();
        }
        Ok(self.done)
    }

    /// Returns what is due and goes with the first of it: payloads of one size, no more events
    /// than a list may have.
    fn batch(&self, next: usize, now: Duration) -> Vec<Op> {
        let size = self.ops[next].size;
        let mut events = 0;
        let due = self.ops[next..].iter().take_while(|op| {
            events += op.events;
            op.at <= now && op.size == size && events <= BATCH_EVENTS_MAX
        });
        due.copied().collect()
    }

    /// Publishes a list for each stream, and awaits all answers.
    fn publish(&mut self, size: Size, mut batch: Vec<Op>) -> Result<(), BenchError> {
        batch.sort_by_key(|op| op.stream);
        let mut lists = Vec::new();
        let mut all = Publishing::default();
        for ops in batch.chunk_by(|a, b| a.stream == b.stream) {
            let list = self.list(size, ops);
            all.bytes.extend_from_slice(&list.request.bytes);
            all.answers += list.request.answers;
            lists.push(list);
        }
        let answers = self.link.ask(&all)?;
        lists.iter().zip(answers).try_for_each(|(list, answer)| self.acknowledge(list, answer))
    }

    /// Gives the events of one stream their numbers.
    fn list(&self, size: Size, ops: &[Op]) -> List {
        let (dialect, payload_bytes) = &self.dialects[size as usize];
        let stream = ops[0].stream;
        let mut number = self.board.last(stream);
        let due = ops.iter().flat_map(|op| std::iter::repeat_n(us(op.at), op.events as usize));
        let stamp = |sent_us| {
            number += 1;
            Stamp { stream, number, sent_us }
        };
        let stamps: Vec<_> = due.map(stamp).collect();
        let request = dialect.publish(&stamps);
        let (events, payload_bytes) = (stamps.len() as u32, *payload_bytes);
        List { request, stream, events, last: number, payload_bytes }
    }

    /// Takes an answer; what came too soon is tried again.
    fn acknowledge(&mut self, list: &List, mut answer: Answer) -> Result<(), BenchError> {
        for _ in 0..RETRIES_MAX {
            if answer.status != TOO_MANY {
                break;
            }
            self.stop.check()?;
            self.done.limited += 1;
            thread::park_timeout(RETRY_AFTER);
            let again = self.link.ask(&list.request)?;
            answer = again.into_iter().next().expect("one request has one answer");
        }
        if let Some(what) = answer.refusal() {
            return Err(BenchError::Refused { server: self.server.name.clone(), what });
        }
        let cursor = self.dialects[0].0.cursor(&answer.body);
        let is_due = cursor.and_then(|cursor| number(cursor.as_bytes())) == Some(list.last);
        self.done.misnumbered += u64::from(!is_due);
        let List { stream, events, last, payload_bytes, .. } = *list;
        self.board.windows().publish(stream, events, payload_bytes, self.clock.now());
        self.board.add_published(stream, last, events.into());
        Ok(())
    }
}
