//! Bringing branches back: rounds of events, the last one while appends wait.
//!
//! What a crash at any point leaves is the spool and the records, from which the merge goes on: an
//! event is written to the spool before it is merged, and the records say how far it came. They may
//! also say less than was known: then Redis has forgotten, and what it had is merged again. A round
//! counts only under the epoch under which the records were read and the trunk was searched, since
//! an epoch is one unbroken ownership: nothing was lost in between. Others may bring back the same
//! events meanwhile: what they put behind the searched part is compared with each round.

use std::{collections::HashSet, sync::Arc};

use event::{Epoch, EventId, Lineage, Seq, StreamName};
use futures_util::{StreamExt, stream};

use super::{
    Core,
    branch::{Branch, Round},
    cell::Cell,
    record::BranchRecord,
};
use crate::redis::{
    failure::Failure,
    merging::{Merged, Merging, Search, Searched},
};

/// How many streams are merged at once.
const AT_ONCE: usize = 8;

/// Most events of one round, and most bytes of their JSON.
const ROUND_EVENTS_MAX: usize = 500;
const ROUND_BYTES_MAX: usize = 1 << 20;

/// How many events may be left when the last round begins, while appends wait.
const LAST_EVENTS_MAX: usize = ROUND_EVENTS_MAX;

/// Most rounds before the last one: a writer faster than them must not keep a branch for ever.
const ROUNDS_MAX: usize = 2_000;

/// Most rounds that merge nothing while appends wait.
const STALLS_MAX: usize = 16;

/// How often the trunk is looked at again because its owner has changed meanwhile.
const LOOKS_MAX: usize = 16;

/// How many pages of the trunk are read again after a merge, so that the mirror has no hole.
const REFILL_PAGES_MAX: usize = 4;

/// What one attempt knows of the trunk.
#[derive(Default)]
pub(super) struct Attempt {
    /// The epoch under which it holds; `None` where it has to be found out.
    epoch: Option<Epoch>,
    /// Whether what was sent by earlier attempts can't arrive any more.
    is_fenced: bool,
    searched: Searched,
    /// The record by which everything is merged, and the trunk's lineage then.
    closed: Option<(BranchRecord, Lineage)>,
}

impl Attempt {
    /// Forgets what held under another epoch.
    fn begin_again(&mut self) {
        *self = Attempt { is_fenced: self.is_fenced, ..Attempt::default() };
    }

    /// Returns whether everything of a round that may be on the trunk was looked for.
    fn has_looked_for(&self, round: &Round) -> bool {
        round.unsure_ids().all(|id| self.searched.ids.contains(&id))
    }
}

impl Core {
    /// Merges every branch; the streams without one just go back. One that fails does not keep the
    /// others, and where that is for what stands under its stream's keys, it alone is left.
    pub(super) async fn merge_all(&self) -> Result<(), Failure> {
        self.restore_records().await?;
        let mut left = self.merge_older().await?;
        loop {
            let mut cells = self.cells_with_branches();
            cells.retain(|cell| !left.contains(&cell.stream));
            if cells.is_empty() {
                return Ok(());
            }
            let merge = |cell: Arc<Cell>| async move { (self.merge(&cell).await, cell) };
            let merges = stream::iter(cells).map(merge);
            let merges: Vec<_> = merges.buffer_unordered(AT_ONCE).collect().await;
            let mut failed = Ok(());
            for (merged, cell) in merges {
                match merged {
                    Err(failure) if failure.is_of_log => {
                        self.leave_on_branch(&cell.stream, failure.reason);
                        left.insert(cell.stream.clone());
                    }
                    Err(failure) => failed = Err(failure),
                    Ok(()) => {}
                }
            }
            failed?;
        }
    }

    /// Merges the branches of streams that have a later one too, one after the other; returns the
    /// streams where that can't be done.
    async fn merge_older(&self) -> Result<HashSet<StreamName>, Failure> {
        let mut left = HashSet::new();
        for older in self.older() {
            if left.contains(&older.stream) {
                continue;
            }
            match self.merge(&older).await {
                Err(failure) if failure.is_of_log => {
                    self.leave_on_branch(&older.stream, failure.reason);
                    left.insert(older.stream.clone());
                }
                merged => merged?,
            }
            let is_merged = older.side.lock().branch.is_none();
            if is_merged {
                self.older.lock().retain(|other| !Arc::ptr_eq(other, &older));
                let records = std::mem::take(&mut older.side.lock().merged);
                if let Ok(cell) = self.cell(&older.stream) {
                    let mut side = cell.side.lock();
                    records.into_iter().for_each(|record| side.remember_merged(record));
                }
            }
        }
        Ok(left)
    }

