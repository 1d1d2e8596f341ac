//! A recorded feed as a source: at its own speed, faster, or as fast as it can be kept.
//!
//! A process that starts again goes on behind the last canonical block that it knows, where the feed
//! has it.

use std::{io::BufRead, path::PathBuf, sync::Arc, time::Duration};

use chain::{
    Block, BlockRef, ChainKey, ChainStatus, FeedEvent, FeedReader, FeedState, Input, Replay,
    ReplayItem, Speed, SpeedFactor, StateLimits, TrackerLimits, Update,
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, spawn_blocking},
    time::Instant,
};

use super::{Beginning, SourceError};
use crate::{
    Shutdown,
    ingest::decide::Observation,
    settings::{ReplaySettings, ReplaySpeed},
};

/// Lines that are read at once.
const READ_AT_ONCE: usize = 512;

/// What the feed that the program brings is called.
const EXAMPLE: &str = "of the program";

type Reader = FeedReader<Box<dyn BufRead + Send>>;
type Lines = Replay<std::iter::Skip<Reader>>;

/// A recorded feed.
#[derive(Clone)]
pub(in crate::ingest) struct ReplaySource {
    file: Option<PathBuf>,
    speed: Speed,
    chains: Vec<(ChainKey, u64)>,
}

impl ReplaySource {
    /// Opens a feed and reads which chains it begins with.
    pub(super) fn open(settings: &ReplaySettings) -> Result<Self, SourceError> {
        let speed = match settings.speed {
            ReplaySpeed::Max => Speed::Unpaced,
            ReplaySpeed::Times(times) => {
                Speed::Times(SpeedFactor::new(times).expect("settings allow positive numbers"))
            }
        };
        let mut source = ReplaySource { file: settings.file.clone(), speed, chains: Vec::new() };
        let reader = source.read()?;
        let chains = reader.chains().iter();
        source.chains = chains.map(|header| (header.chain_key.clone(), header.chain_id)).collect();
        Ok(source)
    }

    fn name(&self) -> String {
        self.file.as_ref().map_or_else(|| EXAMPLE.to_owned(), |file| file.display().to_string())
    }

    fn read(&self) -> Result<Reader, SourceError> {
        let reader = match &self.file {
            Some(file) => FeedReader::open(file),
            None => chain::example_feed(),
        };
        reader.map_err(|source| SourceError::Feed { name: self.name(), source })
    }

    pub(super) fn chains(&self) -> Vec<(ChainKey, StateLimits)> {
        self.chains.iter().map(|(key, _)| (key.clone(), StateLimits::default())).collect()
    }

    pub(super) fn begin(self, beginning: Beginning<'_>) -> Vec<watch::Receiver<ChainStatus>> {
        let shutdown = beginning.tasks.shutdown();
        let Beginning { histories, observe, tasks, .. } = beginning;
        let status = |(key, id): &(ChainKey, u64)| {
            let mut status = ChainStatus::booting(key.clone(), format!("replay-{key}"), 0);
            status.chain_id = Some(*id);
            status.updated_unix_ms = unix_ms();
            if let Some(head) = histories.get(key).and_then(|blocks| blocks.last()) {
                status.note_head(head.header.block());
            }
            watch::Sender::new(status)
        };
        let statuses: Vec<_> = self.chains.iter().map(status).collect();
        let shown = statuses.iter().map(watch::Sender::subscribe).collect();
        let histories = histories.into_iter().filter(|(_, blocks)| !blocks.is_empty()).collect();
        let player = Player { source: self, statuses, observe, histories };
        tasks.spawn("replay a feed", player.run(shutdown));
        shown
    }
}

/// A chain begins amid the feed.
#[derive(Debug, thiserror::Error)]
#[error("the chain {0} begins amid the feed: move its header to the others, at the beginning")]
struct LateChain(ChainKey);

/// Replays a feed.
struct Player {
    source: ReplaySource,
    statuses: Vec<watch::Sender<ChainStatus>>,
    observe: mpsc::Sender<Observation>,
    histories: Vec<(ChainKey, Vec<Arc<Block>>)>,
}

impl Player {
    async fn run(mut self, mut shutdown: Shutdown) {
        let played = tokio::select! {
            () = shutdown.asked() => return,
            played = self.play() => played,
        };
        let error = match played {
            Ok(()) => {
                tracing::info!(feed = self.source.name(), "the feed was replayed to its end");
                None
            }
            Err(error) => {
                let name = self.source.name();
                tracing::error!(feed = name, error = &*error, "the feed can't be replayed further");
                Some(error.to_string())
            }
        };
        for status in &self.statuses {
            status.send_modify(|row| {
                row.state = FeedState::Disconnected;
                row.updated_unix_ms = unix_ms();
                row.last_error.clone_from(&error);
            });
        }
    }

