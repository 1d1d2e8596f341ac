//! What a run keeps an eye on while it goes on: its lease, the traffic, and what is written down of both.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Conductor, DriveError, Input};
use crate::{Event, LeaseError, NoSight};

impl Conductor {
    /// Renews the lease, and looks at the traffic and for the guards.
    pub(super) fn look_around(&mut self) {
        let age = |at: Option<Instant>| at.map_or(Duration::MAX, |at| at.elapsed());
        let is_due = self.is_lease_due || age(self.leased_at) >= self.settings.lease / 4;
        if !self.is_leasing && is_due {
            (self.is_leasing, self.is_lease_due) = (true, false);
            let now = self.clock.now();
            let (world, run) =
                (Arc::clone(&self.world), self.state().run().unwrap_or_default().to_owned());
            let until = now.checked_add(self.settings.lease).unwrap_or(now);
            let most = self.settings.lease;
            self.asked.push(Box::pin(async move {
                let kept = tokio::time::timeout(most, world.keep(&run, until)).await;
                Input::Kept(kept.unwrap_or_else(|_| {
                    Err(LeaseError::Unreachable("its renewal was not answered".to_owned()))
                }))
            }));
        }
        if !self.is_sharing && age(self.shared_at) >= Duration::from_secs(1) {
            let (begun, given) = (Instant::now(), self.facts.given.clone());
            (self.is_sharing, self.shared_at) = (true, Some(begun));
            let world = Arc::clone(&self.world);
            self.asked.push(Box::pin(async move {
                let shared = tokio::time::timeout(Duration::from_secs(5), world.traffic()).await;
                let silent = "the router did not answer within 5 seconds";
                let shared = shared.unwrap_or_else(|_| Err(NoSight(silent.to_owned())));
                Input::Shared(begun, given, shared)
            }));
        }
        self.look_for_guards();
        self.flush_samples();
    }

    pub(super) fn leased(&mut self, kept: Result<(), LeaseError>) -> Result<(), DriveError> {
        self.is_leasing = false;
        match kept {
            Ok(()) => {
                self.leased_at = Some(Instant::now());
                self.facts.is_lease_lost = false;
                Ok(())
            }
            Err(error) => {
                let since = self.leased_at.map_or(Duration::MAX, |at| at.elapsed());
                let is_lost = matches!(error, LeaseError::Held(_)) || since >= self.settings.lease;
                self.trouble(&format!("the lease could not be renewed: {error}"));
                if is_lost && !self.facts.is_lease_lost {
                    self.facts.is_lease_lost = true;
                    let text = format!("The lease is lost: {error}.");
                    let lost = Event::Trouble { what: "lease".into(), text };
                    return self.append_or_hold(lost).map(|_| ());
                }
                Ok(())
            }
        }
    }

    pub(super) fn flush_samples(&mut self) {
        if self.samples.is_empty() {
            return;
        }
        let samples = std::mem::take(&mut self.samples);
        if let Err(error) = self.folder.add_samples(&samples) {
            self.trouble(&format!("what was seen could not be written down: {error}"));
        }
    }
}
