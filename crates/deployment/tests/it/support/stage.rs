//! A deployment of small servers, and steps of a runbook that is written in a test.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use conductor::{Done, NoSight, Pace, Sighting, Work, World};
use deployment::{
    Certificates, CommandSettings, Deployment, DeploymentError, DeploymentSettings, Replica,
    Secrets, Service,
};
use guard::{Arm, At};
use runbook::{Mode, Options, Plan};
use serde_json::Value;
use traffic::{
    Router,
    haproxy::{HaproxyRouter, HaproxySettings, Socket},
    withdraw::WithdrawSettings,
};

use super::{
    hands::TestHands,
    server::{Fake, Lies, Log},
};

/// A deployment with two replicas of the stable arm and one of the canary.
pub(crate) struct Stage {
    pub(crate) hands: Arc<TestHands>,
    pub(crate) stable: Vec<Fake>,
    pub(crate) canary: Fake,
    pub(crate) log: Arc<Log>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) router: Option<Arc<dyn Router>>,
    pub(crate) service: String,
    pub(crate) webhook: Option<String>,
    pub(crate) lock: Option<PathBuf>,
    pub(crate) certificates: Certificates,
    pub(crate) withdraw: WithdrawSettings,
}

/// The deployment, and the plan that it was made for.
pub(crate) struct Acting {
    pub(crate) deployment: Deployment,
    pub(crate) plan: Plan,
}

/// Makes a plan of steps as they are written in a runbook.
pub(crate) fn plan(steps: &str) -> Plan {
    let text = format!(
        "---\nrunbook:\n  version: 1\n  mode: rehearsal\n  owner: op\nroles:\n  op: Ana\n---\n# T\n\n\
         ## Steps <!-- run: section steps -->\n\n{steps}\n\n## Back <!-- run: section rollback -->\n\n\
         - Go back. <!-- run: external id=BACK class=converge -->\n"
    );
    let planned =
        runbook::plan(&text, &Options { mode: Some(Mode::Rehearsal), ..Options::default() });
    planned.plan.unwrap_or_else(|| panic!("{text}\n{:#?}", planned.problems))
}

impl Stage {
    /// Starts servers that do not lie.
    pub(crate) async fn new() -> Self {
        Stage::lying(Lies::default()).await
    }

    /// Starts servers for guards alone: the router that traffic needs is away.
    pub(crate) async fn watched() -> Self {
        let settings = HaproxySettings {
            socket: Socket::Unix("/no/such/socket".into()),
            map: "map".into(),
            pins: "pins".into(),
            canary: "canary".into(),
            stable: "stable".into(),
            timeout: Duration::from_secs(1),
            lock: None,
        };
        let router = HaproxyRouter::new(settings, "run-1".parse().unwrap()).unwrap();
        Stage { router: Some(Arc::new(router)), ..Stage::new().await }
    }

    /// Starts servers of which the second replica lies.
    pub(crate) async fn lying(lies: Lies) -> Self {
        let log = Arc::new(Log::default());
        let honest =
            Lies { chat: lies.chat, keeps_messages: lies.keeps_messages, ..Lies::default() };
        let stable = vec![
            Fake::start(Arc::clone(&log), honest.clone()).await,
            Fake::start(Arc::clone(&log), lies).await,
        ];
        let canary = Fake::start(Arc::clone(&log), honest).await;
        let named = |name: &str, arm, fake: &Fake| Replica {
            name: name.into(),
            arm,
            url: fake.server.url(),
        };
        let hands = TestHands::default();
        *hands.replicas.lock().unwrap() = vec![
            named("s1", Arm::Stable, &stable[0]),
            named("s2", Arm::Stable, &stable[1]),
            named("c1", Arm::Canary, &canary),
        ];
        Stage {
            service: stable[0].server.url(),
            hands: Arc::new(hands),
            stable,
            canary,
            log,
            folder: tempfile::tempdir().unwrap(),
            router: None,
            webhook: None,
            lock: None,
            certificates: Certificates::default(),
            withdraw: WithdrawSettings::default(),
        }
    }

    fn settings(&self) -> DeploymentSettings {
        let variables = BTreeMap::from([("KEY".to_owned(), "secret:hook".to_owned())]);
        DeploymentSettings {
            service: Service { url: self.service.clone(), key: Some("api".into()) },
            router: self.router.clone(),
            withdraw: self.withdraw.clone(),
            commands: CommandSettings {
                folder: self.folder.path().to_owned(),
                variables,
                under_way: None,
            },
            webhook: self.webhook.clone(),
            sources: BTreeMap::from([("the ledgers".to_owned(), "ledger".to_owned())]),
            secrets: Secrets::given([("api", "key-of-tests"), ("hook", "hunter2hunter2")]),
            certificates: self.certificates.clone(),
            lock: self.lock.clone(),
        }
    }

    /// Returns the deployment for steps, or why there is none.
    pub(crate) fn try_act(&self, steps: &str) -> Result<Acting, DeploymentError> {
        let plan = plan(steps);
        let hands: Arc<TestHands> = Arc::clone(&self.hands);
        let deployment = Deployment::new(self.settings(), hands, &plan)?;
        Ok(Acting { deployment, plan })
    }

    /// Returns the deployment for steps.
    pub(crate) fn act(&self, steps: &str) -> Acting {
        self.try_act(steps).unwrap()
    }

    /// Carries the first of some steps out.
    pub(crate) async fn carry_out(&self, steps: &str) -> Done {
        let acting = self.act(steps);
        let work = acting.work(None);
        acting.deployment.carry_out(&work).await
    }
}

impl Acting {
    /// Returns the step with an id, or the first one, as work.
    pub(crate) fn work(&self, id: Option<&str>) -> Work {
        let step = match id {
            Some(id) => self.plan.all_steps().find(|step| step.id == id).unwrap(),
            None => &self.plan.steps[0],
        };
        Work {
            run: "run-1".into(),
            step: step.clone(),
            attempt: 1,
            within: Duration::from_secs(step.within_s),
            pace: Pace::AS_PLANNED,
            kept: Arc::default(),
            going_back_since: None,
        }
    }

    /// Looks for the guard of the plan.
    pub(crate) async fn look(&self, at_ms: u64) -> Result<Sighting, NoSight> {
        self.deployment.look(&self.plan.guards[0], At(at_ms)).await
    }
}

/// Returns a document that a step left behind.
pub(crate) fn left(done: &Done, name: &str) -> Value {
    let artefact = done.artefacts.iter().find(|artefact| artefact.name == name);
    serde_json::from_slice(&artefact.unwrap_or_else(|| panic!("{name}: {done:?}")).bytes).unwrap()
}

/// Returns a text that a step left behind.
pub(crate) fn text(done: &Done, name: &str) -> String {
    let artefact = done.artefacts.iter().find(|artefact| artefact.name == name);
    String::from_utf8(artefact.unwrap_or_else(|| panic!("{name}: {done:?}")).bytes.clone()).unwrap()
}
