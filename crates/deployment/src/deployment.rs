//! A deployment of Tidegate as the world that a run acts on.
//!
//! Owns: what every step has at hand, the run's lease, and the clocks of its way back. Must not know:
//! when a step is due.

mod build;
mod lease;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
};

use conductor::{
    BackClocks, Done, Found, LeaseError, LeftOver, NoSight, Notice, Pending, Sighting,
    TrafficShare, Work, World,
};
use evidence::Redactor;
use guard::{Arm, At, Verdict};
use jiff::Timestamp;
use parking_lot::Mutex;
use runbook::{PlannedGuard, PlannedStep};
use traffic::{Router, Weight, withdraw::WithdrawSettings};

pub use self::build::DeploymentError;
pub(crate) use self::build::shortened;
use self::lease::Lease;
use crate::{
    Certificates, Hands, SecretText, Secrets, Service,
    environment::CommandSettings,
    http::Client,
    program::Programs,
    sources::{Sight, Watchers},
};

/// What a deployment is made of, beside the hands that are put to it.
#[derive(Clone, Debug)]
pub struct DeploymentSettings {
    /// Where clients come to.
    pub service: Service,
    /// The router before both arms, spoken to for the run.
    pub router: Option<Arc<dyn Router>>,
    /// Bounds of a withdrawal; shortened where a step has less time.
    pub withdraw: WithdrawSettings,
    /// How programs are run.
    pub commands: CommandSettings,
    /// Whom notices go to: an address or `secret:NAME`.
    pub webhook: Option<String>,
    /// Other names of sources of guards.
    pub sources: BTreeMap<String, String>,
    /// Certificates that gates ask for, and what is to be released.
    pub certificates: Certificates,
    /// Where secrets are read from.
    pub secrets: Secrets,
    /// A file that is locked while a run acts on this.
    pub lock: Option<PathBuf>,
}

/// A deployment that a run acts on.
pub struct Deployment {
    pub(crate) settings: DeploymentSettings,
    pub(crate) hands: Arc<dyn Hands>,
    pub(crate) http: Client,
    pub(crate) programs: Programs,
    pub(crate) redactor: Redactor,
    /// Steps that give a canary a share, by their names.
    pub(crate) traffic_steps: BTreeSet<String>,
    pub(crate) clocks: Mutex<BackClocks>,
    /// The share that this process gave last: whose clients a probe comes as.
    pub(crate) given: Mutex<Weight>,
    /// Whether the run is a rehearsal, which gives a certificate and asks for none.
    pub(crate) is_rehearsal: bool,
    /// The digest of the run's own runbook.
    pub(crate) runbook: evidence::Hash,
    watchers: Watchers,
    lease: Lease,
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Deployment {
    /// Returns what takes this deployment's secrets out of outputs.
    pub fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }

    /// Returns the key to the service, read now.
    pub(crate) fn key(&self) -> Result<Option<SecretText>, String> {
        let name = self.settings.service.key.as_ref();
        let read = name.map(|name| self.settings.secrets.read(name)).transpose();
        read.map_err(|error| error.to_string())
    }

    pub(crate) fn router(&self) -> Option<&dyn Router> {
        self.settings.router.as_deref()
    }

    /// Takes secrets out of a sentence.
    pub(crate) fn clean(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.redactor.redact(text.as_bytes())).into_owned()
    }

    fn sight(&self) -> Result<Sight<'_>, NoSight> {
        Ok(Sight {
            http: &self.http,
            hands: &*self.hands,
            router: self.router(),
            service: &self.settings.service.url,
            key: self.key().map_err(NoSight)?,
        })
    }

    async fn look_for(&self, guard: &str, at: At) -> Result<Sighting, NoSight> {
        let seen = self.watchers.look(guard, &self.sight()?, at).await;
        seen.map_err(|NoSight(text)| NoSight(self.clean(&text)))
    }

    async fn share(&self) -> Result<Option<TrafficShare>, NoSight> {
        let Some(router) = self.router() else { return Ok(None) };
        let seen = router.observe().await.map_err(|error| NoSight(traffic::chain(&error)))?;
        let (canary, stable) = (seen.arm(Arm::Canary), seen.arm(Arm::Stable));
        Ok(Some(TrafficShare {
            canary_percent: seen.weight_in_effect().percent(),
            given_percent: Some(if seen.is_leased() { seen.weight.percent() } else { 0.0 }),
            canary_open: canary.open,
            stable_open: stable.open,
            canary_requests: canary.requests,
            stable_requests: stable.requests,
        }))
    }

    async fn carry(&self, work: &Work) -> Done {
        // Every kind ends by itself within its time; this is for one that has a fault.
        let carried = tokio::time::timeout(work.within.saturating_mul(2), self.step(work)).await;
        let mut done = carried.unwrap_or_else(|_| {
            let text = format!("It did not end within {} s.", work.within.as_secs());
            Done { verdict: Verdict::Error, text, artefacts: Vec::new() }
        });
        done.text = self.clean(&done.text);
        done
    }
}

impl World for Deployment {
    fn carry_out<'a>(&'a self, work: &'a Work) -> Pending<'a, Done> {
        Box::pin(self.carry(work))
    }

    fn acts(&self, step: &PlannedStep) -> bool {
        self.external(step).is_some() || self.certificate_asked(step).is_some()
    }

    fn read_back<'a>(&'a self, work: &'a Work) -> Pending<'a, Found> {
        Box::pin(async {
            let mut found = self.find(work).await;
            found.text = self.clean(&found.text);
            found
        })
    }

    fn end_left_over(&self) -> Pending<'_, Result<Vec<String>, LeftOver>> {
        Box::pin(async {
            let ended = self.programs.end_left_over().await;
            ended.map_err(|error| LeftOver(self.clean(&error.to_string())))
        })
    }

    fn look<'a>(
        &'a self,
        guard: &'a PlannedGuard,
        at: At,
    ) -> Pending<'a, Result<Sighting, NoSight>> {
        Box::pin(self.look_for(&guard.spec.id, at))
    }

    fn keep<'a>(&'a self, run: &'a str, until: Timestamp) -> Pending<'a, Result<(), LeaseError>> {
        Box::pin(self.lease.keep(self.router(), run, until))
    }

    fn traffic(&self) -> Pending<'_, Result<Option<TrafficShare>, NoSight>> {
        Box::pin(self.share())
    }

    fn clocks(&self) -> BackClocks {
        *self.clocks.lock()
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Pending<'a, Result<(), String>> {
        Box::pin(self.notify(notice))
    }
}
