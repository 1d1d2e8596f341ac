//! A switch that is finalised by itself once it was good for long enough.
//!
//! The time begins when all streams have changed hands, and anew whenever the backend is not healthy.
//! It ends with the switch, and with the process: after a restart the settings say who owns the
//! streams, and nothing is finalised that nobody asks for again.

use std::{sync::Arc, time::Duration};

use broker::{
    Broker, HealthState,
    live::{Ask, Stage},
};
use event::{MonoMs, UnixMs};
use parking_lot::Mutex;

use crate::{Shutdown, State};

/// How often a switch that soaks is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The soak that was asked for, if any.
#[derive(Debug, Default)]
pub(crate) struct Soaking(Mutex<Option<Soak>>);

#[derive(Clone, Debug)]
struct Soak {
    lasts: Duration,
    by: String,
    /// Since when the switch is good.
    good_since: Option<MonoMs>,
}

/// A soak as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoakStatus {
    /// How long the switch has to be good.
    pub lasts: Duration,
    /// When it is finalised, if it stays as it is; `None` while it is not good.
    pub ends_at: Option<UnixMs>,
}

impl State {
    /// Lets the switch be finalised in somebody's name once it was good for so long; what was asked
    /// for before is forgotten.
    pub fn soak_switch(&self, lasts: Duration, by: &str) {
        let soak = Soak { lasts, by: by.to_owned(), good_since: None };
        *self.soaking.0.lock() = Some(soak);
    }

    /// Lets the switch not be finalised by itself.
    pub fn end_soak(&self) {
        *self.soaking.0.lock() = None;
    }

    /// Returns what was asked for, and when it is over.
    pub fn soak_status(&self) -> Option<SoakStatus> {
        let soaking = self.soaking.0.lock();
        let soak = soaking.as_ref()?;
        let left = soak.good_since.map(|since| soak.lasts.saturating_sub(self.since(since)));
        let at = |left: Duration| {
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            UnixMs(self.clock.unix().0.saturating_add(left_ms))
        };
        Some(SoakStatus { lasts: soak.lasts, ends_at: left.map(at) })
    }

    fn since(&self, then: MonoMs) -> Duration {
        self.clock.mono().since(then)
    }

    /// Looks at the switch; returns in whose name it is to be finalised now.
    fn look_at_soak(&self) -> Option<String> {
        let live = self.live.broker()?;
        let stage = live.standing().0;
        if stage == Stage::Idle && !live.is_driven() {
            // It was finalised by hand, or came to nothing.
            self.end_soak();
            return None;
        }
        let is_good = stage == Stage::Switched && self.live.health().state == HealthState::Healthy;
        let now = self.clock.mono();
        let mut soaking = self.soaking.0.lock();
        let soak = soaking.as_mut()?;
        soak.good_since = is_good.then(|| soak.good_since.unwrap_or(now));
        let is_over = soak.good_since.is_some_and(|since| now.since(since) >= soak.lasts);
        is_over.then(|| soak.by.clone())
    }
}

/// Finalises what has soaked; to be run by the one task that owns it.
pub(crate) async fn run(state: Arc<State>, mut end: Shutdown) {
    loop {
        tokio::select! {
            () = end.asked() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let Some(by) = state.look_at_soak() else { continue };
        match state.ask_switch(Ask::Finalise, &format!("{by}, after a soak")).await {
            Ok(_) => state.end_soak(),
            // Whoever undoes it at this moment has ended the soak, or will be answered first.
            Err(error) => tracing::warn!(%error, "the switch is not finalised yet"),
        }
    }
}
