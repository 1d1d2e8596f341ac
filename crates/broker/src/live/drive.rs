//! Carrying a switch out: one work after the other, as the plan says.

use std::{
    future::Future,
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use event::StreamName;
use futures_util::{TryStreamExt, stream};
use tokio::time::timeout;

use super::{
    Core, SwitchError,
    cell::Cell,
    plan::{Stage, Target, Work},
    to_redis::Rounds,
};
use crate::{Broker, ReplicaBroker, redis::failure::Failure};

/// How many streams are copied at once, and how many change hands at once: these compete with what
/// is being served.
const COPIES_AT_ONCE: usize = 16;
const MOVES_AT_ONCE: usize = 4;

/// How often a pass over the streams is repeated for those that came meanwhile.
pub(super) const PASSES_MAX: u32 = 100;

impl Core {
    /// Does all the work that there is.
    pub(super) async fn drive(self: &Arc<Self>) -> Result<(), SwitchError> {
        self.status.send_modify(|status| status.error = None);
        self.waits.store(true, Ordering::Release);
        let _alone = self.shadowing.lock().await;
        self.waits.store(false, Ordering::Release);
        let driven = tokio::select! {
            driven = self.work_through() => driven,
            overtaken = self.keep_lease() => Err(overtaken),
            () = self.halted() => Err(SwitchError::Undone),
        };
        if let Err(error) = &driven {
            tracing::warn!(%error, "the switch does not go on");
            self.status.send_modify(|status| status.error = Some(error.clone()));
        }
        self.leave_lease().await;
        driven
    }

    /// Waits until an undo wants to take over.
    async fn halted(&self) {
        // The sender lives as long as the core does.
        let _ = self.is_halted.subscribe().wait_for(|is_halted| *is_halted).await;
    }

    async fn work_through(&self) -> Result<(), SwitchError> {
        let (mut needs_lease, mut is_alone) = (true, false);
        loop {
            let (work, from) = {
                let plan = self.plan.lock();
                (plan.next(), plan.stage())
            };
            // At rest the plan does not know any more what it came from.
            let is_undo = self.status.borrow().is_undo;
            if work == Work::Rest {
                return Ok(());
            }
            let done = match is_alone {
                false => self.work(work, &mut needs_lease).await,
                true => self.work_alone(work).await,
            };
            match done {
                Err(error) if !is_alone && self.goes_back_alone(&error) => {
                    tracing::warn!(%error, "the switch is undone without Redis");
                    is_alone = true;
                    continue;
                }
                done => done?,
            }
            if work != Work::Move {
                self.plan.lock().done(work);
            }
            self.staged_from(from, is_undo);
        }
    }

    async fn work(&self, work: Work, needs_lease: &mut bool) -> Result<(), SwitchError> {
        if *needs_lease && matches!(work, Work::Copy | Work::Compare | Work::Move) {
            // A further try, perhaps long after the one before.
            self.take_lease().await?;
            *needs_lease = false;
        }
        match work {
            Work::Rest => {}
            Work::Lease => {
                self.take_lease().await?;
                *needs_lease = false;
            }
            Work::Copy => self.each(COPIES_AT_ONCE, Core::copy).await?,
            Work::Compare => self.each(COPIES_AT_ONCE, Core::compare).await?,
            Work::Record => self.write_record().await?,
            Work::Move => self.move_all().await?,
            Work::Save => {
                self.save().await?;
                self.forget_spooled().await;
            }
            Work::Drop => self.drop_copies().await,
        }
        Ok(())
    }

    /// Does what can be done without Redis of taking streams back.
    async fn work_alone(&self, work: Work) -> Result<(), SwitchError> {
        match work {
            Work::Lease | Work::Copy | Work::Compare => {}
            Work::Move => {
                self.plan.lock().moves();
                self.move_all_alone().await?;
            }
            _ => self.work(work, &mut false).await?,
        }
        Ok(())
    }

    /// Returns the replica's broker once it serves.
    pub(super) async fn reached(&self, wait: Duration) -> Result<Arc<ReplicaBroker>, SwitchError> {
        let replica = self.replica_started()?;
        let gives_up = self.goes_back() && replica.is_lost();
        if !gives_up && timeout(wait, replica.until_up()).await.is_ok() {
            return Ok(replica);
        }
        let health = Broker::health(&*replica);
        let reason = health.reason.unwrap_or_else(|| "it does not serve yet".to_owned());
        Err(Failure::unanswered(reason).into())
    }

    /// Returns the streams that are not where they shall be.
    async fn left(&self, replica: &ReplicaBroker) -> Result<Vec<Arc<Cell>>, SwitchError> {
        let to = self.plan.lock().to();
        let mut names: Vec<StreamName> = match to {
            Target::Redis => {
                self.options.memory.cells().into_iter().map(|(name, _)| name).collect()
            }
            Target::Memory => {
                let stored = replica.trunk().stored_streams().await?;
                stored.into_iter().chain(replica.touched()).collect()
            }
        };
        names.sort();
        names.dedup();
        for name in names {
            self.cell(&name)?;
        }
        Ok(self.elsewhere(to))
    }

    pub(super) fn elsewhere(&self, to: Target) -> Vec<Arc<Cell>> {
        let map = self.map.read();
        map.cells.values().filter(|cell| cell.owner() != to).cloned().collect()
    }

    /// Does one thing to each stream that is not where it shall be.
    async fn each<'a, F>(
        &'a self,
        at_once: usize,
        deed: impl Fn(&'a Self, Arc<ReplicaBroker>, Arc<Cell>) -> F,
    ) -> Result<(), SwitchError>
    where
        F: Future<Output = Result<(), SwitchError>>,
    {
        let replica = self.reached(self.options.patience).await?;
        let cells = self.left(&replica).await?;
        let moved = self.status.borrow().moved;
        self.status.send_modify(|status| {
            (status.streams, status.copied) = (cells.len() + moved, 0);
        });
        let deeds = stream::iter(cells.into_iter().map(Ok::<_, SwitchError>));
        deeds
            .try_for_each_concurrent(at_once, |cell| {
                let done = deed(self, Arc::clone(&replica), Arc::clone(&cell));
                async move {
                    done.await.map_err(|error| of_stream(&cell.stream, error))?;
                    self.status.send_modify(|status| status.copied += 1);
                    Ok(())
                }
            })
            .await
    }

    async fn copy(&self, replica: Arc<ReplicaBroker>, cell: Arc<Cell>) -> Result<(), SwitchError> {
        match self.to() {
            Target::Redis => {
                self.copy_to_redis(&replica, &cell, Rounds::WhileAppended).await.map(|_| ())
            }
            Target::Memory => self.follow_redis(&replica, &cell).await,
        }
    }

    async fn compare(
        &self,
        replica: Arc<ReplicaBroker>,
        cell: Arc<Cell>,
    ) -> Result<(), SwitchError> {
        match self.to() {
            Target::Redis => self.compare_with_redis(&replica, &cell).await,
            Target::Memory => self.compare_with_memory(&replica, &cell).await,
        }
    }

    fn to(&self) -> Target {
        self.plan.lock().to()
    }

    /// Lets every stream change hands, those too that come meanwhile; then the rest is the new
    /// owner's.
    async fn move_all(&self) -> Result<(), SwitchError> {
        self.plan.lock().moves();
        let (replica, to) = (self.reached(self.options.patience).await?, self.to());
        for _ in 0..PASSES_MAX {
            let cells = self.left(&replica).await?;
            let moves = stream::iter(cells.into_iter().map(Ok::<_, SwitchError>));
            moves
                .try_for_each_concurrent(MOVES_AT_ONCE, |cell| {
                    let replica = &replica;
                    async move {
                        let moved = match to {
                            Target::Redis => self.move_to_redis(replica, &cell).await,
                            Target::Memory => self.move_to_memory(replica, &cell).await,
                        };
                        moved.map_err(|error| of_stream(&cell.stream, error))
                    }
                })
                .await?;
            if self.all_are(to) {
                return Ok(());
            }
        }
        Err(streams_begin_faster())
    }

    /// Makes the rest a backend's, where every stream that was touched is.
    pub(super) fn all_are(&self, to: Target) -> bool {
        let mut map = self.map.write();
        let are = map.cells.values().all(|cell| cell.owner() == to);
        if are {
            map.default = to;
            self.plan.lock().done(Work::Move);
        }
        are
    }

    async fn drop_copies(&self) {
        let token = self.token().max(1);
        let ends = {
            let plan = self.plan.lock();
            plan.stage() == Stage::Switched && plan.to() == Target::Redis
        };
        let replica = self.replica.lock().clone().filter(|replica| replica.is_up());
        let cells: Vec<_> = self.map.read().cells.values().cloned().collect();
        for cell in cells {
            if ends && cell.owner() == Target::Redis {
                cell.side.lock().is_shadow = false;
                self.options.memory.forget(&cell.stream);
            }
            let copy = cell.side.lock().copy.take();
            if let (Some(replica), Some(copy)) = (&replica, copy) {
                // What stays goes by itself.
                let _ = replica.trunk().unstage(&cell.stream, copy.token.max(token)).await;
            }
        }
    }

    async fn write_record(&self) -> Result<(), SwitchError> {
        let record = {
            let mut plan = self.plan.lock();
            plan.records();
            plan.record()
        };
        let log = Arc::clone(&self.options.log);
        self.blocking(move || log.write(record)).await
    }

    pub(super) async fn save(&self) -> Result<(), SwitchError> {
        let (log, memory) = (Arc::clone(&self.options.log), Arc::clone(&self.options.memory));
        let branches = self.branches();
        // Without their windows they do no harm.
        self.blocking(move || log.write_branches(&branches).and_then(|()| log.save(&memory))).await
    }

    /// Writes after all that was begun before has ended, also where nobody waits for it any more.
    async fn blocking(
        &self,
        write: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> Result<(), SwitchError> {
        let turn = Arc::clone(&self.disk).lock_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            write()
        });
        let written = written.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| SwitchError::Disk(error.to_string()))
    }
}

/// Says that passes over the streams did not meet all of them.
pub(super) fn streams_begin_faster() -> SwitchError {
    SwitchError::Restless("streams begin faster than they change hands".to_owned())
}

/// Says which stream was refused.
fn of_stream(stream: &StreamName, error: SwitchError) -> SwitchError {
    match error {
        SwitchError::Refused(reason) => SwitchError::Refused(format!("{stream}: {reason}")),
        error => error,
    }
}