    /// Merges a stream's branch, and makes the stream the trunk's again.
    pub(super) async fn merge(&self, cell: &Arc<Cell>) -> Result<(), Failure> {
        let has_places = |branch: &Branch| branch.has_places();
        if !cell.side.lock().branch.as_ref().is_some_and(has_places) {
            let _alone = cell.gate.write().await;
            // An append may have come between; then it is merged in another turn.
            if !cell.side.lock().branch.as_ref().is_some_and(has_places) {
                self.go_back(cell).await;
            }
            return Ok(());
        }
        let mut attempt = self.merge_ahead(cell, LAST_EVENTS_MAX).await?;
        // From here on appends to this stream wait.
        let _alone = cell.gate.write().await;
        self.save_cell(cell).await;
        if attempt.closed.is_some() {
            // An append may have come behind it.
            attempt.begin_again();
        }
        let (record, lineage) = self.merge_rest(cell, &mut attempt).await?;
        let parent = record.parent;
        cell.side.lock().remember(record, &lineage);
        // A reader here goes through the view, and this replica may be cut off meanwhile.
        self.refill(cell, parent).await;
        // Before anybody appends to the trunk under one of them.
        let run = self.trunk.run().ok_or_else(|| Failure::refused("the connection broke"))?;
        self.give_keys(&run, cell).await?;
        self.go_back(cell).await;
        Ok(())
    }

    /// Merges a branch but for so many events, while appends go on.
    pub(super) async fn merge_ahead(
        &self,
        cell: &Arc<Cell>,
        left_max: usize,
    ) -> Result<Attempt, Failure> {
        let mut attempt = Attempt::default();
        self.look(cell, &mut attempt).await?;
        for _ in 0..ROUNDS_MAX {
            if self.pending(cell) <= left_max {
                break;
            }
            self.save_cell(cell).await;
            self.merge_round(cell, &mut attempt, false).await?;
            self.look(cell, &mut attempt).await?;
        }
        Ok(attempt)
    }

    /// Merges what is left until the record is closed, and known to be; returns it.
    async fn merge_rest(
        &self,
        cell: &Cell,
        attempt: &mut Attempt,
    ) -> Result<(BranchRecord, Lineage), Failure> {
        let mut stalls = 0;
        loop {
            let pending = self.pending(cell);
            self.look(cell, attempt).await?;
            if let Some(closed) = attempt.closed.take() {
                return Ok(closed);
            }
            self.merge_round(cell, attempt, true).await?;
            if self.pending(cell) >= pending {
                stalls += 1;
            }
            if stalls > STALLS_MAX {
                let name = cell.side.lock().branch.as_ref().map(|branch| branch.name().to_string());
                return Err(Failure::refused(format!(
                    "the branch {} of {} does not come further: its record changes again and again",
                    name.unwrap_or_default(),
                    cell.stream
                )));
            }
        }
    }

    /// Agrees with the trunk and the records as they stand, and looks on the trunk for what may be
    /// there and was not looked for yet; nothing is to be done where that holds still.
    async fn look(&self, cell: &Cell, attempt: &mut Attempt) -> Result<(), Failure> {
        for _ in 0..LOOKS_MAX {
            if attempt.epoch.is_none() {
                self.agree(cell, attempt).await?;
            }
            if self.search(cell, attempt).await? {
                return Ok(());
            }
        }
        Err(Failure::refused("the log's owner changes again and again"))
    }

    async fn agree(&self, cell: &Cell, attempt: &mut Attempt) -> Result<(), Failure> {
        attempt.begin_again();
        let state = self.trunk.state_now(&cell.stream).await?;
        let records = self.trunk.records_now(&cell.stream).await?;
        let closed = self.change_branch(cell, |branch| {
            branch.stand_on(&state.lineage, state.head);
            branch.agree(&records).cloned()
        });
        attempt.epoch = Some(state.lineage.current());
        attempt.closed = closed.flatten().map(|record| (record, state.lineage));
        Ok(())
    }

    /// Searches the trunk; `false` where its owner has changed, and all is to be looked at again.
    async fn search(&self, cell: &Cell, attempt: &mut Attempt) -> Result<bool, Failure> {
        let Some((parent, unsure)) = self.unsure(cell, attempt) else { return Ok(true) };
        let Some(epoch) = attempt.epoch else { return Ok(false) };
        if !attempt.is_fenced {
            // What was sent and not answered could still arrive: only another epoch keeps it out.
            let Some(fenced) = self.trunk.fence_from(&cell.stream, epoch).await? else {
                attempt.begin_again();
                return Ok(false);
            };
            (attempt.epoch, attempt.is_fenced) = (Some(fenced), true);
        }
        let (stream, searched) = (&cell.stream, &mut attempt.searched);
        let Search { found, up_to, .. } = self.trunk.find_all(stream, parent, &unsure).await?;
        // What was looked for before is known up to where it was.
        searched.up_to = if searched.ids.is_empty() { up_to } else { up_to.min(searched.up_to) };
        searched.found.extend(found);
        searched.ids.extend(unsure);
        Ok(true)
    }