    async fn play(&mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut lines = Some(self.lines().await??);
        let began = Instant::now();
        while let Some(mut replay) = lines.take() {
            let read = spawn_blocking(move || {
                let items: Vec<_> = replay.by_ref().take(READ_AT_ONCE).collect();
                (replay, items)
            });
            let (replay, items) = read.await?;
            let is_last = items.len() < READ_AT_ONCE;
            for item in items {
                let item = item?;
                self.check(&item.chain)?;
                self.tell(item, began).await;
            }
            lines = (!is_last).then_some(replay);
        }
        Ok(())
    }

    /// Returns the lines that are left behind what is known.
    async fn lines(&mut self) -> Result<Result<Lines, SourceError>, JoinError> {
        let (source, histories) = (self.source.clone(), std::mem::take(&mut self.histories));
        spawn_blocking(move || {
            let known: Vec<_> = histories
                .iter()
                .filter_map(|(key, blocks)| Some((key.clone(), blocks.last()?.header.block())))
                .collect();
            let reader = source.read()?;
            let skipped = if known.is_empty() { 0 } else { lines_known(source.read()?, &known) };
            let mut replay =
                Replay::new(reader.skip(skipped), source.speed, TrackerLimits::default());
            histories.into_iter().for_each(|(key, blocks)| replay.resume(key, blocks));
            Ok(replay)
        })
        .await
    }

    /// Refuses a chain of which nobody was told when the feed was opened: what happens on it would
    /// be left out without a word.
    fn check(&self, chain: &ChainKey) -> Result<(), LateChain> {
        let is_known = self.statuses.iter().any(|status| status.borrow().chain_key == *chain);
        if is_known { Ok(()) } else { Err(LateChain(chain.clone())) }
    }

    async fn tell(&self, item: ReplayItem, began: Instant) {
        let ReplayItem { chain, due, input } = item;
        if !due.is_zero() {
            tokio::time::sleep_until(began + due).await;
        }
        let now = unix_ms();
        self.note(&chain, &input, now);
        // Nobody decides any more where the process ends.
        let _ = self.observe.send(Observation { chain, observed_unix_ms: now, input }).await;
    }

    fn note(&self, chain: &ChainKey, input: &Input, now: u64) {
        let found = self.statuses.iter().find(|status| status.borrow().chain_key == *chain);
        let Some(status) = found else { return };
        status.send_modify(|row| {
            row.state = FeedState::Active;
            (row.updated_unix_ms, row.silent_for_ms) = (now, Some(0));
            match (input, head_of(input)) {
                (Input::Broken(broken), Some(head)) => {
                    row.note_break(broken.last, head, StateLimits::default().final_depth);
                }
                (_, Some(head)) => row.note_head(head),
                (_, None) => row.last_pending_unix_ms = Some(now),
            }
        });
    }
}

/// Returns the head that an input leads to; none where it tells of a transaction.
fn head_of(input: &Input) -> Option<BlockRef> {
    let last = |blocks: &[Arc<Block>]| blocks.last().map(|block| block.header.block());
    match input {
        Input::Pending(_) | Input::Tick => None,
        Input::Update(Update::Commit { new } | Update::Reorg { new, .. }) => last(new),
        Input::Broken(broken) => last(&broken.new),
        Input::Update(Update::Revert { old }) => old.last().map(|block| BlockRef {
            number: block.header.number.saturating_sub(1),
            hash: block.header.parent_hash,
        }),
    }
}

/// Returns how many lines tell of nothing new: those up to the last one of a known head.
fn lines_known(reader: Reader, known: &[(ChainKey, BlockRef)]) -> usize {
    let is_known = |line: &chain::FeedLine| match &line.event {
        FeedEvent::Block(block) => {
            let head = block.header.block();
            known.iter().any(|(key, at)| *key == line.chain && *at == head)
        }
        _ => false,
    };
    let lines = reader.map_while(Result::ok).enumerate();
    lines.filter(|(_, line)| is_known(line)).map(|(at, _)| at + 1).last().unwrap_or(0)
}

fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since: Duration| since.as_millis() as u64)
}
