//! A deployment with guards whose source is not there: they are not looked for, and say why they see
//! nothing. No data is never a pass; people waive such a guard by name.

use std::collections::BTreeMap;

use conductor::{
    BackClocks, Done, Found, LeaseError, NoSight, Notice, Pending, Sighting, TrafficShare, Work,
    World,
};
use deployment::Deployment;
use guard::At;
use jiff::Timestamp;
use runbook::{PlannedGuard, PlannedStep};

/// A deployment as a rehearsal sees it.
pub(super) struct Seen {
    /// What is acted on.
    pub(super) deployment: Deployment,
    /// Guards that see nothing, with why.
    pub(super) unseen: BTreeMap<String, String>,
}

impl World for Seen {
    fn carry_out<'a>(&'a self, work: &'a Work) -> Pending<'a, Done> {
        self.deployment.carry_out(work)
    }

    fn acts(&self, step: &PlannedStep) -> bool {
        self.deployment.acts(step)
    }

    fn read_back<'a>(&'a self, work: &'a Work) -> Pending<'a, Found> {
        self.deployment.read_back(work)
    }

    fn look<'a>(
        &'a self,
        guard: &'a PlannedGuard,
        at: At,
    ) -> Pending<'a, Result<Sighting, NoSight>> {
        match self.unseen.get(&guard.spec.id) {
            Some(why) => Box::pin(std::future::ready(Err(NoSight(why.clone())))),
            None => self.deployment.look(guard, at),
        }
    }

    fn keep<'a>(&'a self, run: &'a str, until: Timestamp) -> Pending<'a, Result<(), LeaseError>> {
        self.deployment.keep(run, until)
    }

    fn traffic(&self) -> Pending<'_, Result<Option<TrafficShare>, NoSight>> {
        self.deployment.traffic()
    }

    fn clocks(&self) -> BackClocks {
        self.deployment.clocks()
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Pending<'a, Result<(), String>> {
        self.deployment.tell(notice)
    }
}