    /// Searches what was appended since for all that was looked for and not found.
    async fn search_on(&self, cell: &Cell, searched: &mut Searched) -> Result<(), Failure> {
        let missing = searched.ids.iter().filter(|id| !searched.found.contains_key(id));
        let missing: HashSet<_> = missing.copied().collect();
        let search = self.trunk.find_all(&cell.stream, searched.up_to, &missing).await?;
        searched.found.extend(search.found);
        searched.up_to = search.up_to;
        Ok(())
    }

    /// Returns what is to be looked for, and after which number.
    fn unsure(&self, cell: &Cell, attempt: &Attempt) -> Option<(Seq, HashSet<EventId>)> {
        let side = cell.side.lock();
        let branch = side.branch.as_ref()?;
        let is_new = |id: &EventId| !attempt.searched.ids.contains(id);
        let unsure: HashSet<_> = branch.unsure_ids().filter(is_new).collect();
        (!unsure.is_empty()).then_some((branch.parent(), unsure))
    }

    /// Merges one round; nothing where something of it is still to be looked for.
    async fn merge_round(
        &self,
        cell: &Cell,
        attempt: &mut Attempt,
        may_end: bool,
    ) -> Result<(), Failure> {
        let Some(epoch) = attempt.epoch else { return Ok(()) };
        let sent = {
            let mut side = cell.side.lock();
            let Some(branch) = &mut side.branch else { return Ok(()) };
            let round = branch.round(ROUND_EVENTS_MAX, ROUND_BYTES_MAX);
            if !attempt.has_looked_for(&round) {
                return Ok(());
            }
            let is_last = may_end && round.is_last;
            let mut record = branch.record();
            branch.sending(&round);
            if is_last {
                record.close(branch.len(), self.options.epochs.draw());
                // Where the answer is lost, nobody knows whether the record is closed: what comes
                // then must not have places that the record's view gives to others.
                branch.begin_epoch(self.options.epochs.draw());
            }
            (branch.name(), record, round, is_last)
        };
        let (name, record, round, is_last) = &sent;
        let searched = &attempt.searched;
        let merging = Merging { epoch, name: *name, record, round, searched, is_last: *is_last };
        match self.trunk.merge(&cell.stream, &merging).await? {
            Merged::Round { merged, before, head } => {
                self.change_branch(cell, |branch| branch.merged_up_to(merged));
                if before == attempt.searched.up_to {
                    // Nobody came between, and what this round put is looked for no more.
                    attempt.searched.up_to = head;
                }
                if *is_last {
                    // That it is closed has to be seen.
                    attempt.begin_again();
                }
            }
            Merged::Behind => self.search_on(cell, &mut attempt.searched).await?,
            Merged::Elsewhere => attempt.begin_again(),
        }
        Ok(())
    }

    /// Reads what the trunk has after a number, so that this replica knows it.
    pub(super) async fn refill(&self, cell: &Cell, mut after: Seq) {
        for _ in 0..REFILL_PAGES_MAX {
            let Ok(page) = self.trunk.stretch(&cell.stream, after).await else { return };
            let known = self.trunk.last_known(&cell.stream);
            let mut side = cell.side.lock();
            if let Some((lineage, head)) = known {
                side.mirror.learn(&lineage, head);
            }
            side.mirror.take_page(&page, self.options.clock.mono(), &self.options.redis.window);
            if !page.has_more() {
                return;
            }
            after = page.next.seq;
        }
    }

    /// Makes the stream the trunk's again; to be called while appends to it wait.
    ///
    /// # Cancel safety
    /// It is: the branch goes with its file, or stays with it. The file goes first, since the next
    /// branch must not find it beside its own.
    async fn go_back(&self, cell: &Cell) {
        // A file that is being written would stand again, and its events come a second time.
        let writing = match &self.spool {
            Some(spool) => Some((spool, spool.writing().await)),
            None => None,
        };
        let saved_as = cell.side.lock().branch.as_ref().map(Branch::saved_as);
        if let (Some((spool, writing)), Some(name)) = (&writing, saved_as) {
            spool.remove(writing, &cell.stream, name);
        }
        cell.side.lock().branch = None;
        cell.changed_owner();
        tracing::debug!(stream = %cell.stream, "the stream is the trunk's again");
    }

    fn pending(&self, cell: &Cell) -> usize {
        cell.side.lock().branch.as_ref().map_or(0, |branch| branch.pending())
    }
}
