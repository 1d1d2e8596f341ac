//! From what is shown to what is computed of it: the thread that follows the feed.
//!
//! It holds nobody up. It reads snapshots, has the lowest priority that the system knows, and leaves
//! what it finds to the one who decides, who takes it where nothing else waits. Where it can't keep
//! up, the newest transactions are skipped and counted. What it finds follows from the facts alone;
//! after a restart it goes on behind the last fact whose findings are kept.

mod chain_state;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, sync::Arc, thread, time::Duration};

use chain::{ChainKey, Finding};
use feature::Registry;
use projection::{Event, KindFilter, Snapshot};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};

pub(super) use self::chain_state::Analysed;
use super::{feed::Feed, metrics::IngestMetrics};
use crate::{Shutdown, Tasks};

/// Events that are looked at before what was found is left.
const EVENTS_AT_ONCE: usize = 256;

/// Events that may wait; behind them the newest are skipped.
const EVENTS_WAITING_MAX: u64 = 8_192;

/// How long it rests for each finding: what is found costs the log and readers as much as a fact
/// does, so that without a bound the feed would be slower for it.
const PAUSE: Duration = Duration::from_micros(200);

/// Bytes of findings that are kept together.
const BYTES_AT_ONCE: usize = 256 << 10;

/// The lowest priority of a thread (`setpriority(2)`).
const NICE: i32 = 19;

/// What was found of a chain, to be kept together.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) chain: ChainKey,
    pub(super) findings: Vec<Finding>,
}

/// Computes what can be told of facts.
pub(super) struct Analyst {
    feed: Arc<Feed>,
    registry: Arc<Registry>,
    chains: BTreeMap<ChainKey, Analysed>,
    leave: mpsc::Sender<Found>,
    metrics: Arc<IngestMetrics>,
    /// The number of the last event that was looked at.
    after: u64,
    /// The number of the last event that was there at the start.
    taken_up: u64,
    skip: Option<Skip>,
}

/// Events that are not looked at: those behind one number, up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Skip {
    after: u64,
    to: u64,
}

impl Analyst {
    /// Returns one that goes on from what is shown now.
    pub(super) fn new(
        feed: Arc<Feed>,
        registry: Arc<Registry>,
        leave: mpsc::Sender<Found>,
        metrics: Arc<IngestMetrics>,
    ) -> Self {
        let snapshot = feed.snapshot();
        let after = snapshot.before_oldest();
        let known =
            |view: &projection::ChainView| (view.key.clone(), Analysed::new(view.last_cause()));
        let chains = snapshot.chains().map(known).collect();
        let taken_up = snapshot.latest_seq;
        Analyst { feed, registry, chains, leave, metrics, after, taken_up, skip: None }
    }

    /// Starts the thread, and a task that waits for its end.
    ///
    /// # Errors
    /// Fails where the system gives no thread.
    pub(super) fn begin(self, tasks: &Tasks) -> io::Result<()> {
        let (runtime, shutdown) = (Handle::current(), tasks.shutdown());
        let (end, ended) = oneshot::channel::<()>();
        thread::Builder::new().name("analyse chains".to_owned()).spawn(move || {
            if let Err(error) = rustix::process::setpriority_process(None, NICE) {
                tracing::warn!(%error, "the analysis of chains has no low priority");
            }
            runtime.block_on(self.run(shutdown));
            drop(end);
        })?;
        tasks.spawn("analyse chains", async move {
            // The sender is dropped at the thread's end, whatever ended it.
            let _ = ended.await;
        });
        Ok(())
    }

    /// Looks at everything that is shown, until it is asked to end.
    async fn run(mut self, mut shutdown: Shutdown) {
        let mut changed = self.feed.changed();
        loop {
            let done = tokio::select! {
                biased;
                () = shutdown.asked() => return,
                done = self.catch_up(&mut changed) => done,
            };
            if done.is_none() {
                return;
            }
        }
    }

    /// Looks at what is shown now, then waits for more; `None` where nobody takes anything any more.
    async fn catch_up(&mut self, changed: &mut watch::Receiver<u64>) -> Option<()> {
        changed.mark_unchanged();
        let snapshot = self.feed.snapshot();
        while self.after < snapshot.latest_seq {
            let mut pause = Duration::ZERO;
            for found in self.step(&snapshot, self.feed.snapshot().latest_seq) {
                pause += PAUSE.saturating_mul(found.findings.len() as u32);
                self.leave.send(found).await.ok()?;
            }
            tokio::time::sleep(pause).await;
        }
        drop(snapshot);
        changed.changed().await.ok()
    }

    /// Looks at the next events of a snapshot, where the last event there is has this number.
    fn step(&mut self, snapshot: &Snapshot, latest: u64) -> Vec<Found> {
        self.bound(latest);
        // A page behind what was forgotten may begin beyond that.
        let room = self.skip.map_or(u64::MAX, |skip| skip.after.saturating_sub(self.after));
        if room == 0 {
            self.jump(snapshot);
            return Vec::new();
        }
        let most = EVENTS_AT_ONCE.min(usize::try_from(room).unwrap_or(usize::MAX));
        let page = snapshot.events_after(self.after, KindFilter::ALL, most);
        if let Some(gap) = &page.gap {
            self.metrics.skipped("forgotten", gap.missed.unwrap_or(1));
            self.chains.values_mut().for_each(Analysed::clear);
        }
        let mut left = Vec::new();
        for event in page.events() {
            if let Some(finding) = self.look(snapshot, event) {
                add(&mut left, &event.chain, finding);
            }
        }
        self.after = page.next.max(self.after + u64::from(page.gap.is_none() && !page.has_more));
        left
    }

    /// Marks the newest events to be skipped where too many wait.
    fn bound(&mut self, latest: u64) {
        match &mut self.skip {
            Some(skip) => skip.to = latest,
            None => {
                // What was there at the start was computed before, or waits for nobody.
                let from = self.after.max(self.taken_up);
                if latest.saturating_sub(from) > EVENTS_WAITING_MAX {
                    self.skip = Some(Skip { after: from + EVENTS_WAITING_MAX, to: latest });
                }
            }
        }
    }

    /// Leaves out what is to be skipped, of which this snapshot has the beginning at least.
    fn jump(&mut self, snapshot: &Snapshot) {
        let Some(Skip { after, to }) = self.skip.take() else { return };
        let newest = self.feed.snapshot();
        let to = to.min(newest.latest_seq).max(snapshot.latest_seq);
        self.metrics.skipped("behind", newest.seen_between(after.max(self.after), to));
        self.after = self.after.max(to);
        // Blocks among what was skipped are not known.
        self.chains.values_mut().for_each(Analysed::clear);
    }

    fn look(&mut self, snapshot: &Snapshot, event: &Event) -> Option<Finding> {
        let chain = match self.chains.get_mut(&event.chain) {
            Some(chain) => chain,
            None => self.chains.entry(event.chain.clone()).or_default(),
        };
        chain.look(snapshot, &self.registry, event)
    }
}

/// Puts a finding to those of its chain that are kept together.
fn add(left: &mut Vec<Found>, chain: &ChainKey, finding: Finding) {
    let bytes = |found: &Found| -> usize {
        found.findings.iter().map(|finding| finding.body.as_str().len()).sum()
    };
    let fits = |found: &&mut Found| found.chain == *chain && bytes(found) < BYTES_AT_ONCE;
    match left.last_mut().filter(fits) {
        Some(found) => found.findings.push(finding),
        None => left.push(Found { chain: chain.clone(), findings: vec![finding] }),
    }
}
