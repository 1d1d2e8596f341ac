//! A switch that is finalised by itself once it was good for long enough.
//!
//! A soak is of one switch: it goes with it, whoever ends that and however. It is not kept over a
//! restart: by then the settings say who owns the streams, and nothing is finalised that nobody asks
//! for again.

use std::{sync::Arc, time::Duration};

use broker::{
    HealthState,
    live::{Ask, Stage, SwitchStatus, Target},
};
use event::{MonoMs, UnixMs};
use tokio::sync::watch;

use crate::{Shutdown, State};

/// The shortest soak.
pub const SOAK_MIN: Duration = Duration::from_secs(1);

/// The longest: a switch that is open for longer was forgotten.
pub const SOAK_MAX: Duration = Duration::from_secs(7 * 86_400);

/// How often a switch that soaks is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A switch that was asked for is under way by then, or was refused.
const TAKEN_IN_WITHIN: Duration = Duration::from_secs(5);

/// The soak that was asked for, if any.
#[derive(Debug)]
pub(crate) struct Soaking(watch::Sender<Option<Soak>>);

impl Default for Soaking {
    fn default() -> Self {
        Soaking(watch::Sender::new(None))
    }
}

/// How long a switch has to be good before it is finalised by itself, and how far that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soak {
    to: Target,
    lasts: Duration,
    by: String,
    asked_at: MonoMs,
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

/// How a switch stands, as far as its soak depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    to: Target,
    stage: Stage,
    is_undo: bool,
    is_driven: bool,
    is_healthy: bool,
}

/// What becomes of a soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It goes on.
    Soaks,
    /// The switch was good for long enough.
    IsOver,
    /// Its switch is not there any more.
    IsGone,
}

impl Soak {
    /// Takes in how the switch stands.
    fn look(&mut self, now: MonoMs, seen: Seen) -> Verdict {
        let is_at_rest = seen.stage == Stage::Idle && !seen.is_driven;
        if is_at_rest || seen.is_undo || seen.to != self.to {
            self.good_since = None;
            let is_new = now.since(self.asked_at) < TAKEN_IN_WITHIN;
            return if is_new { Verdict::Soaks } else { Verdict::IsGone };
        }
        let is_good = seen.stage == Stage::Switched && seen.is_healthy;
        self.good_since = is_good.then(|| self.good_since.unwrap_or(now));
        match self.good_since {
            Some(since) if now.since(since) >= self.lasts => Verdict::IsOver,
            _ => Verdict::Soaks,
        }
    }
}

impl State {
    /// Lets the switch to a backend that is asked for now, or that is there, be finalised in
    /// somebody's name once it was good for so long, which is between [`SOAK_MIN`] and [`SOAK_MAX`].
    /// Returns what was asked for before, for whoever is refused the switch
    /// ([`State::restore_soak`]).
    pub fn soak_switch(&self, to: Target, lasts: Duration, by: &str) -> Option<Soak> {
        let (by, asked_at) = (by.to_owned(), self.clock.mono());
        self.soaking.0.send_replace(Some(Soak { to, lasts, by, asked_at, good_since: None }))
    }

    /// Puts back what was asked for before, or nothing.
    pub fn restore_soak(&self, before: Option<Soak>) {
        self.soaking.0.send_replace(before);
    }

    /// Returns what was asked for, and when it is over.
    pub fn soak_status(&self) -> Option<SoakStatus> {
        let soak = self.soaking.0.borrow().clone()?;
        let (mono, unix) = (self.clock.mono(), self.clock.unix());
        let ends_at = soak.good_since.map(|since| {
            let left = soak.lasts.saturating_sub(mono.since(since)).as_millis();
            UnixMs(unix.0.saturating_add(u64::try_from(left).unwrap_or(u64::MAX)))
        });
        Some(SoakStatus { lasts: soak.lasts, ends_at })
    }

