//! How the replica stands to Redis, and how it gets from one to the next.

use std::time::Duration;

use super::Core;

/// How the replica stands to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
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

    /// Follows the connection for ever; to be run by the one task that owns it.
    pub(super) async fn keep(&self) {
        loop {
            if self.has_branches() {
                // What another process left behind, or an outage just now.
                self.come_back().await;
            }
            self.lost().await;
            self.enter(Phase::Cut);
            self.come_back().await;
        }
    }

    /// Waits until there was no connection for as long as a replica bears it.
    async fn lost(&self) {
        loop {
            self.trunk.until_connected(false).await;
            let again = self.trunk.until_connected(true);
            if tokio::time::timeout(self.options.cut_off_after, again).await.is_err() {
                return;
            }
        }
    }

    /// Waits for Redis and brings every stream back to the trunk.
    async fn come_back(&self) {
        let mut pause = RETRY_MIN;
        loop {
            tokio::select! {
                () = self.trunk.until_connected(true) => {}
                () = self.lost() => self.enter(Phase::Cut),
            }
            self.trunk.until_connected(true).await;
            self.enter(Phase::Back);
            tokio::select! {
                merged = self.merge_all() => match merged {
                    Ok(()) => {
                        self.trouble.lock().clear();
                        return self.enter(Phase::Up);
                    }
                    Err(failure) => {
                        tracing::warn!(%failure, "the branches are not merged yet");
                        *self.trouble.lock() = failure.reason;
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(RETRY_MAX);
                    }
                },
                () = self.lost() => {
                    self.enter(Phase::Cut);
                    pause = RETRY_MIN;
                }
            }
        }
    }
}
