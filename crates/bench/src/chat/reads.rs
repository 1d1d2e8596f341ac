//! Reading over HTTP: whole threads back, and pages from random places.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use hdrhistogram::Histogram;
use rand::RngExt;

use super::{
    account::{Account, Faults, Reading, Thread},
    exchange::{Job, Next},
    pace::{Due, Pace},
    said::{Page, Said, read},
    wire,
};
use crate::http::Answer;

/// Reads every thread from the beginning to the end, from every replica.
pub(super) struct ReadBack<'a> {
    account: &'a Account,
    /// By replica: threads that are to be read on, and after which number.
    queues: Vec<VecDeque<(usize, u64)>>,
    /// By replica and thread.
    readings: BTreeMap<(usize, usize), Reading<'a>>,
    /// What the first replica has of the first thread.
    first: BTreeMap<u64, Said>,
    count: &'a AtomicU64,
}

/// What was read back.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) faults: Faults,
    /// Messages, from all replicas.
    pub(super) messages: u64,
    /// Those of the first thread, as the first replica has them.
    pub(super) first: BTreeMap<u64, Said>,
}

/// A page that was asked for: from which replica, of which thread, after which number.
pub(super) type Asked = (usize, usize, u64);

impl<'a> ReadBack<'a> {
    pub(super) fn new(account: &'a Account, replicas: usize, count: &'a AtomicU64) -> Self {
        let all = || (0..account.threads()).map(|thread| (thread, 0)).collect();
        let keys = (0..replicas).flat_map(|r| (0..account.threads()).map(move |t| (r, t)));
        ReadBack {
            account,
            queues: (0..replicas).map(|_| all()).collect(),
            readings: keys.map(|key| (key, account.reading(key.1))).collect(),
            first: BTreeMap::new(),
            count,
        }
    }

    /// Returns what was found, once all is read.
    pub(super) fn conclude(self) -> Back {
        let mut faults = Faults::default();
        for ((_, thread), reading) in self.readings {
            faults.add(reading.end(self.account.last(thread)));
        }
        Back { faults, messages: self.count.load(Relaxed), first: self.first }
    }
}

impl Job for ReadBack<'_> {
    type What = Asked;

    fn next(&mut self, line: usize, _: u64, _: u64) -> Next<Asked> {
        let replica = line % self.queues.len();
        let Some((thread, after)) = self.queues[replica].pop_front() else { return Next::Nothing };
        let bytes = wire::page(self.account.id(thread), after);
        Next::Ask { bytes, what: (replica, thread, after) }
    }

    fn answered(&mut self, asked: Asked, answer: &Answer, _: u64) -> Result<(), String> {
        let (replica, thread, after) = asked;
        let page = page_in(answer)?;
        if let Some(reading) = self.readings.get_mut(&(replica, thread)) {
            page.messages.iter().for_each(|said| reading.take(said));
        }
        self.count.fetch_add(page.messages.len() as u64, Relaxed);
        if page.has_more && page.next <= after {
            return Err(format!(
                "has more of a thread after {after}, and goes on after {}",
                page.next
            ));
        }
        if page.has_more {
            self.queues[replica].push_back((thread, page.next));
        }
        if (replica, thread) == (0, 0) {
            self.first.extend(page.messages.into_iter().map(|said| (said.seq, said)));
        }
        Ok(())
    }
}

/// Reads pages of one thread from random places.
pub(super) struct CatchUp {
    /// The thread as it was filled.
    pub(super) filled: Thread,
    /// How many messages it has.
    pub(super) messages: u64,
    pub(super) pace: Pace,
    /// From a request to its answer, in microseconds.
    pub(super) took_us: Histogram<u64>,
    pub(super) pages: u64,
    /// What was wrong with them.
    pub(super) faults: Faults,
}

impl Job for CatchUp {
    /// After which number, and when it was asked for.
    type What = (u64, u64);

    fn next(&mut self, _: usize, _: u64, now_us: u64) -> Next<(u64, u64)> {
        match self.pace.next(now_us) {
            Due::Now(_) => {
                let after = rand::rng().random_range(0..=self.messages - wire::PAGE);
                Next::Ask { bytes: wire::page(self.filled.id(), after), what: (after, now_us) }
            }
            Due::At(until_us) => Next::At(until_us),
            Due::Over => Next::Nothing,
        }
    }

    fn answered(
        &mut self,
        (after, asked_us): (u64, u64),
        answer: &Answer,
        now_us: u64,
    ) -> Result<(), String> {
        let _too_long = self.took_us.record(now_us.saturating_sub(asked_us).max(1));
        self.pages += 1;
        self.faults.add(self.filled.page(after, wire::PAGE, &page_in(answer)?.messages));
        Ok(())
    }
}

fn page_in(answer: &Answer) -> Result<Page, String> {
    answer.refusal().map_or(Ok(()), Err)?;
    read(&answer.body)
}
