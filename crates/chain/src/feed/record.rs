//! The recorder: a live feed, written as a file that can be replayed.

use std::{
    future::Future,
    io,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::MissedTickBehavior,
};

use super::{Feed, FeedDrops, FeedOptions, Observation};
use crate::{
    Block, BlockRef, Broken, ChainConfig, ChainKey, ChainStatus, FeedEvent, FeedHeader, FeedLine,
    FeedWriter, Input, Tracker, TrackerLimits, Update, rpc::RpcError,
};

/// Observations that wait to be written.
const QUEUE_MAX: usize = 4096;

/// How often progress is told where nothing is observed.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What ends a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordOptions {
    /// How endpoints are dealt with.
    pub feed: FeedOptions,
    /// The recording ends with this many blocks; without a number whoever records ends it.
    pub blocks_max: Option<u64>,
    /// It fails where nothing was observed within this time; without one it waits for as long as it
    /// is let.
    pub first_within: Option<Duration>,
}

/// How a recording stands.
#[derive(Clone, Debug)]
pub struct RecordProgress {
    /// Blocks that were written.
    pub block_count: u64,
    /// Pending transactions that were written.
    pub pending_count: u64,
    /// How the feed stands.
    pub status: ChainStatus,
}

/// A feed can't be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// No client can be made.
    #[error("the feed can't be begun")]
    Client(#[from] RpcError),
    /// The file can't be written.
    #[error("the feed can't be written")]
    Write(#[from] io::Error),
    /// No endpoint told of anything; the feed's last error, or that there was none.
    #[error("nothing was observed: {0}")]
    Nothing(String),
}

/// What was recorded.
#[derive(Debug)]
pub struct Recorded<W> {
    /// Where it was written.
    pub output: W,
    /// Blocks, those that were reverted later included.
    pub block_count: u64,
    /// Pending transactions.
    pub pending_count: u64,
    /// Pending transactions that were told of and are not in the file: too many came at once, or the
    /// node did not answer for them.
    pub dropped_count: u64,
}

/// What is written, from the first observation on.
struct Recorder<W: io::Write> {
    writer: FeedWriter<W>,
    chain: ChainKey,
    began: Instant,
    block_count: u64,
    pending_count: u64,
}

/// A recording under way; there is no file before the first observation.
struct Recording<W: io::Write> {
    options: RecordOptions,
    chain: ChainKey,
    began: Instant,
    status: watch::Receiver<ChainStatus>,
    output: Option<W>,
    recorder: Option<Recorder<W>>,
}

/// Follows a chain and writes what is observed, until `until` is over or there are enough blocks; then
/// the file is whole. `on_progress` is called at each observation and each second, and holds the
/// recording up for as long as it takes.
///
/// # Errors
///
/// Fails where nothing is observed, or the file can't be written.
///
/// # Cancel safety
///
/// Not safe: where this is dropped before it is over, the feed is stopped and the file has no end,
/// so that a reader takes it for cut.
pub async fn record<W: io::Write>(
    config: ChainConfig,
    options: RecordOptions,
    until: impl Future<Output = ()>,
    output: W,
    mut on_progress: impl FnMut(&RecordProgress),
) -> Result<Recorded<W>, RecordError> {
    let (sender, mut observations) = mpsc::channel(QUEUE_MAX);
    let chain = config.chain_key.clone();
    let feed = Feed::new(config, options.feed, Tracker::new(TrackerLimits::default()), sender)?;
    let drops = feed.drops();
    let mut recording = Recording::new(options, chain, feed.status(), output);
    let mut tasks = JoinSet::new();
    tasks.spawn(feed.run(std::future::pending()));
    tokio::pin!(until);
    let mut looks = tokio::time::interval(options.look_every());
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !recording.is_over() {
        tokio::select! {
            biased;
            () = &mut until => break,
            observation = observations.recv() => match observation {
                Some(observation) => recording.take(observation)?,
                None => break,
            },
            _ = looks.tick() => {}
        }
        on_progress(&recording.progress());
    }
    tasks.shutdown().await;
    recording.finish(&drops)
}

impl RecordOptions {
    /// Returns the time between two looks at whether anything came: a quarter of `first_within`, a
    /// second at most.
    fn look_every(&self) -> Duration {
        let part = self.first_within.map_or(TELL_EVERY, |within| within / 4);
        part.clamp(Duration::from_millis(1), TELL_EVERY)
    }
}

impl<W: io::Write> Recording<W> {
    fn new(
        options: RecordOptions,
        chain: ChainKey,
        status: watch::Receiver<ChainStatus>,
        output: W,
    ) -> Self {
        let (output, began) = (Some(output), Instant::now());
        Recording { options, chain, began, status, output, recorder: None }
    }

    /// Returns whether there are enough blocks, or nothing has come for too long.
    fn is_over(&self) -> bool {
        match &self.recorder {
            Some(recorder) => {
                self.options.blocks_max.is_some_and(|most| recorder.block_count >= most)
            }
            None => self.options.first_within.is_some_and(|within| self.began.elapsed() >= within),
        }
    }

    fn take(&mut self, observation: Observation) -> io::Result<()> {
        if let Some(output) = self.output.take() {
            // Whoever observes has asked for the chain's id.
            let chain_id = self.status.borrow().chain_id.unwrap_or_default();
            let began = observation.observed_at;
            self.recorder = Some(Recorder::begin(output, self.chain.clone(), chain_id, began)?);
        }
        match &mut self.recorder {
            Some(recorder) => recorder.write(observation, self.options.blocks_max),
            None => Ok(()),
        }
    }

    fn progress(&self) -> RecordProgress {
        RecordProgress {
            block_count: self.recorder.as_ref().map_or(0, |recorder| recorder.block_count),
            pending_count: self.recorder.as_ref().map_or(0, |recorder| recorder.pending_count),
            status: self.status.borrow().clone(),
        }
    }

    fn finish(self, drops: &FeedDrops) -> Result<Recorded<W>, RecordError> {
        let Some(recorder) = self.recorder else {
            let last_error = self.status.borrow().last_error.clone();
            let nothing = last_error.unwrap_or_else(|| "the node has told of no block".to_owned());
            return Err(RecordError::Nothing(nothing));
        };
        Ok(Recorded {
            output: recorder.writer.finish()?,
            block_count: recorder.block_count,
            pending_count: recorder.pending_count,
            dropped_count: drops.pending_queue_full()
                + drops.pending_not_fetched()
                + drops.observations_full(),
        })
    }
}

impl<W: io::Write> Recorder<W> {
    fn begin(output: W, chain: ChainKey, chain_id: u64, began: Instant) -> io::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let recorded_unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let header = FeedHeader { chain_key: chain.clone(), chain_id, recorded_unix_ms };
        let writer = FeedWriter::new(output, &header)?;
        Ok(Recorder { writer, chain, began, block_count: 0, pending_count: 0 })
    }

    fn write(&mut self, observation: Observation, blocks_max: Option<u64>) -> io::Result<()> {
        let since = observation.observed_at.saturating_duration_since(self.began);
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        for event in events(observation.input) {
            if blocks_max.is_some_and(|most| self.block_count >= most) {
                break;
            }
            self.block_count += u64::from(matches!(event, FeedEvent::Block(_)));
            self.pending_count += u64::from(matches!(event, FeedEvent::Pending(_)));
            self.writer.write(&FeedLine { chain: self.chain.clone(), at_ms, event })?;
        }
        Ok(())
    }
}

/// Returns what a replay must be told to observe the same.
fn events(input: Input) -> Vec<FeedEvent> {
    match input {
        Input::Pending(transaction) => vec![FeedEvent::Pending(transaction)],
        Input::Update(Update::Commit { new } | Update::Reorg { new, .. })
        | Input::Broken(Broken { new, .. }) => new.into_iter().map(FeedEvent::Block).collect(),
        Input::Update(Update::Revert { old }) => old
            .last()
            .and_then(|block| parent(block))
            .map(FeedEvent::Rollback)
            .into_iter()
            .collect(),
        Input::Tick => Vec::new(),
    }
}

fn parent(block: &Block) -> Option<BlockRef> {
    let number = block.header.number.checked_sub(1)?;
    Some(BlockRef { number, hash: block.header.parent_hash })
}
