//! Giving back to a Redis that came back empty or old what this replica still has.
//!
//! Whenever the server is another run than the one that was served last, no log is used before
//! every replica that was there has offered what it knows (`BASE:heal`), or has had its time. Then
//! the logs are settled, each event in its place. Numbers that nobody holds are a hole, and where
//! the last of them are missing, a lossy fork; readers are told of both. What comes too late for
//! that, and what another backend left of a log that Redis has too, is merged as a branch from the
//! place where they part, or from the first hole of which something is known here.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use event::{Seq, StreamName};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::{Core, cell::Cell, members::member_of, mirror::Mirror, parting::parting};
use crate::redis::{
    failure::Failure,
    healing::{Announced, Mark, Offer, StoredLog, Who},
    run::{FleetRun, Refusal},
    state::State,
};

/// How often a replica says that it is there.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_secs(3);

/// How long ago a replica may have said so and still count.
const ALIVE: Duration = Duration::from_secs(15);

/// How many logs are offered at once.
const AT_ONCE: usize = 32;

/// How often those are looked for that have not offered yet.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What was last said of this replica and the others.
#[derive(Debug, Default)]
pub(super) struct Announcing {
    /// The others that were there when Redis was last asked.
    peers: HashSet<String>,
    /// Whether there ever were any.
    pub(super) has_met_others: bool,
    /// The run under which this replica last said that it is there, and the time that Redis told.
    last: Option<(FleetRun, u64)>,
    /// Whether servers turned out to lack that, and no healing has told it yet to the end: those of
    /// which it was found out may end before.
    went_back: bool,
    /// The run to which everything was offered.
    healed: Option<FleetRun>,
    /// Until when this replica holds for those whom an earlier process was with.
    holds_until: Option<Instant>,
    /// Whether the servers forgot everything while they ran, and nothing was offered since.
    is_emptied: bool,
}

impl Announcing {
    /// Returns the others that were there when Redis was last asked.
    pub(super) fn peers(&self) -> impl Iterator<Item = &String> {
        self.peers.iter()
    }

    /// Returns until when those who ask are held.
    pub(super) fn holds_until(&self) -> Option<Instant> {
        self.holds_until
    }

    /// Says that nobody is held.
    pub(super) fn hold_no_more(&mut self) {
        self.holds_until = None;
    }
}

/// Streams that can't be used, as they were met.
pub(super) type Refused = Mutex<HashSet<StreamName>>;

/// What is known when everybody who may have known of a log was asked.
struct Asked {
    who: Who,
    /// The runs whose logs go on whole where nobody knew anything of them.
    whole: HashSet<String>,
}

/// What a log in Redis is to the one that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// It has all of it.
    Whole,
    /// It has not, or not yet, and was offered the rest.
    Offered,
    /// It is another history.
    Other,
}

impl Core {
    /// Heals the logs of servers that may have begun anew, and lets them be used. What stands in the
    /// way of one log keeps that one alone.
    pub(super) async fn heal(&self, run: &FleetRun) -> Result<(), Failure> {
        let refused = Refused::default();
        // Who comes at the same time waits until this one has offered what it has.
        self.announce(run).await?;
        self.announcing.lock().is_emptied = false;
        let cells: Vec<Arc<Cell>> = self.cells.read().values().cloned().collect();
        let offer = |cell: Arc<Cell>| async move { self.offer(&cell).await };
        let mut lacking = self.for_each(cells, &refused, offer).await?;
        let asked = self.wait_for_peers(run).await?;
        if self.announcing.lock().is_emptied {
            return Err(Failure::refused("Redis was emptied while it was given back what it lost"));
        }
        if asked.who == Who::Everybody {
            // Where one is missing, it may have had more of any log than is known here.
            lacking.retain(|(_, stored)| *stored != Stored::Whole);
        }
        let stored: HashMap<_, _> =
            lacking.iter().map(|(cell, stored)| (cell.stream.clone(), *stored)).collect();
        let lacking = lacking.into_iter().map(|(cell, _)| cell);
        let (stored, who) = (&stored, asked.who);
        let settle = |cell: Arc<Cell>| async move {
            let who = if cell.side.lock().is_adopted { Who::ItsOwner } else { who };
            match stored.get(&cell.stream) {
                Some(Stored::Offered) => self.trunk.settle_log(run, &cell.stream, who).await,
                Some(Stored::Whole) => self.settle_as_known(run, &cell, who).await,
                Some(Stored::Other) | None => Ok(()),
            }
        };
        let settled = self.for_each(lacking, &refused, settle).await?;
        self.trunk.clear(run, asked.who, asked.whole);
        {
            let mut announcing = self.announcing.lock();
            (announcing.healed, announcing.went_back) = (Some(run.clone()), false);
        }
        self.retire_predecessors(run).await?;
        let tail = |cell: Arc<Cell>| async move { self.merge_tail(&cell).await };
        self.for_each(settled.into_iter().map(|(cell, ())| cell), &refused, tail).await?;
        // Also what a healing had refused that was broken off.
        self.trunk.lift_all_but(&refused.into_inner());
        Ok(())
    }

