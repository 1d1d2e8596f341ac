//! One stream from memory to Redis: its window is copied beside the log there, and the copy takes
//! the log's place while appends wait.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use event::{Event, ForkKind, Ledger, Seq};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Core, Moved, SwitchError,
    cell::{Cell, CopyUnderWay},
    plan::{Placement, Target, hides_loss, placement},
};
use crate::{
    ReplicaBroker,
    memory::log::{Log, WindowLimits},
    redis::{
        failure::Failure,
        state::State,
        switching::{Copied, Placed, Placing, Round, UsedKey, digest_of},
    },
    trunk::moving::ToMerge,
};

/// Most events of one round, and most bytes of their JSON.
const ROUND_EVENTS_MAX: usize = 500;
const ROUND_BYTES_MAX: usize = 1 << 20;

/// Most idempotency keys of one round.
const ROUND_KEYS_MAX: usize = 200;

/// How many events may have come when most of a branch is merged: the rest is merged while appends
/// wait.
const AHEAD_EVENTS_MAX: u64 = 100;

/// How often a stream that changes under its switch is begun with again.
const TRIES_MAX: u32 = 8;

/// How often a placing without an answer is repeated.
const ANSWERS_MAX: u32 = 3;

/// How long to wait before it is.
const AGAIN: Duration = Duration::from_millis(20);

/// How many rounds a copy takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounds {
    /// No more than a window has, twice: a writer faster than the copy must not keep it for ever.
    WhileAppended,
    /// As many as it needs, while appends wait.
    All,
}

impl Rounds {
    fn most(self, limits: &WindowLimits) -> usize {
        match self {
            Rounds::WhileAppended => 8 + 2 * limits.events_max.div_ceil(ROUND_EVENTS_MAX),
            Rounds::All => usize::MAX,
        }
    }
}

/// One round as it was cut from memory's log.
struct Cut {
    is_anew: bool,
    after: Seq,
    events: Vec<(Duration, Arc<Event>)>,
    keys: Vec<UsedKey>,
}

impl Core {
    /// Copies what Redis has not of a stream; returns what is to become of it, and what is there.
    pub(super) async fn copy_to_redis(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
        rounds: Rounds,
    ) -> Result<(Placement, Option<State>), SwitchError> {
        let theirs = replica.trunk().settled(&cell.stream).await?;
        let history = theirs.as_ref().map(|state| (&state.lineage, state.head));
        let placement = self
            .options
            .memory
            .change(&cell.stream, |log| placement((log.lineage(), log.head().seq), history))
            .ok_or(SwitchError::StreamsFull)?;
        if placement != Placement::Whole {
            return Ok((placement, theirs));
        }
        let keys_after = theirs.as_ref().map_or(Seq::ZERO, |state| state.head);
        for _ in 0..rounds.most(self.options.memory.limits()) {
            let Some(cut) = self.cut(cell, keys_after) else { break };
            let round = Round {
                token: self.token(),
                is_anew: cut.is_anew,
                after: cut.after,
                events: &cut.events,
                keys: &cut.keys,
            };
            let copied = replica.trunk().stage(&cell.stream, &round).await;
            let mut side = cell.side.lock();
            match copied {
                Ok(Copied::Up(head)) => {
                    if let Some(copy) = &mut side.copy {
                        copy.head = head;
                    }
                    drop(side);
                    self.count_copied(&cut.events);
                }
                Ok(Copied::Elsewhere(_) | Copied::Gone) => side.copy = None,
                Ok(Copied::Fenced(token)) => return Err(SwitchError::Overtaken(token)),
                Err(failure) => {
                    // Whether the round is there is not known, so the copy begins anew.
                    side.copy = None;
                    return Err(failure.into());
                }
            }
        }
        Ok((placement, theirs))
    }

