//! From what is observed to what is kept: the task that decides what was found out.
//!
//! It alone has the state of each chain. A fact is folded into it once the log has taken it, so what
//! was refused was never known, and is found out again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chain::{ChainKey, ChainState, Fact, Input, Record, Step};
use journal::{AppendError, DropReason, Writer};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{analyse::Found, metrics::IngestMetrics};
use crate::Shutdown;

/// How often chains are told that time has passed.
const TICK: Duration = Duration::from_secs(1);

/// Observations that are taken at once.
const TAKEN_AT_ONCE: usize = 256;

/// Something that was observed of a chain.
#[derive(Debug)]
pub(super) struct Observation {
    /// Which chain.
    pub(super) chain: ChainKey,
    /// When, in milliseconds since 1970.
    pub(super) observed_unix_ms: u64,
    /// What.
    pub(super) input: Input,
}

/// What is done with a pending transaction for which the log has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// It waits: who tells of it can wait too.
    Wait,
    /// It is dropped, and counted: a node does not wait, and tells of what becomes of it later.
    Drop,
}

/// A chain as its facts have it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) state: ChainState,
    /// How many facts it has.
    pub(super) numbered: u64,
}

/// Decides what was found out.
pub(super) struct Decider {
    chains: BTreeMap<ChainKey, Known>,
    writer: Writer,
    when_full: WhenFull,
    now_unix_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    metrics: Arc<IngestMetrics>,
}

/// The log takes nothing any more.
struct Closed;

impl Decider {
    /// Returns the one that goes on from these states.
    pub(super) fn new(
        chains: BTreeMap<ChainKey, Known>,
        writer: Writer,
        when_full: WhenFull,
        now_unix_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
        metrics: Arc<IngestMetrics>,
    ) -> Self {
        Decider { chains, writer, when_full, now_unix_ms, metrics }
    }

    /// Decides on everything that is observed and keeps what is computed of it, until it is asked to
    /// end or nobody does either any more.
    pub(super) async fn run(
        mut self,
        mut observed: mpsc::Receiver<Observation>,
        mut found: mpsc::Receiver<Found>,
        mut shutdown: Shutdown,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::with_capacity(TAKEN_AT_ONCE);
        loop {
            let done = tokio::select! {
                biased;
                () = shutdown.asked() => return self.end(&mut observed, &mut taken).await,
                _ = tick.tick() => self.tick().await,
                count = observed.recv_many(&mut taken, TAKEN_AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    self.take_all(&mut taken).await
                }
                // Last: what is computed waits for everything that is observed.
                Some(found) = found.recv() => self.keep(found),
            };
            if done.is_err() {
                return;
            }
        }
        // Nobody observes any more, but what was observed may still be looked at.
        loop {
            let found = tokio::select! {
                biased;
                () = shutdown.asked() => return,
                found = found.recv() => found,
            };
            match found.map(|found| self.keep(found)) {
                Some(Ok(())) => {}
                Some(Err(Closed)) | None => return,
            }
        }
    }

    /// Decides on what was observed before: who observes has ended by now.
    async fn end(
        &mut self,
        observed: &mut mpsc::Receiver<Observation>,
        taken: &mut Vec<Observation>,
    ) {
        observed.close();
        while observed.recv_many(taken, TAKEN_AT_ONCE).await > 0 {
            if self.take_all(taken).await.is_err() {
                return;
            }
        }
    }

    async fn tick(&mut self) -> Result<(), Closed> {
        let now = (self.now_unix_ms)();
        let keys: Vec<_> = self.chains.keys().cloned().collect();
        for chain in keys {
            self.step(&chain, now, &Step::Tick).await?;
        }
        Ok(())
    }

    async fn take_all(&mut self, taken: &mut Vec<Observation>) -> Result<(), Closed> {
        for Observation { chain, observed_unix_ms, input } in taken.drain(..) {
            for step in input.into_steps() {
                self.step(&chain, observed_unix_ms, &step).await?;
            }
        }
        Ok(())
    }

    /// Leaves what was computed to the log, where that has room.
    fn keep(&mut self, found: Found) -> Result<(), Closed> {
        let Found { chain, findings } = found;
        let Some(known) = self.chains.get_mut(&chain) else { return Ok(()) };
        let at = (self.now_unix_ms)();
        let group: Vec<_> = findings.into_iter().map(Fact::Found).collect();
        let records = encoded(&chain, at, known.numbered, &group);
        match self.writer.try_append(journal::Group { records, stamp: at }) {
            Ok(()) => known.fold(at, &group),
            Err(AppendError::Closed) => return Err(Closed),
            Err(AppendError::Full | AppendError::TooLarge { .. }) => {
                self.metrics.skipped("log_full", group.len() as u64);
            }
        }
        Ok(())
    }

    async fn step(&mut self, chain: &ChainKey, at: u64, step: &Step) -> Result<(), Closed> {
        let Some(known) = self.chains.get_mut(chain) else { return Ok(()) };
        let group = known.state.decide(step, at);
        if group.is_empty() {
            return Ok(());
        }
        let records = encoded(chain, at, known.numbered, &group);
        let kept = journal::Group { records, stamp: at };
        let waits = !(self.when_full == WhenFull::Drop && step.may_be_dropped());
        let appended =
            if waits { self.writer.append(kept).await } else { self.writer.try_append(kept) };
        match appended {
            Ok(()) => known.fold(at, &group),
            // Counted by the log; what it is about is heard of again.
            Err(AppendError::Full) => {}
            Err(AppendError::Closed) => return Err(Closed),
            Err(error @ AppendError::TooLarge { .. }) => {
                if waits {
                    self.writer.count_dropped(DropReason::TooLarge, group.len());
                }
                tracing::error!(%chain, %error, "what was found out can't be kept");
            }
        }
        Ok(())
    }
}

impl Known {
    /// Folds what the log has taken.
    pub(super) fn fold(&mut self, at: u64, group: &[Fact]) {
        self.numbered += group.len() as u64;
        group.iter().for_each(|fact| self.state.apply(at, fact));
    }
}

fn encoded(chain: &ChainKey, at: u64, numbered: u64, group: &[Fact]) -> Vec<bytes::Bytes> {
    let record = |(number, fact): (u64, &Fact)| {
        let record =
            Record { chain: chain.clone(), number, observed_unix_ms: at, fact: fact.clone() };
        chain::encode(&record).into()
    };
    (numbered + 1..).zip(group).map(record).collect()
}

#[cfg(test)]
mod tests;