    /// Does something for each stream; one that has other data under its keys is refused from now on,
    /// and left out of what is returned.
    pub(super) async fn for_each<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        cells: impl IntoIterator<Item = Arc<Cell>>,
        refused: &Refused,
        work: impl Fn(Arc<Cell>) -> F,
    ) -> Result<Vec<(Arc<Cell>, T)>, Failure> {
        let works = cells.into_iter().map(|cell| (Arc::clone(&cell), work(cell)));
        let works = works.map(|(cell, work)| async move { (cell, work.await) });
        let mut works = stream::iter(works).buffer_unordered(AT_ONCE);
        let mut done = Vec::new();
        while let Some((cell, worked)) = works.next().await {
            match worked {
                Ok(value) => done.push((cell, value)),
                Err(failure) if failure.is_of_log => {
                    self.refuse(&cell.stream, failure.reason, refused);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(done)
    }

    /// Lets a stream not be used on the trunk, for this reason.
    fn refuse(&self, stream: &StreamName, reason: String, refused: &Refused) {
        tracing::error!(%stream, %reason, "the stream can't be used");
        self.trunk.refuse(stream, reason);
        refused.lock().insert(stream.clone());
    }

    /// Leaves a stream on its branch, whose merge failed for this reason; the others go on.
    pub(super) fn leave_on_branch(&self, stream: &StreamName, reason: String) {
        let mut refused = self.trunk.refused().into_iter();
        if !refused.any(|refusal| refusal.stream == *stream) {
            self.refuse(stream, reason, &Refused::default());
        }
    }

    /// Returns why streams can't be used, if there are such.
    pub(super) fn why_refused(&self) -> Option<String> {
        let refused = self.trunk.unusable();
        let Refusal { stream, reason } = refused.first()?;
        let others = match refused.len() - 1 {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        let keys = self.trunk.keys_of(stream);
        let cell = self.cells.read().get(stream).cloned();
        let is_kept = cell.is_some_and(|cell| cell.side.lock().branch.is_some());
        let kept = if is_kept { ", and its events are kept on this replica" } else { "" };
        Some(format!("the stream {stream} (keys `{keys}`) can't be used{kept}: {reason}{others}"))
    }

    /// Waits until a stream that was refused may be healed.
    pub(super) async fn until_unrefused(&self) {
        loop {
            sleep(ANNOUNCE_EVERY).await;
            for Refusal { stream, .. } in self.trunk.refused() {
                let Ok(cell) = self.cell(&stream) else { continue };
                match self.trunk.check_log(&stream).await {
                    // Of one that was never read here there is nothing to offer.
                    Ok(()) if self.offer(&cell).await.is_ok() => {
                        // The others find out too, and offer what they have.
                        return sleep(ANNOUNCE_EVERY).await;
                    }
                    Err(found) if found.is_of_log => self.trunk.refuse(&stream, found.reason),
                    _ => {}
                }
            }
        }
    }

    /// Offers what is known here and the log does not have.
    async fn offer(&self, cell: &Cell) -> Result<Stored, Failure> {
        if cell.side.lock().mirror.known().is_none() {
            return Ok(Stored::Whole);
        }
        let stored = self.trunk.stored_log(&cell.stream).await?;
        let (lineage, head, events) = {
            let side = cell.side.lock();
            let Some((lineage, head)) = side.mirror.known() else { return Ok(Stored::Whole) };
            let after = match &stored {
                None => Seq::ZERO,
                Some(StoredLog { state, holes }) => {
                    match parting((&state.lineage, state.head), (lineage, head)) {
                        // What lies in a hole can only be put behind the log.
                        None if side.mirror.first_within(holes).is_some() => {
                            return Ok(Stored::Other);
                        }
                        None => return Ok(Stored::Whole),
                        // A log that this one did not grow out of is not to be mixed with it.
                        Some(shared) if shared < state.head => return Ok(Stored::Other),
                        Some(_) => state.head,
                    }
                }
            };
            let events = side.mirror.after(after).map(|kept| Arc::clone(&kept.event)).collect();
            (lineage.clone(), head, events)
        };
        let offer = Offer { lineage: &lineage, head, events };
        self.trunk.offer(&cell.stream, &offer).await.map(|()| Stored::Offered)
    }

    /// Settles a log that has all that is known here.
    async fn settle_as_known(&self, run: &FleetRun, cell: &Cell, who: Who) -> Result<(), Failure> {
        let known = {
            let side = cell.side.lock();
            side.mirror.known().map(|(lineage, head)| (lineage.clone(), head))
        };
        let Some((lineage, head)) = known else { return Ok(()) };
        let offer = Offer { lineage: &lineage, head, events: Vec::new() };
        self.trunk.offer(&cell.stream, &offer).await?;
        self.trunk.settle_log(run, &cell.stream, who).await
    }

    /// Makes what is known here beyond the last place that the trunk shares with it a branch of the
    /// stream, or a part of the one that it has; it is merged with the others.
    async fn merge_tail(&self, cell: &Cell) -> Result<(), Failure> {
        let Some(mut stored) = self.trunk.stored_log(&cell.stream).await? else { return Ok(()) };
        if self.options.is_kept_elsewhere {
            self.add_beyond(cell, &stored.state);
            return Ok(());
        }
        let fills = cell.side.lock().mirror.first_within(&stored.holes).is_some();
        if fills && !stored.state.ends_in_loss() {
            // Of those who are past a hole some had what lies in it, and some did not.
            self.trunk.fork_after_loss(&cell.stream).await?;
            let Some(told) = self.trunk.stored_log(&cell.stream).await? else { return Ok(()) };
            stored = told;
        }
        let StoredLog { state, holes } = stored;
        let mut side = cell.side.lock();
        let Some((lineage, head)) = side.mirror.known() else { return Ok(()) };
        let parts = parting((&state.lineage, state.head), (lineage, head));
        let lacking = side.mirror.first_within(&holes).map(Seq::prev);
        let Some(shared) = parts.into_iter().chain(lacking).min() else { return Ok(()) };
        // What is older than its lineage remembers the trunk may well have had.
        let shared = shared.max(state.lineage.forks()[0].after);
        tracing::info!(stream = %cell.stream, after = %shared, "what Redis has not is merged");
        let tail = side.mirror.beyond(shared);
        let now = self.options.clock.mono();
        let base = |mirror: &Mirror| mirror.base_of_tail(cell.is_followed(), now);
        let branch = self.branch_from(cell, &mut side, base);
        let (events, bytes) = (branch.pending(), branch.pending_bytes());
        branch.stand_on(&state.lineage, state.head);
        if lacking.is_some() {
            branch.stand_after(shared);
        }
        branch.add_tail(&tail, now, &self.options.redis.window);
        self.count(events, bytes, branch.pending(), branch.pending_bytes());
        cell.grew(branch.log().head().seq);
        // From now on they stand where the branch is merged.
        side.mirror.forget_within(&holes);
        self.branch_changed(cell, &mut side);
        Ok(())
    }

    /// Puts behind the end of a log that began anew what is known here beyond that, and nothing else:
    /// whoever raised the log there found what lies before where it is kept.
    fn add_beyond(&self, cell: &Cell, state: &State) {
        let mut side = cell.side.lock();
        let Some(known) = side.mirror.known() else { return };
        if parting((&state.lineage, state.head), known).is_none() {
            return;
        }
        let tail = side.mirror.beyond(state.head);
        tracing::info!(stream = %cell.stream, beyond = %state.head, count = tail.len(), "given back");
        side.mirror = Mirror::default();
        if tail.is_empty() {
            return;
        }
        let branch = self.branch_from(cell, &mut side, |_| None);
        let (events, bytes) = (branch.pending(), branch.pending_bytes());
        branch.add_tail(&tail, self.options.clock.mono(), &self.options.redis.window);
        self.count(events, bytes, branch.pending(), branch.pending_bytes());
        cell.grew(branch.log().head().seq);
        self.branch_changed(cell, &mut side);
    }

    /// Waits until every replica that was there has offered.
    async fn wait_for_peers(&self, run: &FleetRun) -> Result<Asked, Failure> {
        let deadline = Instant::now() + self.options.heal_grace;
        let mut all = self.announcing.lock().peers.clone();
        let announced = self.announce(run).await?;
        let members = if is_new(&announced) { self.members_before() } else { BTreeSet::new() };
        all.extend(announced.awaited);
        let mut expected = all.clone();
        let held_until = Instant::now() + self.hold_time_max();
        let mut holds = !members.is_empty();
        if holds {
            tracing::info!(?members, "nobody came to Redis before, and others may know more");
            self.announcing.lock().holds_until = Some(held_until);
        }
        let went_back = self.announcing.lock().went_back;
        let (mut mark, mut missing) = (Mark::None, Vec::new());
        if went_back {
            mark = Mark::WentBack;
        }
        let predecessors = self.predecessors.lock().clone();
        for name in &predecessors {
            // Whoever waits for one of them has been offered what it had.
            self.trunk.healed(run, name, Mark::None, &[]).await?;
        }
        loop {
            let offered = self.trunk.healed(run, &self.name, mark, &missing).await?;
            expected.retain(|peer| !offered.names.contains(peer));
            if holds {
                holds = Instant::now() < held_until && !have_come(&members, &offered.names);
                // Somebody may have come meanwhile, and not be through.
                all.extend(self.announce(run).await?.awaited);
                expected =
                    all.iter().filter(|peer| !offered.names.contains(peer)).cloned().collect();
            }
            if !holds && (expected.is_empty() || mark == Mark::Missing) {
                let came = all.into_iter().filter(|peer| !expected.contains(peer)).collect();
                self.announcing.lock().peers = came;
                return Ok(Asked {
                    who: if offered.is_one_missing { Who::Some } else { Who::Everybody },
                    whole: offered.whole,
                });
            }
            if Instant::now() >= deadline {
                missing = expected.iter().cloned().collect();
                tracing::warn!(?missing, "replicas did not say in time what they have");
                mark = Mark::Missing;
                continue;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Returns how long a process that comes first to a server holds for those whom an earlier one was
    /// with. One that is strict does without Redis as long as for anybody who was there; another holds
    /// appends, and has to let them go in time.
    fn hold_time_max(&self) -> Duration {
        let grace = self.options.heal_grace;
        if self.options.strict {
            grace
        } else {
            grace.min(self.options.redis.command_time_max * 5 / 6)
        }
    }

    /// Says that this replica is there; returns what Redis knows of the others.
    async fn announce(&self, run: &FleetRun) -> Result<Announced, Failure> {
        // One that ends must not be waited for.
        let is_leaving = self.is_leaving.load(Ordering::Acquire);
        let here = if is_leaving { "" } else { &self.name };
        let announced = self.trunk.announce(here, "", run, ALIVE).await?;
        let mut announcing = self.announcing.lock();
        announcing.has_met_others |= announced.awaited.iter().any(|name| *name != self.name);
        // What was said to servers of another run, and is not known any more, was lost with all
        // that they were told since.
        let is_lost = |(before, at): &(FleetRun, u64)| before != run && announced.before_ms < *at;
        // The first to come to them came later than this one: they were emptied (`FLUSHALL`).
        let is_emptied = |(before, at): &(FleetRun, u64)| before == run && announced.born_ms > *at;
        // One that ends took its own word back.
        if !is_leaving {
            if let Some(last) = &announcing.last {
                let is_emptied = is_emptied(last);
                announcing.went_back |= is_lost(last) || is_emptied;
                announcing.is_emptied |= is_emptied;
            }
            announcing.last = Some((run.clone(), announced.now_ms));
        }
        Ok(announced)
    }

    /// Waits until servers turn out to have forgotten everything while they ran.
    pub(super) async fn until_emptied(&self) {
        loop {
            self.emptied.notified().await;
            // It may have been healed since.
            if self.announcing.lock().is_emptied {
                return;
            }
        }
    }

    /// Says that this replica is there and has offered what it has, so that one that comes later need
    /// not wait for it; remembers the others that are there.
    pub(super) async fn announce_as_healed(&self) -> Result<(), Failure> {
        let healed = self.announcing.lock().healed.clone();
        let (Some(run), Some(healed)) = (self.trunk.run(), healed) else { return Ok(()) };
        if healed.covers(&run) {
            let peers = self.announce(&run).await?.awaited;
            if self.announcing.lock().is_emptied {
                self.emptied.notify_one();
                return Ok(());
            }
            self.trunk.healed(&run, &self.name, Mark::None, &[]).await?;
            self.announcing.lock().peers = peers.into_iter().collect();
        }
        Ok(())
    }

    /// Says that this replica ends.
    pub(super) async fn leave(&self) -> Result<(), Failure> {
        match self.trunk.run() {
            Some(run) => self.trunk.announce("", &self.name, &run, ALIVE).await.map(|_| ()),
            None => Err(Failure::refused("there is no connection to Redis")),
        }
    }

    /// Says that processes have ended whose knowledge this one had, once it was offered.
    async fn retire_predecessors(&self, run: &FleetRun) -> Result<(), Failure> {
        let names = self.predecessors.lock().clone();
        for name in &names {
            self.trunk.announce("", name, run, ALIVE).await?;
        }
        self.predecessors.lock().retain(|name| !names.contains(name));
        Ok(())
    }
}

/// Returns whether the first replica came to the servers only just now: they may have been emptied,
/// and not everybody be back who knows what they had.
fn is_new(announced: &Announced) -> bool {
    let age = Duration::from_millis(announced.now_ms.saturating_sub(announced.born_ms));
    announced.born_ms > 0 && age < ALIVE
}

/// Returns whether of each of these replicas a process has offered what it has.
fn have_come(members: &BTreeSet<String>, offered: &[String]) -> bool {
    members.iter().all(|member| offered.iter().any(|name| member_of(name) == member))
}
