//! The lease of the one switch that may be under way over all replicas, as the one who holds it sees
//! it.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::{sleep, timeout};

use super::{Core, SwitchError};
use crate::redis::switching::{Lease, LeaseWord};

impl Core {
    /// Returns the token of the lease; 0 where it is not held.
    pub(super) fn token(&self) -> u64 {
        self.token.load(Ordering::Acquire)
    }

    /// Takes the lease, or takes it anew.
    ///
    /// # Errors
    /// Fails where another replica has it, and where Redis can't be reached.
    pub(super) async fn take_lease(&self) -> Result<(), SwitchError> {
        let replica = self.reached(self.options.patience).await?;
        let lasts = self.options.lease;
        match replica.trunk().lease(LeaseWord::Take, &self.name, lasts, 0).await? {
            Lease::Held(token) => {
                self.token.store(token, Ordering::Release);
                Ok(())
            }
            Lease::Busy(holder) => Err(elsewhere(&holder)),
        }
    }

    /// Renews the lease for as long as it is ours; returns why it is not any more.
    pub(super) async fn keep_lease(&self) -> SwitchError {
        loop {
            sleep(self.options.lease / 5).await;
            let Some(replica) = self.replica.lock().clone() else { continue };
            let (token, lasts) = (self.token(), self.options.lease);
            if token == 0 {
                continue;
            }
            // One that can't be renewed now is: the work itself finds out that Redis is lost.
            let kept = replica.trunk().lease(LeaseWord::Keep, &self.name, lasts, token).await;
            if let Ok(Lease::Busy(holder)) = kept {
                return elsewhere(&holder);
            }
        }
    }

    /// Gives the lease back, if it is held.
    pub(super) async fn leave_lease(&self) {
        let token = self.token.swap(0, Ordering::AcqRel);
        let replica = self.replica.lock().clone();
        if let (Some(replica), true) = (replica, token > 0) {
            // It ends by itself.
            let left = replica.trunk().lease(LeaseWord::Leave, &self.name, Duration::ZERO, token);
            let _ = timeout(self.options.patience, left).await;
        }
    }
}

/// Returns the refusal for another one's switch, by what its operators call it.
fn elsewhere(holder: &str) -> SwitchError {
    let called = holder.rsplit_once('.').map_or(holder, |(called, _)| called);
    SwitchError::Elsewhere(called.to_owned())
}
