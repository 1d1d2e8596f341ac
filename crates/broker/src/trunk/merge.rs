//! Bringing branches back: rounds of events, the last one while appends wait.
//!
//! What a crash at any point leaves is the spool and the record, from which the merge goes on: the
//! record says how far it came, and an event is written to the spool before it is merged.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use event::{EventId, Seq};
use futures_util::{StreamExt, stream};

use super::{Core, branch::Branch, cell::Cell};
use crate::redis::{
    failure::Failure,
    merging::{Merged, Merging},
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

/// How many pages of the trunk are read again after a merge, so that the mirror has no hole.
const REFILL_PAGES_MAX: usize = 4;

/// What was looked for on the trunk, and what of it is there.
#[derive(Default)]
struct Search {
    looked_for: HashSet<EventId>,
    found: HashMap<EventId, Seq>,
}

impl Core {
    /// Merges every branch; the streams without one just go back. One that fails does not keep the
    /// others.
    pub(super) async fn merge_all(&self) -> Result<(), Failure> {
        while self.has_branches() {
            let cells = self.cells_with_branches();
            let merges = stream::iter(cells).map(|cell| async move { self.merge(&cell).await });
            let merges: Vec<_> = merges.buffer_unordered(AT_ONCE).collect().await;
            merges.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    async fn merge(&self, cell: &Arc<Cell>) -> Result<(), Failure> {
        if !self.prepare(cell).await? {
            let _alone = cell.gate.write().await;
            // An append may have come between; then it is merged in another turn.
            let has_places = |branch: &Branch| branch.has_places();
            if !cell.side.lock().branch.as_ref().is_some_and(has_places) {
                self.go_back(cell).await;
            }
            return Ok(());
        }
        let mut search = Search::default();
        for _ in 0..ROUNDS_MAX {
            if self.pending(cell) <= LAST_EVENTS_MAX {
                break;
            }
            self.save_cell(cell).await;
            self.merge_round(cell, &mut search, false).await?;
        }
        // From here on appends to this stream wait.
        let _alone = cell.gate.write().await;
        self.save_cell(cell).await;
        loop {
            if self.merge_round(cell, &mut search, true).await? {
                break;
            }
        }
        let parent = cell.side.lock().branch.as_ref().map(|b| (b.name(), b.parent()));
        if let Some((name, parent)) = parent {
            // A reader here goes through the view, and this replica may be cut off meanwhile.
            if let Ok(Some(record)) = self.trunk.record_of(&cell.stream, name).await {
                cell.side.lock().remember(record);
            }
            self.refill(cell, parent).await;
        }
        self.go_back(cell).await;
        Ok(())
    }

    /// Agrees with the record of an earlier attempt; returns whether anything is to be merged.
    async fn prepare(&self, cell: &Cell) -> Result<bool, Failure> {
        let name = {
            let side = cell.side.lock();
            side.branch.as_ref().filter(|branch| branch.has_places()).map(Branch::name)
        };
        let Some(name) = name else { return Ok(false) };
        if let Some(record) = self.trunk.record_of(&cell.stream, name).await? {
            self.change_branch(cell, |branch| branch.agree(&record, self.options.epochs.draw()));
        }
        Ok(true)
    }

    /// Looks on the trunk for what may be there and was not looked for yet.
    async fn search(&self, cell: &Cell, search: &mut Search) -> Result<(), Failure> {
        let (parent, unsure) = {
            let side = cell.side.lock();
            let Some(branch) = &side.branch else { return Ok(()) };
            let is_new = |id: &EventId| !search.looked_for.contains(id);
            (branch.parent(), branch.unsure_ids().filter(is_new).collect::<HashSet<_>>())
        };
        if unsure.is_empty() {
            return Ok(());
        }
        // What was sent and not answered could still arrive: only another epoch keeps it out.
        if let Some((lineage, _)) = self.trunk.last_known(&cell.stream) {
            self.trunk.fence(&cell.stream, lineage.current()).await?;
        }
        search.found.extend(self.trunk.find_all(&cell.stream, parent, &unsure).await?);
        search.looked_for.extend(unsure);
        Ok(())
    }

    /// Merges one round; returns whether the branch is closed by it.
    async fn merge_round(
        &self,
        cell: &Cell,
        search: &mut Search,
        may_end: bool,
    ) -> Result<bool, Failure> {
        self.search(cell, search).await?;
        let next = {
            let mut side = cell.side.lock();
            let Some(branch) = &mut side.branch else { return Ok(true) };
            let round = branch.round(ROUND_EVENTS_MAX, ROUND_BYTES_MAX);
            let is_last = may_end && round.is_last;
            let record = branch.record();
            if is_last {
                // Where the answer is lost, nobody knows whether the record is closed: what comes
                // then must not have places that the record's view gives to others.
                branch.begin_epoch(self.options.epochs.draw());
            }
            (branch.name(), record, round, is_last)
        };
        let (name, record, round, is_last) = &next;
        let found = &search.found;
        let merging = Merging { name: *name, record, round, found, is_last: *is_last };
        let is_complete = match self.trunk.merge(&cell.stream, &merging).await? {
            Merged::Round(merged) => {
                self.change_branch(cell, |branch| branch.merged_up_to(merged));
                *is_last
            }
            Merged::Before(record) => {
                self.change_branch(cell, |branch| {
                    branch.agree(&record, self.options.epochs.draw())
                });
                record.is_complete
            }
        };
        Ok(is_complete && self.pending(cell) == 0)
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

    /// Makes the stream the trunk's again.
    ///
    /// # Cancel safety
    /// It is; only the branch's file may be left, whose record says that it is merged.
    async fn go_back(&self, cell: &Cell) {
        let branch = cell.side.lock().branch.take();
        cell.changed_owner();
        if let Some(branch) = branch {
            tracing::debug!(stream = %cell.stream, "the stream is the trunk's again");
            self.forget_saved(&cell.stream, &branch).await;
        }
    }

    fn pending(&self, cell: &Cell) -> usize {
        cell.side.lock().branch.as_ref().map_or(0, |branch| branch.pending())
    }
}
