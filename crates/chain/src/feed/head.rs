//! One look at an endpoint's head, and the fetching of what is missing.

use std::time::Instant;

use super::{
    Feed, lock,
    look::{Doubt, Look},
    session::Ended,
};
use crate::{
    BlockRef, Broken, FeedState, Progress, Tracker,
    rpc::{Client, RpcError},
};

/// A head that may not be reached by walking back, since so much is missing, is filled up to.
const WALK_BLOCKS_MAX: u64 = 32;

/// How often a node may not have a block that it spoke of.
const MISSES_MAX: u32 = 8;

/// What came of filling.
enum Filled {
    /// What is missing, if anything, is walked back to.
    Near,
    /// A block does not link; this is asked for to go on.
    Walks(Progress),
    /// The node has not got what it spoke of; it is asked again at the next look.
    Later,
}

/// Why the history does not lead to a head.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// The endpoint's chain is another one below it.
    Fork,
    /// So much is missing that it is not filled.
    Hole,
}

impl Feed {
    /// Asks for the head, brings what is missing, and tells of what changed.
    pub(super) async fn look(&mut self, client: &Client, look: &mut Look) -> Result<(), Ended> {
        let begun = Instant::now();
        let head = client.head().await?;
        lock(&self.pool).succeeded(self.current, begun.elapsed(), Some(head.number));
        self.outlet.publish(|status| {
            if matches!(status.state, FeedState::Connecting) {
                status.state = FeedState::Subscribed;
            }
        });
        match look.doubt(head, &self.tracker) {
            None => {}
            Some(Doubt::Below) => return Ok(()),
            Some(Doubt::Revert) => {
                look.believe();
                return Ok(());
            }
        }
        let filled = self.fill(client, head, look).await?;
        let known = self.tracker.clone();
        let mut progress = match filled {
            Filled::Near => self.tracker.head(head),
            Filled::Walks(progress) => progress,
            Filled::Later => return Ok(()),
        };
        while let Progress::Need(block) = progress {
            progress = match client.block_by_hash(block.hash).await? {
                Some(block) => self.tracker.block(block)?,
                None if look.misses < MISSES_MAX => {
                    look.misses += 1;
                    return Ok(());
                }
                None => match self.tracker.give_up() {
                    // Nothing of it was there: the head is a mere word.
                    Progress::Known => return Err(Ended::Absent { number: head.number }),
                    progress => progress,
                },
            };
        }
        look.leads();
        self.tell(client, progress, known).await?;
        look.believe();
        Ok(())
    }

    /// Fetches blocks by their numbers while many are missing.
    async fn fill(
        &mut self,
        client: &Client,
        head: BlockRef,
        look: &mut Look,
    ) -> Result<Filled, Ended> {
        while let Some(canonical) = self.tracker.canonical_head() {
            let missing = head.number.saturating_sub(canonical.number);
            if missing <= WALK_BLOCKS_MAX || missing > self.options.backfill_blocks_max {
                return Ok(Filled::Near);
            }
            let first = canonical.number + 1;
            let last = head.number.min(canonical.number + self.options.backfill_batch.max(1));
            let blocks = client.blocks_by_number(first..=last).await?;
            if blocks.is_empty() && look.misses < MISSES_MAX {
                // One of a row of nodes may be late. To walk back would end below the history.
                look.misses += 1;
                return Ok(Filled::Later);
            }
            if blocks.is_empty() {
                return Ok(Filled::Near);
            }
            for block in blocks {
                let known = self.tracker.clone();
                match self.tracker.next(block)? {
                    need @ Progress::Need(_) => return Ok(Filled::Walks(need)),
                    progress => self.tell(client, progress, known).await?,
                }
            }
            look.believe();
            look.misses = 0;
        }
        Ok(Filled::Near)
    }

    /// Tells what follows. A break is told where it is believed; else what was known is known again.
    async fn tell(
        &mut self,
        client: &Client,
        progress: Progress,
        known: Tracker,
    ) -> Result<(), Ended> {
        if let Progress::Broken(broken) = &progress {
            match self.cause(client, broken, &known).await {
                Ok(cause) => self.tell_break(broken, cause),
                Err(ended) => {
                    self.tracker = known;
                    return Err(ended);
                }
            }
        }
        let Some(input) = progress.into_input() else { return Ok(()) };
        self.outlet.update(input).await?;
        lock(&self.pool).serves(self.current);
        let head = self.tracker.canonical_head();
        self.outlet.publish(|status| {
            status.state = FeedState::Active;
            if let Some(head) = head {
                status.note_head(head);
            }
        });
        Ok(())
    }

    /// Finds out why the history does not lead to the endpoint's head.
    ///
    /// # Errors
    /// Fails where the endpoint does not answer, where it has blocks above its head, and where its
    /// chain is another one that no other endpoint confirms: it is not believed. One that is alone is.
    async fn cause(
        &self,
        client: &Client,
        broken: &Broken,
        known: &Tracker,
    ) -> Result<Cause, Ended> {
        let Some(oldest) = known.history().next().map(|block| block.header.block()) else {
            return Ok(Cause::Hole);
        };
        if has(client, oldest).await?.unwrap_or(false) {
            let head = broken.new.last().map_or(0, |block| block.header.number);
            if head < oldest.number {
                return Err(Ended::Below { head, has: oldest.number });
            }
            return Ok(Cause::Hole);
        }
        let mut is_confirmed = self.clients.len() == 1;
        for (at, other) in self.clients.iter().enumerate().filter(|(at, _)| *at != self.current) {
            match has(other, oldest).await {
                Ok(Some(true)) => {
                    return Err(Ended::Forked { at: oldest.number, is_disproved: true });
                }
                Ok(Some(false)) => is_confirmed = true,
                Ok(None) => {}
                Err(_) => lock(&self.pool).missed(at),
            }
        }
        if is_confirmed {
            return Ok(Cause::Fork);
        }
        Err(Ended::Forked { at: oldest.number, is_disproved: false })
    }

    fn tell_break(&self, broken: &Broken, cause: Cause) {
        let last = broken.last;
        let first = broken.new.first().map_or(0, |block| block.header.number);
        let error = match cause {
            Cause::Fork => {
                format!("the chain was reorganised below its history, at {}", last.number)
            }
            Cause::Hole => {
                format!("more blocks are missing than are filled, from {} to {first}", last.number)
            }
        };
        let chain = self.config.chain_key.as_str();
        tracing::error!(chain, error, "chain is broken: what follows begins anew");
        let head = broken.new.last().map(|block| block.header.block());
        self.outlet.publish(|status| {
            status.last_error = Some(error);
            if let Some(head) = head {
                status.note_break(last, head, self.config.final_depth);
            }
        });
    }
}

/// Returns whether a node's chain has this block; `None` where it does not know that height.
async fn has(client: &Client, block: BlockRef) -> Result<Option<bool>, RpcError> {
    match client.block_at(block.number).await {
        Ok(found) => Ok(found.map(|found| found.hash == block.hash)),
        Err(error) if error.is_from_node() => Ok(None),
        Err(error) => Err(error),
    }
}
