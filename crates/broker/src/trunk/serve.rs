//! Which of the two answers: the trunk, or the stream's branch while there is one.
//!
//! Rule: whoever asked the trunk looks for a branch again when the answer is there, under the lock
//! under which a branch begins: an answer of the trunk that a branch does not know is not given. An
//! event that comes with a hint of the trunk is such an answer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use event::{After, Epoch, Event, GapReason, Ledger, Position, Seq, StreamName};

use super::{
    Core,
    branch::Branch,
    cell::{Cell, MergedBranch, Side, events_at},
    mirror::Mirror,
    phase::Phase,
    unanswered::Sent,
};
use crate::{
    Append, AppendError, Appended, Page, PageLimit, ReadError, Receipt, Watch,
    memory::log::Log,
    redis::{appending::check, failure::Failure, run::HEALING},
};

/// Most pages that are read so that nobody begins beyond a stretch that others here still lack.
const FILL_PAGES_MAX: usize = 8;

/// How long to wait before a trunk that is being healed is asked again.
const AGAIN: Duration = Duration::from_millis(20);

/// What a strict replica says while an earlier process's branch is on its way to Redis.
const STRICT: &str = "what an earlier process kept of this stream is merged into Redis first";

impl Core {
    pub(super) async fn append(
        &self,
        stream: &StreamName,
        append: Append,
        only: Option<Epoch>,
    ) -> Result<Appended, AppendError> {
        check(&append)?;
        let cell = self.cell(stream).map_err(|_| AppendError::StreamsFull)?;
        let within = self.options.redis.command_time_max;
        let Ok(_pass) = tokio::time::timeout(within, cell.gate.read()).await else {
            let reason = "the stream is being merged".to_owned();
            return Err(AppendError::Unavailable { reason, maybe: false });
        };
        let mut sent = Sent::No;
        let patience = self.options.redis.command_time_max + self.until_judged();
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(appended) = self.append_beside(&cell, &append, sent) {
                return appended;
            }
            let end = self.trunk.last_end(stream);
            let attempt = tokio::select! {
                attempt = self.append_when_decided(stream, &append, sent, only) => Some(attempt),
                () = self.until_cut(), if !self.options.strict => None,
            };
            let unanswered = || sent.unanswered(end, self.trunk.last_known(stream));
            match attempt {
                Some(Ok(appended)) => {
                    self.mirror_append(&cell, &append, &appended);
                    return Ok(appended);
                }
                None => sent = unanswered(),
                Some(Err(AppendError::Unavailable { reason, .. }))
                    if reason == HEALING && tokio::time::Instant::now() < deadline =>
                {
                    tokio::time::sleep(AGAIN).await;
                }
                // The connection is being looked at: it is lost, or it answers again. Where replicas
                // of Redis are waited for, what is found there is not known to be on them.
                Some(Err(AppendError::Unavailable { maybe: true, .. }))
                    if !self.options.strict
                        && self.options.redis.replicas_min == 0
                        && tokio::time::Instant::now() < deadline =>
                {
                    sent = unanswered();
                }
                // Not answered again and again, or refused while an earlier attempt is in doubt.
                Some(Err(AppendError::Unavailable { reason, maybe })) => {
                    let maybe = maybe || sent != Sent::No;
                    return Err(AppendError::Unavailable { reason, maybe });
                }
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// Appends to the trunk once it may be asked.
    async fn append_when_decided(
        &self,
        stream: &StreamName,
        append: &Append,
        sent: Sent,
        only: Option<Epoch>,
    ) -> Result<Appended, AppendError> {
        let within = self.options.redis.command_time_max;
        if tokio::time::timeout(within, self.until_decided()).await.is_err() {
            return Err(Failure::refused(self.why_undecided()).into());
        }
        self.append_to_trunk(stream, append, sent, only).await
    }

    pub(super) fn why_undecided(&self) -> String {
        crate::Broker::health(&self.trunk).reason.unwrap_or_else(|| HEALING.to_owned())
    }

    /// Appends to the trunk; what was sent before and not answered is looked for first.
    async fn append_to_trunk(
        &self,
        stream: &StreamName,
        append: &Append,
        sent: Sent,
        only: Option<Epoch>,
    ) -> Result<Appended, AppendError> {
        if let Sent::Unanswered(unanswered) = sent
            && let Some(receipts) = self.look_for(stream, append, unanswered).await?
        {
            return Ok(Appended::First(receipts));
        }
        let appended = self.trunk.append_now(stream, append, only).await?;
        let is_same = |receipts: &[Receipt]| {
            receipts.iter().map(|r| r.id).eq(append.events.iter().map(|event| event.id))
        };
        Ok(match appended {
            // The key's first use was this very attempt.
            Appended::Replayed(receipts) if is_same(&receipts) => Appended::First(receipts),
            appended => appended,
        })
    }

    /// Appends to the stream's branch, where there is one or one has to begin.
    fn append_beside(
        &self,
        cell: &Cell,
        append: &Append,
        sent: Sent,
    ) -> Option<Result<Appended, AppendError>> {
        let mut side = cell.side.lock();
        if side.branch.is_none() && !self.branches_off() {
            return None;
        }
        if sent != Sent::No {
            // Its answer was lost, and it came back as an event that was read.
            let found = append
                .events
                .iter()
                .map(|event| Some(Receipt { id: event.id, position: side.mirror.find(event.id)? }));
            if let Some(receipts) = found.collect::<Option<Vec<_>>>() {
                return Some(Ok(Appended::First(receipts)));
            }
        }
        if let Some(reason) = self.refusal(append) {
            let reason = reason.to_owned();
            return Some(Err(AppendError::Unavailable { reason, maybe: false }));
        }
        let now = self.options.clock.mono();
        let limits = self.options.redis.window;
        let branch = self.branch_of(cell, &mut side);
        let (events, bytes) = (branch.pending(), branch.pending_bytes());
        let appended = branch.append(append.clone(), sent != Sent::No, now, &limits);
        self.count(events, bytes, branch.pending(), branch.pending_bytes());
        let head = branch.log().head().seq;
        if matches!(appended, Ok(Appended::First(_))) {
            self.branch_changed(cell, &mut side);
            cell.grew(head);
        }
        Some(appended)
    }

    /// Returns why no branch can take an append.
    fn refusal(&self, append: &Append) -> Option<&'static str> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.options.strict {
            return Some(STRICT);
        }
        let bytes: usize = append.events.iter().map(|event| event.json.len()).sum();
        let events = self.spooled_events.load(Relaxed) + append.events.len() as u64;
        let bytes = self.spooled_bytes.load(Relaxed) + bytes as u64;
        let is_full =
            events > self.options.spool_events_max || bytes > self.options.spool_bytes_max;
        is_full.then_some("Redis is lost, and this replica keeps as many events as it may")
    }

