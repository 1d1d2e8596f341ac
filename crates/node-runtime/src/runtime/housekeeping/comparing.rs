//! What replicas tell each other of themselves, every few seconds, over Redis.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::{
    Shutdown, State,
    peers::{Agreed, Findings, ReadAt},
};

const COMPARE_EVERY: Duration = Duration::from_secs(5);

/// How long taking the own note back may take at the end.
const LEAVE_TIME_MAX: Duration = Duration::from_millis(100);

pub(super) async fn run(state: Arc<State>, mut end: Shutdown) {
    let ours = Agreed::of(&state.settings.realtime);
    let mut ticks = interval(COMPARE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.asked() => break,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            () = end.asked() => break,
            () = compare(&state, &ours) => {}
        }
    }
    // Who stays must not take a replica for running that has ended.
    let _ = timeout(LEAVE_TIME_MAX, state.live.leave_note(None)).await;
}

async fn compare(state: &State, ours: &Agreed) {
    if state.live.replica().is_none() {
        // This process has nothing to do with Redis yet.
        return;
    }
    let (began, at) = (state.clock.unix(), Instant::now());
    let notices = match state.live.leave_note(Some(&ours.note())).await {
        Ok(notices) => notices,
        // What was found last stays: nothing is known to be better.
        Err(error) => return tracing::debug!(%error, "replicas can't be compared now"),
    };
    let read = ReadAt { unix: began, took: at.elapsed() };
    let found = Findings::of(ours, &notices, read);
    let before = std::mem::replace(&mut *state.peers.lock(), found.clone());
    if before.is_like(&found) {
        return;
    }
    let reason = found.reason();
    match &reason {
        Some(reason) => tracing::warn!(reason, "replicas or clocks differ"),
        None => tracing::info!("replicas and clocks agree again"),
    }
    state.tell_ops("replicas.compared", json!({"reason": reason})).await;
}
