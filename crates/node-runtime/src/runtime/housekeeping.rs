//! What has to be done every so often: saving, trimming, ending idle channels.

mod comparing;

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use broker::{
    MemoryBroker, ReplicaBroker,
    live::Target,
    memory::state_dir::{Saved, SetAside, StateDir},
};
use tokio::time::{MissedTickBehavior, interval};

use super::start::set_aside_event;
use crate::{Shutdown, State, Tasks, evidence, ops::GapReport, soak};

/// How often changed windows are saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// How many times as long as a pass the pause after it is.
const SAVE_SHARE: u32 = 19;

/// Bytes that saving writes in a second, over a pass and its pause: a changed window is written
/// whole, and large ones must not wear out the disk.
const SAVE_BYTES_PER_SECOND: f64 = 16e6;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before operators are told again what could not be told.
const TELL_AGAIN: Duration = Duration::from_secs(1);

const TIDY_EVERY: Duration = Duration::from_secs(5);

/// Starts the tasks; the damaged files are told of once the log of operators can be written.
pub(super) fn spawn(
    tasks: &Tasks,
    state: &Arc<State>,
    folder: &Arc<StateDir>,
    set_aside: Vec<SetAside>,
) {
    if !set_aside.is_empty() {
        let telling = tell_of(set_aside, Arc::clone(state), tasks.shutdown());
        tasks.spawn("tell", telling);
    }
    tasks.spawn("save", save_often(Arc::clone(state), Arc::clone(folder), tasks.shutdown()));
    let keeping = evidence::keeper::run(Arc::clone(state), Arc::clone(folder), tasks.shutdown());
    tasks.spawn("evidence", keeping);
    if state.settings.realtime.redis_url.is_some() {
        tasks.spawn("compare", comparing::run(Arc::clone(state), tasks.shutdown()));
        tasks.spawn("soak", soak::run(Arc::clone(state), tasks.shutdown()));
        tasks.spawn("look", look_often(Arc::clone(state), tasks.shutdown()));
    }
    if let (Target::Redis, Some(replica)) = (state.live.by_settings(), state.live.replica()) {
        let adopting =
            forget_adopted(Arc::clone(state), replica, Arc::clone(folder), tasks.shutdown());
        tasks.spawn("adopt", adopting);
    }
    tasks.spawn("tidy", tidy_often(Arc::clone(state), tasks.shutdown()));
}

/// Removes what the last process left, once Redis has it: it must not be taken for news after a crash.
async fn forget_adopted(
    state: Arc<State>,
    replica: Arc<ReplicaBroker>,
    folder: Arc<StateDir>,
    mut end: Shutdown,
) {
    tokio::select! {
        () = end.asked() => return,
        () = replica.until_adopted() => {}
    }
    let forgotten = tokio::task::spawn_blocking(move || forget_windows(&state, &folder)).await;
    match forgotten {
        Ok(Ok(0)) => {}
        Ok(Ok(streams)) => tracing::info!(streams, "saved windows were given to Redis"),
        Ok(Err(error)) => tracing::error!(%error, "saved windows can't be removed"),
        Err(error) => tracing::error!(%error, "removing saved windows panicked"),
    }
}

/// Removes windows that are Redis's, unless streams are on their way to memory; returns how many
/// there were.
pub(crate) fn forget_windows(state: &State, folder: &StateDir) -> io::Result<usize> {
    if state.live.keeps_windows() {
        // They go when the switch is over.
        state.has_windows.store(true, Ordering::Release);
        return Ok(0);
    }
    let forgotten = folder.forget_windows()?;
    state.has_windows.store(false, Ordering::Release);
    Ok(forgotten)
}

async fn tell_of(set_aside: Vec<SetAside>, state: Arc<State>, mut end: Shutdown) {
    for file in &set_aside {
        let event = set_aside_event(&state, file);
        while !state.tell_ops_once(&event).await {
            tokio::select! {
                () = end.asked() => return,
                () = tokio::time::sleep(TELL_AGAIN) => {}
            }
        }
    }
}

async fn save_often(state: Arc<State>, folder: Arc<StateDir>, mut end: Shutdown) {
    let mut failing = false;
    let mut pause = SAVE_EVERY;
    loop {
        tokio::select! {
            () = end.asked() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if !state.live.keeps_windows() {
            continue;
        }
        let began = tokio::time::Instant::now();
        let saved = save(&state.memory, &folder).await;
        if let Some(saved) = &saved {
            failing = report(saved, failing);
        }
        let bytes = saved.as_ref().map_or(0, |saved| saved.bytes);
        pause = pause_after(began.elapsed(), bytes);
    }
}

/// Keeps saving a small part of what the processor and the disk do.
fn pause_after(took: Duration, bytes: usize) -> Duration {
    let for_the_disk = Duration::from_secs_f64(bytes as f64 / SAVE_BYTES_PER_SECOND);
    SAVE_EVERY.max(took * SAVE_SHARE).max(for_the_disk)
}

/// Saves what has changed, off the threads that serve requests; `None` where that panicked.
pub(super) async fn save(memory: &Arc<MemoryBroker>, folder: &Arc<StateDir>) -> Option<Saved> {
    let (memory, folder) = (Arc::clone(memory), Arc::clone(folder));
    let pass = tokio::task::spawn_blocking(move || folder.save(&memory));
    pass.await.inspect_err(|error| tracing::error!(%error, "saving windows panicked")).ok()
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

/// Keeps an eye on a backend that can be lost, whether or not anybody asks for health.
async fn look_often(state: Arc<State>, mut end: Shutdown) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.asked() => return,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            () = end.asked() => return,
            () = state.look() => {}
        }
    }
}

async fn tidy_often(state: Arc<State>, mut end: Shutdown) {
    let mut ticks = interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut gaps = GapReport::default();
    loop {
        tokio::select! {
            () = end.asked() => return,
            _ = ticks.tick() => {}
        }
        state.memory.trim();
        gaps.tell(&state).await;
        if let Some(delivery) = state.delivery() {
            delivery.sweep();
        }
    }
}
