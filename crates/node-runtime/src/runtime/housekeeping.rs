//! What has to be done every so often: saving, trimming, ending idle channels.

use std::{sync::Arc, time::Duration};

use broker::{
    MemoryBroker,
    memory::state_dir::{Saved, StateDir},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Shutdown, State, Tasks};

/// How often changed windows are saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Saving takes at most one part in so many of the time.
const SAVE_SHARE: u32 = 4;

const TIDY_EVERY: Duration = Duration::from_secs(5);

pub(super) fn spawn(tasks: &Tasks, state: &Arc<State>, folder: &Arc<StateDir>) {
    let saving = save_often(Arc::clone(&state.memory), Arc::clone(folder), tasks.shutdown());
    tasks.spawn("save", saving);
    tasks.spawn("tidy", tidy_often(Arc::clone(state), tasks.shutdown()));
}

async fn save_often(memory: Arc<MemoryBroker>, folder: Arc<StateDir>, mut end: Shutdown) {
    let mut failing = false;
    let mut pause = SAVE_EVERY;
    loop {
        tokio::select! {
            () = end.asked() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let began = tokio::time::Instant::now();
        let saved = save(&memory, &folder).await;
        failing = report(&saved, failing);
        pause = SAVE_EVERY.max(began.elapsed() * SAVE_SHARE);
    }
}

/// Saves what has changed, off the threads that serve requests.
pub(super) async fn save(memory: &Arc<MemoryBroker>, folder: &Arc<StateDir>) -> Saved {
    let (memory, folder) = (Arc::clone(memory), Arc::clone(folder));
    let pass = tokio::task::spawn_blocking(move || folder.save(&memory));
    pass.await.unwrap_or_else(|error| {
        tracing::error!(%error, "saving windows panicked");
        Saved::default()
    })
}

/// Says once that saving fails, and once that it works again.
fn report(saved: &Saved, was_failing: bool) -> bool {
    match &saved.failed {
        Some((failure, count)) if !was_failing => {
            let error = failure as &dyn std::error::Error;
            tracing::error!(error, count, "windows can't be saved; they are served from memory");
        }
        None if was_failing => tracing::info!("windows can be saved again"),
        _ => {}
    }
    saved.failed.is_some()
}

async fn tidy_often(state: Arc<State>, mut end: Shutdown) {
    let mut ticks = interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.asked() => return,
            _ = ticks.tick() => {}
        }
        state.memory.trim();
        if let Some(delivery) = state.delivery() {
            delivery.sweep();
        }
    }
}
