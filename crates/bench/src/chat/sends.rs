//! Senders: each message is sent when it is due, and its acknowledgement goes to the account.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hdrhistogram::Histogram;

use super::{
    account::Account,
    cast::Cast,
    exchange::{Job, Next},
    pace::{Due, Pace},
    said::{Bodies, Said, Sent, read},
    wire,
};
use crate::{args::RequestIds, crowd::histogram, http::Answer, stamp::Stamp};

/// Where messages go.
#[derive(Clone, Copy, Debug)]
pub(super) enum To {
    /// To the threads of their senders, in turn.
    Cast(Cast),
    /// To one thread, by its owner.
    One { thread: usize, author: usize },
}

/// What outlives one job: how many messages each sender has sent.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    fn next(&mut self, sender: usize) -> u64 {
        if self.0.len() <= sender {
            self.0.resize(sender + 1, 0);
        }
        self.0[sender] += 1;
        self.0[sender]
    }
}

/// Sends messages.
pub(super) struct Sends<'a> {
    pub(super) account: &'a mut Account,
    pub(super) numbers: &'a mut Numbers,
    pub(super) bodies: &'a Bodies,
    pub(super) to: To,
    pub(super) pace: Pace,
    pub(super) request_ids: RequestIds,
    /// Counts acknowledgements for whoever watches.
    pub(super) count: &'a AtomicU64,
    pub(super) times: Times,
}

/// How long it took.
#[derive(Debug)]
pub(super) struct Times {
    /// From when a message was due to its acknowledgement, in microseconds.
    pub(super) send_us: Histogram<u64>,
    /// How late messages were sent although a sender was free, in microseconds.
    pub(super) late_us: Histogram<u64>,
    /// When the last one was acknowledged.
    pub(super) last_us: u64,
}

impl Times {
    pub(super) fn new() -> Self {
        Times { send_us: histogram(), late_us: histogram(), last_us: 0 }
    }
}

impl Job for Sends<'_> {
    type What = Sent;

    fn next(&mut self, sender: usize, free_us: u64, now_us: u64) -> Next<Sent> {
        let due_us = match self.pace.next(now_us) {
            Due::Now(due_us) => due_us,
            Due::At(until_us) => return Next::At(until_us),
            Due::Over => return Next::Nothing,
        };
        let late_us = now_us.saturating_sub(due_us.max(free_us));
        let _too_long = self.times.late_us.record(late_us.max(1));
        let number = self.numbers.next(sender);
        let (thread, author) = match self.to {
            To::Cast(cast) => (cast.thread(sender, number), cast.author(sender)),
            To::One { thread, author } => (thread, author),
        };
        let stamp = Stamp { stream: sender as u32, number, sent_us: due_us };
        let id = match self.request_ids {
            RequestIds::Each => Some(format!("bench-{sender}-{number}")),
            RequestIds::None => None,
        };
        let text = self.bodies.text(stamp);
        let bytes = wire::send(self.account.id(thread), author, &text, id.as_deref());
        Next::Ask { bytes, what: Sent { thread, author, stamp } }
    }

    fn answered(&mut self, sent: Sent, answer: &Answer, now_us: u64) -> Result<(), String> {
        if answer.status != 201 {
            let why = answer.refusal().unwrap_or_else(|| format!("answers {}", answer.status));
            return Err(format!("takes no message: it {why}"));
        }
        let said: Said = read(&answer.body)?;
        let took_us = now_us.saturating_sub(sent.stamp.sent_us);
        let _too_long = self.times.send_us.record(took_us.max(1));
        self.times.last_us = now_us;
        self.account.acknowledge(&sent, said);
        self.count.fetch_add(1, Relaxed);
        Ok(())
    }
}