    /// Looks at the switch, if one soaks; returns in whose name it is to be finalised now.
    async fn look_at_soak(&self) -> Option<String> {
        let live = self.live.broker()?;
        let is_healthy = self.realtime_health().await.status == HealthState::Healthy;
        let is_driven = live.is_driven();
        let SwitchStatus { to, stage, is_undo, .. } = live.status();
        let seen = Seen { to, stage, is_undo, is_driven, is_healthy };
        let (now, mut is_over) = (self.clock.mono(), None);
        self.soaking.0.send_if_modified(|soaking| {
            let Some(soak) = soaking else { return false };
            match soak.look(now, seen) {
                Verdict::Soaks => {}
                Verdict::IsOver => is_over = Some(soak.by.clone()),
                Verdict::IsGone => *soaking = None,
            }
            true
        });
        is_over
    }
}

/// Finalises what has soaked; to be run by the one task that owns it.
pub(crate) async fn run(state: Arc<State>, mut end: Shutdown) {
    let mut asked = state.soaking.0.subscribe();
    loop {
        tokio::select! {
            () = end.asked() => return,
            // The sender lives as long as the state does.
            _ = asked.wait_for(Option::is_some) => {}
        }
        tokio::select! {
            () = end.asked() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let finalise = async {
            let Some(by) = state.look_at_soak().await else { return };
            let finalised = state.ask_switch(Ask::Finalise, &format!("{by}, after a soak")).await;
            if let Err(error) = finalised {
                tracing::warn!(%error, "the switch is not finalised: it soaks anew");
                state.soaking.0.send_modify(|soaking| {
                    soaking.iter_mut().for_each(|soak| soak.good_since = None);
                });
            }
        };
        tokio::select! {
            () = end.asked() => return,
            () = finalise => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use broker::live::{Stage, Target};
    use event::MonoMs;

    use super::{Seen, Soak, Verdict};

    const GOOD: Seen = Seen {
        to: Target::Redis,
        stage: Stage::Switched,
        is_undo: false,
        is_driven: false,
        is_healthy: true,
    };

    fn soak() -> Soak {
        let lasts = Duration::from_secs(10);
        let by = "an operator".to_owned();
        Soak { to: Target::Redis, lasts, by, asked_at: MonoMs(0), good_since: None }
    }

    #[test]
    fn the_time_counts_while_all_is_good_and_begins_anew() {
        let ill = Seen { is_healthy: false, ..GOOD };
        let moving = Seen { stage: Stage::Switching, is_driven: true, ..GOOD };
        let mut soak = soak();
        for (at_ms, seen, verdict) in [
            (1_000, moving, Verdict::Soaks),
            (2_000, GOOD, Verdict::Soaks),
            (11_999, GOOD, Verdict::Soaks),
            (12_000, ill, Verdict::Soaks),
            (12_500, GOOD, Verdict::Soaks),
            (22_499, GOOD, Verdict::Soaks),
            (22_500, GOOD, Verdict::IsOver),
            (22_501, ill, Verdict::Soaks),
        ] {
            assert_eq!(soak.look(MonoMs(at_ms), seen), verdict, "{at_ms} {seen:?}");
        }
    }

    #[test]
    fn it_goes_with_its_switch() {
        for gone in [
            Seen { stage: Stage::Idle, ..GOOD },
            Seen { is_undo: true, ..GOOD },
            Seen { to: Target::Memory, ..GOOD },
        ] {
            let mut soak = soak();
            assert_eq!(soak.look(MonoMs(4_999), gone), Verdict::Soaks, "it is being taken in");
            assert_eq!(soak.look(MonoMs(5_000), gone), Verdict::IsGone, "{gone:?}");
        }
        let begins = Seen { stage: Stage::Idle, is_driven: true, ..GOOD };
        assert_eq!(soak().look(MonoMs(60_000), begins), Verdict::Soaks, "it is being carried out");
    }
}
