//! What a run keeps an eye on while it goes on: its lease, the traffic, and what is written down of both.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{Conductor, DriveError, Input};
use crate::{Event, LeaseError, NoSight, Sample, TrafficShare};

impl Conductor {
    /// Renews the lease, and looks at the traffic and for the guards.
    pub(super) fn look_around(&mut self) {
        let now = Timestamp::now();
        let age = |at: Option<Timestamp>| {
            at.map_or(Duration::MAX, |at| {
                Duration::try_from(now.duration_since(at)).unwrap_or_default()
            })
        };
        if !self.is_leasing && age(self.leased_at) >= self.settings.lease / 4 {
            self.is_leasing = true;
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
            (self.is_sharing, self.shared_at) = (true, Some(now));
            let world = Arc::clone(&self.world);
            self.asked.push(Box::pin(async move {
                let shared = tokio::time::timeout(Duration::from_secs(5), world.traffic()).await;
                Input::Shared(shared.unwrap_or_else(|_| {
                    Err(NoSight("the router did not answer within 5 seconds".to_owned()))
                }))
            }));
        }
        self.look_for_guards(now);
        self.flush_samples();
    }

    pub(super) fn leased(&mut self, kept: Result<(), LeaseError>) -> Result<(), DriveError> {
        self.is_leasing = false;
        let now = Timestamp::now();
        match kept {
            Ok(()) => {
                self.leased_at = Some(now);
                self.facts.is_lease_lost = false;
                Ok(())
            }
            Err(error) => {
                let since = self.leased_at.map_or(Duration::MAX, |at| {
                    Duration::try_from(now.duration_since(at)).unwrap_or_default()
                });
                let is_lost = matches!(error, LeaseError::Held(_)) || since >= self.settings.lease;
                self.trouble(format!("the lease could not be renewed: {error}"));
                if is_lost && !self.facts.is_lease_lost {
                    self.facts.is_lease_lost = true;
                    let text = format!("The lease is lost: {error}.");
                    return self.append(Event::Trouble { what: "lease".into(), text }, Vec::new());
                }
                Ok(())
            }
        }
    }

    pub(super) fn shared(&mut self, shared: Result<Option<TrafficShare>, NoSight>) {
        self.is_sharing = false;
        match shared {
            Ok(share) => {
                self.facts.traffic = share;
                if let Some(share) = share {
                    self.samples.push(Sample::Traffic { at: Timestamp::now(), share });
                }
            }
            Err(NoSight(why)) => self.trouble(format!("the traffic can't be seen: {why}")),
        }
    }

    pub(super) fn flush_samples(&mut self) {
        if self.samples.is_empty() {
            return;
        }
        let samples = std::mem::take(&mut self.samples);
        if let Err(error) = self.folder.add_samples(&samples) {
            self.trouble(format!("what was seen could not be written down: {error}"));
        }
    }
}
