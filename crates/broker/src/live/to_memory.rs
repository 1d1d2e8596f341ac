//! One stream from Redis to memory: memory's log follows that of Redis, and goes on from it once
//! nothing can be added to it here any more.

use std::sync::Arc;

use event::{Event, ForkKind, Gap, GapReason, Ledger, MonoMs, Seq, StreamName};
use tokio::time::{Instant, timeout};

use super::{
    Core, Moved, SwitchError,
    cell::Cell,
    plan::{Target, grew_out_of, hides_loss},
};
use crate::{
    Page, ReplicaBroker,
    memory::log::{Kept, Log},
    redis::switching::{USED_MAX, UsedKey},
};

/// How often a copy is begun with again whose log's window moves away under it.
const TRIES_MAX: u32 = 8;

impl Core {
    /// Lets memory's log have all that Redis has now.
    pub(super) async fn follow_redis(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(), SwitchError> {
        let Some(theirs) = replica.trunk().stored(&cell.stream).await? else { return Ok(()) };
        let is_shadow = cell.side.lock().is_shadow;
        let theirs = (&theirs.lineage, theirs.head);
        let ours = self.options.memory.peek(&cell.stream, |log| {
            let ours = (log.lineage(), log.head().seq);
            let goes_on = is_shadow && grew_out_of(theirs, ours) && !hides_loss(ours.0, theirs.0);
            goes_on.then_some(log.head().seq)
        });
        if let Some(Some(head)) = ours
            && self.extend(replica, cell, head).await?
        {
            return Ok(());
        }
        let log = self.copy_of(replica, &cell.stream).await?;
        self.options
            .memory
            .change(&cell.stream, |ours| *ours = log)
            .ok_or(SwitchError::StreamsFull)?;
        cell.side.lock().is_shadow = true;
        let head = self.options.memory.peek(&cell.stream, |log| log.head().seq);
        self.extend(replica, cell, head.unwrap_or_default()).await?;
        Ok(())
    }

    /// Reads what follows; returns whether memory's log is whole with it.
    async fn extend(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
        mut head: Seq,
    ) -> Result<bool, SwitchError> {
        let memory = &self.options.memory;
        let (now, limits) = (memory.clock().mono(), memory.limits());
        loop {
            let page = replica.trunk().stretch(&cell.stream, head).await?;
            let known = replica.trunk().last_known(&cell.stream);
            let Some((lineage, _)) = known else { return Ok(false) };
            if page.gap.is_some() || page.after.seq != head {
                return Ok(false);
            }
            let events: Vec<Arc<Event>> = page.events.iter().cloned().collect();
            let followed =
                memory.change(&cell.stream, |log| log.follow(&lineage, &events, now, limits));
            if followed != Some(true) {
                return Ok(false);
            }
            self.count_followed(&events);
            head = page.next.seq;
            if !page.has_more() || events.is_empty() {
                break;
            }
        }
        self.follow_keys(replica, &cell.stream).await?;
        Ok(true)
    }

    /// Reads the keys that were used since memory's log last had all of them.
    async fn follow_keys(
        &self,
        replica: &ReplicaBroker,
        stream: &StreamName,
    ) -> Result<(), SwitchError> {
        let memory = &self.options.memory;
        let now = memory.clock().mono();
        let knows = |used: &[UsedKey]| {
            let any = |log: &Log| used.iter().any(|(key, _, _)| log.keys().knows(key));
            memory.peek(stream, any).unwrap_or(false)
        };
        let new = used_until(replica, stream, knows).await?;
        if !new.is_empty() {
            memory.change(stream, |log| take_used(log, &new, now));
        }
        Ok(())
    }

    /// Reads all keys that Redis has of a log.
    pub(super) async fn take_keys(
        &self,
        replica: &ReplicaBroker,
        stream: &StreamName,
        log: &mut Log,
    ) -> Result<(), SwitchError> {
        let now = self.options.memory.clock().mono();
        take_used(log, &used_until(replica, stream, |_| false).await?, now);
        Ok(())
    }

    /// Reads a log of Redis whole: its window, ages and account.
    pub(super) async fn copy_of(
        &self,
        replica: &ReplicaBroker,
        stream: &StreamName,
    ) -> Result<Log, SwitchError> {
        let trunk = replica.trunk();
        for _ in 0..TRIES_MAX {
            let ages = trunk.window_ages(stream).await?;
            let ledger = trunk.ledger_now(stream).await?;
            let mut events: Vec<Arc<Event>> = Vec::new();
            let (mut after, mut lost_to) = (ledger.window_after.seq, Seq::ZERO);
            while after < ledger.last.seq {
                let page: Page = trunk.stretch(stream, after).await?;
                let is_loss = |gap: &Gap| gap.reason == GapReason::DataLoss;
                if page.after.seq > after && page.gap.as_ref().is_some_and(is_loss) {
                    // Memory's window has no hole, and begins behind that.
                    events.clear();
                    (after, lost_to) = (page.after.seq, page.after.seq);
                }
                if page.events.first().is_none_or(|e| e.position.seq != after.next()) {
                    break;
                }
                let wanted = page.events.iter().filter(|e| e.position.seq <= ledger.last.seq);
                events.extend(wanted.cloned());
                after = page.events.last().map_or(after, |event| event.position.seq);
            }
            let known = trunk.last_known(stream);
            let is_whole = after >= ledger.last.seq;
            let Some((lineage, _)) = known.filter(|_| is_whole) else { continue };
            let now = self.options.memory.clock().mono();
            let mut marks = ages.into_iter().peekable();
            let window = events.iter().map(|event| {
                while marks.peek().is_some_and(|(_, seq)| *seq < event.position.seq) {
                    marks.next();
                }
                let age = marks.peek().map(|(age, _)| *age).unwrap_or_default();
                Kept { at: now.minus(age), event: Arc::clone(event) }
            });
            let window: Vec<_> = window.collect();
            self.count_followed(&events);
            if let Some(log) = Log::copied(&lineage, &ledger, window) {
                return Ok(log.with_lost_to(lost_to));
            }
        }
        Err(SwitchError::Restless(format!(
            "the log of `{stream}` changes meanwhile, or contradicts itself"
        )))
    }

    /// Compares memory's copy with the log in Redis, as far as both have come.
    pub(super) async fn compare_with_memory(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(), SwitchError> {
        if replica.trunk().stored(&cell.stream).await?.is_none() {
            return Ok(());
        }
        for _ in 0..TRIES_MAX {
            self.follow_redis(replica, cell).await?;
            let theirs = replica.trunk().ledger_now(&cell.stream).await?;
            let ours = self.options.memory.peek(&cell.stream, Log::ledger);
            let Some(ours) = ours else { return Ok(()) };
            if ours.last.seq != theirs.last.seq {
                continue;
            }
            if (ours.first, ours.count, ours.hash) != (theirs.first, theirs.count, theirs.hash) {
                cell.side.lock().is_shadow = false;
                return Err(SwitchError::Differs(cell.stream.to_string()));
            }
            return Ok(());
        }
        // It grows faster than two calls take; it is compared once more when appends wait.
        Ok(())
    }

    /// Takes a stream back into memory.
    pub(super) async fn move_to_memory(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(), SwitchError> {
        self.follow_redis(replica, cell).await?;
        let began = Instant::now();
        let held = timeout(self.options.patience, cell.gate.write()).await;
        let Ok(_held) = held else { return Err(SwitchError::Busy(cell.stream.to_string())) };
        if cell.owner() == Target::Memory {
            return Ok(());
        }
        if !replica.is_up() {
            // What this replica keeps while Redis is lost is in no log that could be copied.
            return Err(SwitchError::Unreachable(
                "what was kept meanwhile is not merged".to_owned(),
            ));
        }
        // What others append from now on is not read any more.
        let _leaving = cell.leave();
        let taken = timeout(self.options.hold_max, self.take_from_redis(replica, cell)).await;
        let late = |_| SwitchError::Unreachable("it did not answer in time".to_owned());
        let (before, after) = taken.map_err(late)??;
        let mut side = cell.side.lock();
        (side.copy, side.is_shadow) = (None, false);
        drop(side);
        cell.give(Target::Memory);
        let (stream, pause) = (cell.stream.clone(), began.elapsed());
        self.count_moved(Moved { stream, before, after, pause });
        Ok(())
    }

    /// Takes the rest of a log while appends to it wait; returns its account before and after.
    async fn take_from_redis(
        &self,
        replica: &ReplicaBroker,
        cell: &Cell,
    ) -> Result<(Ledger, Ledger), SwitchError> {
        let (trunk, memory) = (replica.trunk(), &self.options.memory);
        let mut before = None;
        if trunk.stored(&cell.stream).await?.is_some() {
            trunk.fence_off(&cell.stream).await?;
            self.compare_with_memory(replica, cell).await?;
            cell.side.lock().merged = trunk.merged_branches(&cell.stream).await?;
            before = memory.peek(&cell.stream, Log::ledger);
        }
        let epoch = memory.draw_epoch();
        let after = memory.change(&cell.stream, |log| {
            log.fork(epoch, ForkKind::Whole);
            log.ledger()
        });
        let after = after.ok_or(SwitchError::StreamsFull)?;
        Ok((before.unwrap_or_else(|| after.clone()), after))
    }
}

/// Reads the keys of a log in Redis from the newest back, up to a page that is known or to the first;
/// returns them oldest first.
async fn used_until(
    replica: &ReplicaBroker,
    stream: &StreamName,
    is_known: impl Fn(&[UsedKey]) -> bool,
) -> Result<Vec<UsedKey>, SwitchError> {
    let (mut skip, mut pages) = (0, Vec::new());
    loop {
        let (count, used) = replica.trunk().used_keys(stream, skip).await?;
        let is_last = count < USED_MAX || is_known(&used);
        skip += count;
        pages.push(used);
        if is_last {
            return Ok(pages.into_iter().rev().flatten().collect());
        }
    }
}

fn take_used(log: &mut Log, used: &[UsedKey], now: MonoMs) {
    for (key, done, age) in used {
        log.take_key(*key, done, now.minus(*age));
    }
}