    /// Cuts the next round from memory's log; `None` where all of it is copied.
    fn cut(&self, cell: &Cell, keys_after: Seq) -> Option<Cut> {
        let now = self.options.memory.clock().mono();
        let mut side = cell.side.lock();
        self.options.memory.peek(&cell.stream, |log| {
            let token = self.token();
            let fits = |copy: &CopyUnderWay| {
                let is_ours = copy.token == token && copy.keys_after == keys_after;
                is_ours && log.window_after() <= copy.head && copy.head <= log.head().seq
            };
            let is_anew = !side.copy.as_ref().is_some_and(fits);
            if is_anew {
                side.copy = Some(CopyUnderWay {
                    token,
                    head: log.window_after(),
                    keys_after,
                    keys: VecDeque::new(),
                    listed: Default::default(),
                    listed_at: None,
                });
            }
            let copy = side.copy.as_mut()?;
            let after = copy.head;
            let mut bytes = 0;
            let kept = log.kept_after(after).take(ROUND_EVENTS_MAX).take_while(|kept| {
                bytes += kept.event.json.len();
                bytes <= ROUND_BYTES_MAX || bytes == kept.event.json.len()
            });
            let events: Vec<_> =
                kept.map(|kept| (now.since(kept.at), Arc::clone(&kept.event))).collect();
            copy.list_keys(log);
            let most = copy.keys.len().min(ROUND_KEYS_MAX);
            let keys = copy.keys.drain(..most);
            let keys: Vec<_> = keys.map(|(key, done, at)| (key, done, now.since(at))).collect();
            let is_done = !is_anew && events.is_empty() && keys.is_empty();
            (!is_done).then_some(Cut { is_anew, after, events, keys })
        })?
    }

