//! How a deployment is put together, from an environment's file or by whoever starts one.

use std::{sync::Arc, time::Duration};

use conductor::BackClocks;
use parking_lot::Mutex;
use runbook::{Kind, Mode, Plan};
use traffic::{
    Owner, Router, Weight,
    haproxy::{HaproxyRouter, HaproxySettings},
    withdraw::WithdrawSettings,
};

use super::{Deployment, DeploymentSettings, lease::Lease};
use crate::{
    Environment, Hands, SecretError, environment::RouterDescription, hands::DescribedHands,
    http::Client, program::Programs, sources::Watchers,
};

/// A deployment that a plan can't be carried out on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentError {
    /// Secrets can't be read, so that they could not be taken out of outputs either.
    #[error("{}", lines(.0))]
    Secrets(Vec<SecretError>),
    /// Guards have sources that can't be looked at.
    #[error("{}", lines(.0))]
    Sources(Vec<String>),
    /// The router can't be spoken to for the run.
    #[error("{0}")]
    Router(String),
    /// The plan moves traffic, and there is nothing to move it with.
    #[error("the step {0} moves traffic, and there is no [router] in the environment's file")]
    NoRouter(String),
    /// No HTTP client can be made.
    #[error("{0}")]
    Http(String),
}

fn lines<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Environment {
    /// Returns what a run of a plan acts on, by what the file says.
    ///
    /// # Errors
    /// Fails where the plan can't be carried out on it.
    pub fn deployment(&self, plan: &Plan, run: &str) -> Result<Deployment, DeploymentError> {
        let router = self.router.as_ref().map(|router| router.router(run)).transpose()?;
        let leave_within = self.router.as_ref().map(|router| router.leave);
        let mut withdraw = WithdrawSettings::default();
        withdraw.leave_within = leave_within.unwrap_or(withdraw.leave_within);
        let programs = Programs::new(self.commands.clone(), self.secrets.clone());
        let http = Client::new().map_err(|error| DeploymentError::Http(error.to_string()))?;
        let hands = DescribedHands::new(self.clone(), programs, http);
        let settings = DeploymentSettings {
            service: self.service.clone(),
            router,
            withdraw,
            commands: self.commands.clone(),
            webhook: self.webhook.clone(),
            sources: self.sources.clone(),
            certificates: self.certificates.clone(),
            secrets: self.secrets.clone(),
            lock: self.lock.clone(),
        };
        Deployment::new(settings, Arc::new(hands), plan)
    }
}

impl RouterDescription {
    /// Returns the router, spoken to for a run.
    ///
    /// # Errors
    /// Fails on names that can't be given to it.
    pub fn router(&self, run: &str) -> Result<Arc<dyn Router>, DeploymentError> {
        let owner = run.parse::<Owner>();
        let owner = owner.map_err(|error| DeploymentError::Router(error.to_string()))?;
        let router = HaproxyRouter::new(self.settings(), owner);
        Ok(Arc::new(router.map_err(|error| DeploymentError::Router(error.to_string()))?))
    }

    /// Returns how it is spoken to.
    pub fn settings(&self) -> HaproxySettings {
        HaproxySettings {
            socket: self.socket.clone(),
            map: self.map.clone(),
            pins: self.pins.clone(),
            canary: self.canary.clone(),
            stable: self.stable.clone(),
            timeout: self.timeout,
            lock: self.lock.clone(),
        }
    }
}

impl Deployment {
    /// Returns what a run of a plan acts on.
    ///
    /// # Errors
    /// Fails where secrets can't be read, a guard has a source that can't be looked at, or the plan
    /// moves traffic without a router.
    pub fn new(
        settings: DeploymentSettings,
        hands: Arc<dyn Hands>,
        plan: &Plan,
    ) -> Result<Self, DeploymentError> {
        let redactor = settings.secrets.redactor().map_err(DeploymentError::Secrets)?;
        let watchers = Watchers::of(&plan.guards, &settings.sources);
        let watchers = watchers.map_err(DeploymentError::Sources)?;
        let moving = plan.all_steps().filter(|step| step.kind == Kind::Traffic && step.carried_out);
        let traffic_steps: std::collections::BTreeSet<_> =
            moving.map(|step| step.id.clone()).collect();
        if settings.router.is_none()
            && let Some(step) = traffic_steps.first()
        {
            return Err(DeploymentError::NoRouter(step.clone()));
        }
        let http = Client::new().map_err(|error| DeploymentError::Http(error.to_string()))?;
        Ok(Deployment {
            programs: Programs::new(settings.commands.clone(), settings.secrets.clone()),
            lease: Lease::new(settings.lock.clone()),
            settings,
            hands,
            http,
            redactor,
            traffic_steps,
            clocks: Mutex::new(BackClocks::default()),
            given: Mutex::new(Weight::NONE),
            is_rehearsal: plan.mode == Mode::Rehearsal,
            runbook: plan.source,
            watchers,
        })
    }
}

/// Returns a withdrawal's bounds within the time that a step has: each part gets its share.
pub(crate) fn shortened(settings: &WithdrawSettings, within: Duration) -> WithdrawSettings {
    let WithdrawSettings { stop_within, leave_within, evict_within, .. } = settings;
    let whole = stop_within.saturating_add(*leave_within).saturating_add(*evict_within);
    let room = within.mul_f64(0.9);
    if whole <= room || whole.is_zero() {
        return settings.clone();
    }
    let share = room.div_duration_f64(whole);
    WithdrawSettings {
        stop_within: stop_within.mul_f64(share),
        leave_within: leave_within.mul_f64(share),
        evict_within: evict_within.mul_f64(share),
        ..settings.clone()
    }
}