    fn branches_off(&self) -> bool {
        !self.options.strict && self.phase() == Phase::Cut
    }

    /// Returns the stream's branch, a new one where there is none.
    fn branch_of<'a>(&self, cell: &Cell, side: &'a mut Side) -> &'a mut Branch {
        if side.branch.is_none() {
            let now = self.options.clock.mono();
            let base = side.mirror.base(cell.is_followed(), now);
            let parent = base.as_ref().map_or(Seq::ZERO, |log| log.head().seq);
            let beyond = side.mirror.own_beyond(parent);
            let branch = self.branch_from(cell, side, |_| base);
            branch.add_tail(&beyond, now, &self.options.redis.window);
            self.count(0, 0, branch.pending(), branch.pending_bytes());
            if branch.pending() > 0 {
                self.branch_changed(cell, side);
            }
        }
        self.branch_from(cell, side, |_| None)
    }

    /// Returns the stream's branch; where there is none, a new one that begins with this log.
    pub(super) fn branch_from<'a>(
        &self,
        cell: &Cell,
        side: &'a mut Side,
        base: impl FnOnce(&Mirror) -> Option<Log>,
    ) -> &'a mut Branch {
        let Side { mirror, branch, .. } = side;
        branch.get_or_insert_with(|| {
            let base = base(mirror);
            let branch = Branch::begin(base, self.options.epochs.draw());
            tracing::info!(
                stream = %cell.stream,
                name = %branch.name(),
                after = %branch.parent(),
                "the stream branches off"
            );
            cell.changed_owner();
            branch
        })
    }

    fn mirror_append(&self, cell: &Cell, append: &Append, appended: &Appended) {
        let Appended::First(receipts) = appended else { return };
        let known = self.trunk.last_known(&cell.stream);
        let mut side = cell.side.lock();
        if let Some((lineage, head)) = known {
            side.mirror.learn(&lineage, head);
        }
        let (now, limits) = (self.options.clock.mono(), self.options.redis.window);
        let events = events_at(append, receipts);
        side.mirror.take_append(&events, append.idempotency, now, &limits);
    }

    /// Answers from the stream's branch, where there is one or one has to begin.
    fn beside<T>(
        &self,
        cell: &Cell,
        answer: impl FnOnce(&Branch, &VecDeque<MergedBranch>) -> T,
    ) -> Option<Result<T, ReadError>> {
        let mut side = cell.side.lock();
        if side.branch.is_none() && !self.branches_off() {
            return None;
        }
        if self.options.strict {
            return Some(Err(ReadError::Unavailable { reason: STRICT.to_owned() }));
        }
        self.branch_of(cell, &mut side).trim(self.options.clock.mono(), &self.options.redis.window);
        let Side { branch, merged, .. } = &*side;
        branch.as_ref().map(|branch| Ok(answer(branch, merged)))
    }

    /// Asks the trunk, unless the replica is cut off meanwhile; `None` then. Where no answer came the
    /// connection is being looked at, and it is waited for what becomes of it.
    async fn ask<T>(
        &self,
        deadline: tokio::time::Instant,
        asking: impl Future<Output = Result<T, Failure>>,
    ) -> Option<Result<T, ReadError>> {
        let decided = async {
            let within = self.options.redis.command_time_max;
            match tokio::time::timeout(within, self.until_decided()).await {
                Ok(()) => asking.await,
                Err(_) => Err(Failure::refused(self.why_undecided())),
            }
        };
        if self.options.strict {
            return Some(decided.await.map_err(ReadError::from));
        }
        let asked = async {
            let answer = decided.await;
            if answer.as_ref().is_err_and(|failure| failure.maybe) {
                tokio::time::sleep(self.until_judged()).await;
            }
            answer
        };
        tokio::select! {
            answer = asked => match answer {
                Err(failure)
                    if failure.reason == HEALING && tokio::time::Instant::now() < deadline =>
                {
                    // The server began anew just now, and the keeper is about to see it.
                    tokio::time::sleep(AGAIN).await;
                    None
                }
                answer => Some(answer.map_err(ReadError::from)),
            },
            () = self.until_cut() => None,
        }
    }

    /// Returns until when what is read is asked for again while the trunk is healed.
    fn read_deadline(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() + self.options.redis.command_time_max
    }

    /// Returns how long it takes at most to find out whether a connection is lost.
    fn until_judged(&self) -> Duration {
        self.options.redis.connect_time_max + 2 * self.options.cut_off_after
    }

    pub(super) async fn page(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, ReadError> {
        let cell = self.cell(stream)?;
        let deadline = self.read_deadline();
        loop {
            let beside = |branch: &Branch, merged: &VecDeque<MergedBranch>| {
                branch.page(after, limit, merged.iter().map(|merged| &merged.record))
            };
            if let Some(page) = self.beside(&cell, beside) {
                if page.as_ref().is_ok_and(is_of_elsewhere) && self.waits_for_merge(deadline).await
                {
                    continue;
                }
                return page;
            }
            let trunk = &self.trunk;
            let asked = self.ask(deadline, trunk.page_now(stream, after, limit)).await;
            let Some(page) = asked.transpose()? else { continue };
            if !self.options.strict {
                self.fill(&cell, &page).await;
                self.fill_view(&cell, &page).await;
            }
            if let Some(page) = self.mirror_page(&cell, page) {
                return Ok(page);
            }
        }
    }

    /// Waits for a moment where Redis is there again, and merging goes on.
    async fn waits_for_merge(&self, deadline: tokio::time::Instant) -> bool {
        let merges = self.phase() != Phase::Cut && tokio::time::Instant::now() < deadline;
        if merges {
            tokio::time::sleep(AGAIN).await;
        }
        merges
    }

    /// Reads what others here still lack before a reader begins beyond it.
    async fn fill(&self, cell: &Cell, page: &Page) {
        for _ in 0..FILL_PAGES_MAX {
            let behind = {
                let side = cell.side.lock();
                let now = self.options.clock.mono();
                let may_fill = cell.is_followed() && page.gap.is_none();
                may_fill
                    .then(|| side.mirror.behind(page.after.seq, now, &self.options.redis.window))
            };
            let Some(from) = behind.flatten() else { return };
            let after = After::At(from);
            let reading = self.trunk.page_now(&cell.stream, &after, PageLimit::MAX);
            let Some(Ok(between)) = self.ask(self.read_deadline(), reading).await else { return };
            if between.gap.is_some() || between.events.is_empty() {
                return;
            }
            if self.mirror_page(cell, between).is_none() {
                return;
            }
        }
    }

    /// Learns what a reader in the midst of a merged branch would need, were this replica cut off.
    async fn fill_view(&self, cell: &Cell, page: &Page) {
        if !cell.side.lock().mirror.is_view_beyond(page) {
            return;
        }
        let Some((lineage, _)) = self.trunk.last_known(&cell.stream) else { return };
        if let Ok(Some(record)) = self.trunk.record_for(&cell.stream, page.after).await {
            let parent = record.parent;
            cell.side.lock().remember(record, &lineage);
            self.refill(cell, parent).await;
        }
    }

    /// Takes in a page of the trunk; `None` where the stream has branched off meanwhile.
    fn mirror_page(&self, cell: &Cell, page: Page) -> Option<Page> {
        let known = self.trunk.last_known(&cell.stream);
        let mut side = cell.side.lock();
        if side.branch.is_some() {
            return None;
        }
        if let Some((lineage, head)) = known {
            side.mirror.learn(&lineage, head);
        }
        let (now, limits) = (self.options.clock.mono(), self.options.redis.window);
        side.mirror.take_page(&page, now, &limits);
        Some(page)
    }

    /// Takes in an event that the trunk's hint had; `false` where the log has to be read instead:
    /// a page is then the trunk's or a branch's, as it is for everybody.
    pub(super) fn mirror_live(&self, cell: &Cell, event: &Arc<Event>) -> bool {
        let mut side = cell.side.lock();
        if side.branch.is_some() || self.phase() != Phase::Up {
            return false;
        }
        let (now, limits) = (self.options.clock.mono(), self.options.redis.window);
        side.mirror.take_live(event, now, &limits)
    }

    pub(super) async fn head(&self, stream: &StreamName) -> Result<Position, ReadError> {
        let (cell, deadline) = (self.cell(stream)?, self.read_deadline());
        loop {
            if let Some(head) = self.beside(&cell, |branch, _| branch.log().head()) {
                return head;
            }
            let asked = self.ask(deadline, self.trunk.head_now(stream)).await;
            if let Some(head) = asked.transpose()? {
                return Ok(head);
            }
        }
    }

    pub(super) async fn ledger(&self, stream: &StreamName) -> Result<Ledger, ReadError> {
        let (cell, deadline) = (self.cell(stream)?, self.read_deadline());
        loop {
            if let Some(ledger) = self.beside(&cell, |branch, _| branch.log().ledger()) {
                return ledger;
            }
            let asked = self.ask(deadline, self.trunk.ledger_now(stream)).await;
            if let Some(ledger) = asked.transpose()? {
                return Ok(ledger);
            }
        }
    }

    pub(super) async fn watch(
        self: &Arc<Self>,
        stream: &StreamName,
    ) -> Result<Box<dyn Watch>, ReadError> {
        let cell: Arc<Cell> = self.cell(stream)?;
        let watch = cell.follow(Arc::clone(self), self.trunk.watch_anyway(stream)?);
        if !self.branches_off() {
            // Cut off meanwhile, it is heard once there is a connection.
            self.ask(self.read_deadline(), self.trunk.hear(stream)).await.transpose()?;
        }
        Ok(watch)
    }
}

/// Returns whether a page is the answer to a cursor that this replica's branch does not know, as
/// one that another replica gave on the trunk.
fn is_of_elsewhere(page: &Page) -> bool {
    page.gap.as_ref().is_some_and(|gap| gap.reason == GapReason::UnknownCursor)
}
