//! How the replica stands to Redis, and how it gets from one to the next.

use std::time::Duration;

use tokio::time::Instant;

use super::Core;
use crate::redis::{failure::Failure, run::FleetRun};

/// How the replica stands to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is no telling yet whether the trunk is whole: whoever asks waits.
    Healing,
    /// The trunk serves.
    Up,
    /// Redis is lost: every stream is served from here, on a branch.
    Cut,
    /// Redis is there again: branches are merged, and nothing new branches off.
    Back,
}

/// How long a merge that failed waits before it is tried again.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

impl Core {
    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn enter(&self, phase: Phase) {
        let before = self.phase.send_replace(phase);
        if before != phase {
            tracing::info!(?before, ?phase, "the replica's standing to Redis changed");
        }
    }

    /// Waits until the replica is cut off.
    pub(super) async fn until_cut(&self) {
        // The sender lives as long as the core does.
        let _ = self.phase.subscribe().wait_for(|phase| *phase == Phase::Cut).await;
    }

    /// Waits until the trunk may be asked, or the replica is cut off.
    pub(super) async fn until_decided(&self) {
        // The sender lives as long as the core does.
        let _ = self.phase.subscribe().wait_for(|phase| *phase != Phase::Healing).await;
    }

    /// Follows the connection for ever; to be run by the one task that owns it.
    pub(super) async fn keep(&self) {
        loop {
            let run = self.come_back().await;
            tokio::select! {
                () = self.lost() => self.cut_off(),
                () = self.trunk.until_other_run(&run) => self.enter(Phase::Healing),
                () = self.until_emptied() => {
                    tracing::warn!(
                        "Redis does not know any more that replicas were there: it was emptied"
                    );
                    // Once for each run, and this is the same one.
                    *self.restored.lock() = None;
                    self.enter(Phase::Healing);
                }
                () = self.until_unrefused() => {}
            }
        }
    }

    fn cut_off(&self) {
        // Strict, nothing is served from here: whoever asks waits, and is refused in time.
        self.enter(if self.options.strict { Phase::Healing } else { Phase::Cut });
    }

    /// Waits until there was no connection for as long as a replica bears it. In a cluster that is
    /// one to every node: where a part of the slots is not served the replica is cut off as a whole,
    /// since one that served some streams from here and some from there would have to be both.
    async fn lost(&self) {
        loop {
            self.trunk.until_connected(false).await;
            let again = self.trunk.until_connected(true);
            if tokio::time::timeout(self.options.cut_off_after, again).await.is_err() {
                return;
            }
        }
    }

    /// Waits for Redis, heals it, and brings every stream back to the trunk; returns the server's
    /// run.
    async fn come_back(&self) -> FleetRun {
        let (mut pause, began) = (RETRY_MIN, Instant::now());
        let mut wait = Duration::ZERO;
        loop {
            // What is lost in the pause is lost, too.
            let attempt = async {
                tokio::time::sleep(wait).await;
                self.try_to_come_back().await
            };
            tokio::select! {
                came = attempt => match came {
                    Ok(run) => {
                        self.trouble.lock().clear();
                        self.enter(Phase::Up);
                        return run;
                    }
                    Err(failure) => {
                        tracing::warn!(%failure, "the streams are not back on the trunk yet");
                        *self.trouble.lock() = failure.reason;
                        // A server that refuses at once is as good as none.
                        if self.phase() == Phase::Healing
                            && began.elapsed() >= self.options.cut_off_after
                        {
                            self.cut_off();
                        }
                        wait = pause;
                        pause = (pause * 2).min(RETRY_MAX);
                    }
                },
                () = self.lost() => {
                    self.cut_off();
                    wait = Duration::ZERO;
                }
            }
        }
    }

    async fn try_to_come_back(&self) -> Result<FleetRun, Failure> {
        self.trunk.until_connected(true).await;
        let Some(run) = self.trunk.run() else {
            return Err(Failure::refused("the connection to Redis broke"));
        };
        tokio::select! {
            came = self.come_back_to(&run) => came.map(|()| run.clone()),
            // What was said to the one does not count for the other.
            () = self.trunk.until_other_run(&run) => {
                Err(Failure::refused("Redis began anew meanwhile"))
            }
        }
    }

    async fn come_back_to(&self, run: &FleetRun) -> Result<(), Failure> {
        let is_up = self.phase() == Phase::Up;
        self.announcing.lock().hold_no_more();
        let healing = self.heal(run);
        let mut healing = std::pin::pin!(healing);
        // Those who ask wait for a moment, and are served from here if it takes longer; not while
        // others may be on their way to a server that nobody came to before: they are held.
        let mut patience = Instant::now() + self.options.cut_off_after;
        loop {
            if let Ok(healed) = tokio::time::timeout_at(patience, &mut healing).await {
                break healed?;
            }
            if is_up {
                break healing.await?;
            }
            let holds_until = self.announcing.lock().holds_until();
            match holds_until.map(|until| until + self.options.cut_off_after) {
                Some(until) if until > Instant::now() => patience = until,
                _ => {
                    self.cut_off();
                    break healing.await?;
                }
            }
        }
        // One that only tries again what was refused serves the other streams all the while.
        if !(is_up || self.options.strict) || self.has_branches() {
            self.enter(Phase::Back);
        }
        // Those of a stream with a branch follow behind its merge: what a branch's key did is known
        // by where it stands on the trunk.
        self.remember_adopted(run, |side| side.branch.is_none()).await?;
        self.merge_all().await?;
        self.remember_adopted(run, |_| true).await?;
        self.tell_losses().await
    }
}