    /// Compares a stream's copy with memory's log.
    pub(super) async fn compare_with_redis(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(), SwitchError> {
        let (placement, _) = self.copy_to_redis(replica, cell, Rounds::WhileAppended).await?;
        if placement != Placement::Whole {
            return Ok(());
        }
        let head = cell.side.lock().copy.as_ref().map_or(Seq::ZERO, |copy| copy.head);
        let events: Vec<_> = self
            .options
            .memory
            .peek(&cell.stream, |log| {
                let kept = log.kept_after(Seq::ZERO).map(|kept| Arc::clone(&kept.event));
                kept.take_while(|event| event.position.seq <= head).collect()
            })
            .unwrap_or_default();
        for chunk in events.chunks(ROUND_EVENTS_MAX) {
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
            let (from, to) = (first.position.seq, last.position.seq);
            let stored = replica.trunk().copy_digest(&cell.stream, from, to).await?;
            let ours = digest_of(chunk.iter().map(|event| &**event));
            if stored != (chunk.len() as u64, ours) {
                cell.side.lock().copy = None;
                return Err(SwitchError::Differs(cell.stream.to_string()));
            }
        }
        Ok(())
    }

    /// Gives a stream to Redis.
    pub(super) async fn move_to_redis(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(), SwitchError> {
        // As much as can be is done before appends wait.
        self.merge_ahead(replica, cell).await?;
        let began = Instant::now();
        let held = timeout(self.options.patience, cell.gate.write()).await;
        let Ok(_held) = held else { return Err(SwitchError::Busy(cell.stream.to_string())) };
        if cell.owner() == Target::Redis {
            return Ok(());
        }
        // Broken off amid it, what may be in Redis is a copy, and memory goes on.
        let given = timeout(self.options.hold_max, self.give_to_redis(replica, cell)).await;
        let late = |_| SwitchError::Unreachable("it did not answer in time".to_owned());
        let (before, after) = given.map_err(late)??;
        let mut side = cell.side.lock();
        // Memory's log goes on as a copy where it is the same.
        (side.copy, side.is_shadow) =
            (None, (before.last.seq, before.hash) == (after.last.seq, after.hash));
        drop(side);
        cell.give(Target::Redis);
        let (stream, pause) = (cell.stream.clone(), began.elapsed());
        self.count_moved(Moved { stream, before, after, pause });
        Ok(())
    }

    /// Copies a stream's log, or merges most of it where Redis has another history.
    async fn merge_ahead(&self, replica: &ReplicaBroker, cell: &Cell) -> Result<(), SwitchError> {
        for _ in 0..TRIES_MAX {
            let copied = self.copy_to_redis(replica, cell, Rounds::WhileAppended).await?;
            let (Placement::Branch(shared), Some(theirs)) = copied else { return Ok(()) };
            let log = self.options.memory.change(&cell.stream, |log| log.clone());
            let log = log.ok_or(SwitchError::StreamsFull)?;
            if hides_loss(log.lineage(), &theirs.lineage) {
                // It has to be told first, and that is done while appends wait.
                return Ok(());
            }
            let (stream, epoch) = (&cell.stream, self.options.memory.draw_epoch());
            let before = log.head().seq;
            replica.merge_ahead(&ToMerge { stream, log: &log, shared, epoch }).await?;
            let ours = self.options.memory.peek(&cell.stream, |log| log.head().seq);
            if ours.unwrap_or(before).count_after(before) <= AHEAD_EVENTS_MAX {
                return Ok(());
            }
        }
        // The writer is as fast as the merge; the rest is at most what a window has.
        Ok(())
    }

    /// Gives a log to Redis while appends to it wait; returns its account before and after.
    async fn give_to_redis(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(Ledger, Ledger), SwitchError> {
        let log = || self.options.memory.change(&cell.stream, |log| log.clone());
        let mut is_told = false;
        for _ in 0..TRIES_MAX {
            let (placement, theirs) = self.copy_to_redis(replica, cell, Rounds::All).await?;
            let log = log().ok_or(SwitchError::StreamsFull)?;
            let before = log.ledger();
            let after = match (placement, &theirs) {
                (Placement::Whole, _) => self.place(replica, cell, log, theirs.as_ref()).await?,
                (_, None) => None,
                (_, Some(theirs)) if !is_told && hides_loss(log.lineage(), &theirs.lineage) => {
                    is_told = self.tell_loss(replica, cell, theirs).await?;
                    None
                }
                (Placement::There, Some(_)) => {
                    Some(replica.trunk().ledger_now(&cell.stream).await?)
                }
                (Placement::Branch(shared), Some(_)) => {
                    let (stream, epoch) = (&cell.stream, self.options.memory.draw_epoch());
                    let now = self.options.memory.clock().mono();
                    let log = ToMerge { stream, log: &log, shared, epoch };
                    replica.merge_log(&log, now).await?;
                    Some(replica.trunk().ledger_now(&cell.stream).await?)
                }
            };
            if let Some(after) = after {
                return Ok((before, after));
            }
        }
        Err(SwitchError::Restless(format!("`{}` changes in Redis again and again", cell.stream)))
    }

    /// Says in Redis what memory's log says of a loss; `false` where it has to be tried again.
    async fn tell_loss(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
        theirs: &State,
    ) -> Result<bool, SwitchError> {
        // Under a name of its own: places of the lossy epoch itself are memory's.
        let epoch = self.options.memory.draw_epoch();
        Ok(replica.trunk().tell_loss(&cell.stream, theirs, epoch).await?)
    }

    /// Puts the copy in the log's place; `None` where Redis has to be looked at again.
    async fn place(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
        mut log: Log,
        seen: Option<&State>,
    ) -> Result<Option<Ledger>, SwitchError> {
        log.fork(self.options.memory.draw_epoch(), ForkKind::Whole);
        let (lineage, ledger) = (log.lineage().clone(), log.ledger());
        let (token, lost_to) = (self.token(), log.lost_to());
        let placing = Placing { token, seen, lineage: &lineage, ledger: &ledger, lost_to };
        let mut tries = 0;
        let placed = loop {
            match replica.trunk().place(&cell.stream, &placing).await {
                // The epoch is the same, so that it is done once.
                Err(Failure { maybe: true, .. }) if tries < ANSWERS_MAX => {
                    tries += 1;
                    sleep(AGAIN).await;
                }
                placed => break placed?,
            }
        };
        match placed {
            Placed::There(_) => {
                replica.take_over(&cell.stream, &log)?;
                Ok(Some(ledger))
            }
            Placed::Changed => Ok(None),
            Placed::Gone => {
                cell.side.lock().copy = None;
                Ok(None)
            }
            Placed::Fenced(token) => Err(SwitchError::Overtaken(token)),
        }
    }
}

impl CopyUnderWay {
    /// Lists the keys that were used since they were last listed.
    fn list_keys(&mut self, log: &Log) {
        if !self.keys.is_empty() {
            return;
        }
        let (since, mut latest) = (self.listed_at, self.listed_at);
        for bucket in log.keys().buckets() {
            if since.is_some_and(|since| bucket.ended < since) {
                continue;
            }
            for (key, done) in &bucket.done {
                if done.first.seq > self.keys_after && self.listed.insert(*key) {
                    self.keys.push_back((*key, done.clone(), bucket.ended));
                }
            }
            latest = latest.max(Some(bucket.ended));
        }
        self.listed_at = latest;
    }
}
