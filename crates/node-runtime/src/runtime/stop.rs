//! The end of a process, in order: nothing new, readers move, tasks end, windows are saved.

use std::{sync::Arc, time::Duration};

use broker::{
    MemoryBroker,
    live::Target,
    memory::state_dir::{Mirrors, StateDir},
};
use tokio::time::timeout;

use super::{Running, housekeeping};
use crate::{Phase, State, state::window};

/// Readers that leave in a second when there are many; a few leave faster.
const LEAVING_PER_SECOND: f64 = 1000.0;

/// The shares of the shutdown's time that its parts may take at most. What is left is for saving,
/// and for the moments between them.
const SPREAD_SHARE: f64 = 0.35;
/// The share of the shutdown's time in which tasks end, between 0 and 1. It begins once readers have
/// left, which may be at once.
pub const TASKS_SHARE: f64 = 0.17;
/// In which what was taken of chains is written.
const INGEST_SHARE: f64 = 0.1;
const INNER_TASKS_SHARE: f64 = 0.1;
/// In which the last simulations end; they were asked to when the shutdown began.
const SIMULATIONS_SHARE: f64 = 0.02;
/// In which logs of Redis may be read for whoever has none.
const HAND_OVER_SHARE: f64 = 0.13;
/// In which memory is brought up to date after a switch, at the beginning and at the end.
const SWITCH_SHARE: f64 = 0.04;

const _: () = assert!(
    SPREAD_SHARE
        + TASKS_SHARE
        + INGEST_SHARE
        + INNER_TASKS_SHARE
        + SIMULATIONS_SHARE
        + HAND_OVER_SHARE
        + 2.0 * SWITCH_SHARE
        <= 0.95,
    "the parts of a shutdown have to fit into its time"
);

/// The least time over which readers leave.
const SPREAD_MIN: Duration = Duration::from_millis(200);

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopReport {
    /// Whether every reader left in time.
    pub readers_moved: bool,
    /// Whether every task ended by itself.
    pub tasks_ended: bool,
    /// Whether every window was saved, and what was taken of chains is on disk.
    pub saved: bool,
}

impl StopReport {
    /// Returns whether nothing was lost or cut off.
    pub fn is_clean(&self) -> bool {
        self.tasks_ended && self.saved
    }
}

impl Running {
    /// Ends the process within the time that the settings give it.
    pub async fn stop(self) -> StopReport {
        let Running { state, tasks, inner_tasks, ingest, state_dir, .. } = self;
        let within = state.settings.drain;
        state.enter(Phase::Draining);
        state.tell_ops("server.draining", serde_json::json!({"seconds": within.as_secs()})).await;
        // The surface stops accepting and finishes what it has begun; publishes are refused.
        tasks.ask_to_end();
        let simulations = state.simulations.get().map(|simulations| simulations.end());
        // Before readers move: they get what was on disk.
        let journaled = match ingest {
            Some(ingest) => ingest.stop(within.mul_f64(INGEST_SHARE)).await,
            None => true,
        };
        // Where it stands, the next process finds out.
        end_switch(&state).await;
        let mut readers_moved = true;
        if let Some(delivery) = state.delivery() {
            let spread = spread(delivery.open_readers(), within);
            readers_moved = delivery.drain(spread).await.complete;
        }
        let tasks_ended = tasks.join(within.mul_f64(TASKS_SHARE)).await.is_ok();
        if let Some(simulations) = simulations
            && timeout(within.mul_f64(SIMULATIONS_SHARE), simulations).await.is_err()
        {
            tracing::warn!("a simulation is still under way; it ends at its deadline");
        }
        if let Some(delivery) = state.delivery() {
            delivery.stop().await;
        }
        inner_tasks.ask_to_end();
        let inner_ended = inner_tasks.join(within.mul_f64(INNER_TASKS_SHARE)).await.is_ok();
        // Once nothing can be appended any more.
        end_switch(&state).await;
        let saved = match state.live.by_settings() {
            Target::Memory => {
                drain_replica(&state).await & save_all(&state.memory, &state_dir).await
            }
            Target::Redis => hand_over(&state, &state_dir).await,
        };
        state.enter(Phase::Stopped);
        let saved = saved && journaled;
        StopReport { readers_moved, tasks_ended: tasks_ended && inner_ended, saved }
    }
}

/// Ends a switch that is carried out, and brings memory up to date where it follows Redis.
async fn end_switch(state: &State) {
    let Some(live) = state.live.broker() else { return };
    let within = state.settings.drain.mul_f64(SWITCH_SHARE);
    if timeout(within, live.drain()).await.is_err() {
        tracing::warn!("there was no time to bring memory up to date with Redis");
    }
}

/// Saves what waits to be merged; returns whether that was done.
async fn drain_replica(state: &State) -> bool {
    let Some(replica) = state.live.replica() else { return true };
    let drained = replica.drain().await;
    drained.inspect_err(|error| tracing::error!(%error, "the spool was not saved")).is_ok()
}

/// Saves what Redis has not yet, and what is known of Redis for a process without it; returns whether
/// all of it was.
async fn hand_over(state: &State, folder: &Arc<StateDir>) -> bool {
    let window = window(&state.settings.realtime);
    let memory = Arc::new(MemoryBroker::new(window, Arc::clone(&state.clock)));
    // First what nobody else has.
    let drained = drain_replica(state).await;
    let mut given = Mirrors::default();
    let is_whole = match state.live.replica() {
        Some(replica) => {
            let within = state.settings.drain.mul_f64(HAND_OVER_SHARE);
            timeout(within, replica.hand_over(&memory, &mut given)).await.is_ok()
        }
        None => true,
    };
    keep_what_memory_owns(state, &memory, &mut given);
    // Before the windows: one that is taken for a mirror is merged all the same.
    if let Err(error) = folder.mark_mirrors(&given) {
        tracing::error!(%error, "which windows are Redis's could not be noted");
        return false;
    }
    if !is_whole {
        // The folder is not marked clean: a process with the memory backend says that something is
        // missing, rather than that it knows nothing of a cursor.
        tracing::warn!("there was no time to hand all logs over to a memory backend");
        return drained
            & housekeeping::save(&memory, folder)
                .await
                .is_some_and(|saved| saved.failed.is_none());
    }
    drained & save_all(&memory, folder).await
}

/// Puts the logs that a switch made memory's in the place of what is known of Redis's.
fn keep_what_memory_owns(state: &State, memory: &MemoryBroker, given: &mut Mirrors) {
    let Some(live) = state.live.broker() else { return };
    for (stream, log) in state.memory.copies() {
        if live.owner_of(&stream) == Target::Memory {
            given.streams.remove(&stream);
            memory.take_up(stream, log);
        }
    }
}

/// Returns over how long readers leave: never all at once, never longer than there is time.
fn spread(readers: usize, within: Duration) -> Duration {
    let wanted = Duration::from_secs_f64(readers as f64 / LEAVING_PER_SECOND);
    wanted.max(SPREAD_MIN).min(within.mul_f64(SPREAD_SHARE))
}

async fn save_all(memory: &Arc<MemoryBroker>, folder: &Arc<StateDir>) -> bool {
    let Some(saved) = housekeeping::save(memory, folder).await else { return false };
    if let Some((failure, count)) = &saved.failed {
        let error = failure as &dyn std::error::Error;
        tracing::error!(error, count, "windows could not be saved at the end");
        return false;
    }
    if let Err(error) = folder.mark_clean(memory) {
        tracing::error!(%error, "the clean end could not be noted");
        return false;
    }
    tracing::info!(streams = saved.streams, bytes = saved.bytes, "windows saved");
    true
}
