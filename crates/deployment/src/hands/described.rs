//! Hands as a file describes them: programs, and a file of settings.

use std::{collections::BTreeMap, time::Duration};

use conductor::{Artefact, Pending};
use futures_util::future::join_all;
use guard::Arm;
use runbook::PlannedStep;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Acted, External, Hands, HandsError, Pairs, Replica, Setting};
use crate::{
    Artefacts, Environment, SecretText,
    certificate::router_configuration,
    environment::{Argv, DescribedReplica},
    http::Client,
    program::{Ended, Programs},
    settings_file,
    sources::LedgerTotals,
};

/// How long a program may take at the very most; a step's own time ends it earlier.
const ACT_TIME_MAX: Duration = Duration::from_secs(3600);

/// How long a program that is asked may take.
const ASK_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a replica may take until it is ready.
const READY_TIME_MAX: Duration = Duration::from_secs(120);

/// From look to look whether it is.
const READY_LOOK: Duration = Duration::from_millis(200);

/// What a file describes.
#[derive(Debug)]
pub(crate) struct DescribedHands {
    environment: Environment,
    programs: Programs,
    http: Client,
}

impl DescribedHands {
    pub(crate) fn new(environment: Environment, programs: Programs, http: Client) -> Self {
        DescribedHands { environment, programs, http }
    }

    /// Runs programs until one fails.
    async fn run(&self, all: &[Argv], what: &str) -> Result<Artefacts, HandsError> {
        let mut artefacts = Artefacts::new();
        for (number, argv) in (1..).zip(all) {
            let ended = self.run_one(argv, ACT_TIME_MAX).await;
            let ended = ended.map_err(|text| HandsError { text, artefacts: artefacts.clone() })?;
            for (name, kept) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
                let bytes = kept.bytes();
                if !bytes.is_empty() {
                    artefacts.push(Artefact { name: format!("{what}-{number}-{name}.txt"), bytes });
                }
            }
            if !ended.is_good() {
                let text = format!("`{}` {}", argv[0], ended.sentence(ACT_TIME_MAX));
                return Err(HandsError { text, artefacts });
            }
        }
        Ok(artefacts)
    }

    async fn run_one(&self, argv: &Argv, within: Duration) -> Result<Ended, String> {
        let ended = self.programs.run(argv, Instant::now() + within).await;
        ended.map_err(|error| error.to_string())
    }

    /// Returns what a program prints that is asked.
    async fn ask(&self, argv: &Argv) -> Result<Vec<u8>, HandsError> {
        let ended = self.run_one(argv, ASK_TIME_MAX).await.map_err(HandsError::new)?;
        if !ended.is_good() {
            let text = format!("`{}` {}", argv[0], ended.sentence(ASK_TIME_MAX));
            return Err(HandsError::new(text));
        }
        Ok(ended.stdout.bytes())
    }

    async fn ask_json<T: serde::de::DeserializeOwned>(
        &self,
        argv: &Argv,
        what: &str,
    ) -> Result<T, HandsError> {
        let said = self.ask(argv).await?;
        serde_json::from_slice(&said).map_err(|error| {
            HandsError::new(format!("`{}` printed what is not {what}: {error}", argv[0]))
        })
    }

    /// Stops and starts replicas one after the other.
    async fn roll(&self) -> Result<(), HandsError> {
        for replica in &self.environment.replicas {
            for argv in [&replica.stop, &replica.start].into_iter().flatten() {
                self.run(std::slice::from_ref(argv), "roll").await?;
            }
            self.until_ready(replica).await?;
        }
        Ok(())
    }

    async fn until_ready(
        &self,
        DescribedReplica { replica, .. }: &DescribedReplica,
    ) -> Result<(), HandsError> {
        let (url, until) = (format!("{}/ready", replica.url), Instant::now() + READY_TIME_MAX);
        loop {
            let answer = self.http.get(&url).await;
            let why = match answer {
                Ok(answer) if answer.is_good() => return Ok(()),
                Ok(answer) => format!("it answers with {}", answer.status),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                let within = READY_TIME_MAX.as_secs();
                let text =
                    format!("the replica {} is not ready after {within} s: {why}", replica.name);
                return Err(HandsError::new(text));
            }
            sleep(READY_LOOK).await;
        }
    }

    async fn tell_to_drain(&self, arm: Arm) -> Result<(), HandsError> {
        let of_arm = self.environment.replicas.iter().filter(|it| it.replica.arm == arm);
        let told = of_arm.map(|DescribedReplica { replica, drain, .. }| async move {
            let name = &replica.name;
            let Some(argv) = drain else {
                return Err(format!("the replica {name} has no `drain`"));
            };
            let ran = self.run(std::slice::from_ref(argv), "drain").await;
            ran.map(|_| ()).map_err(|error| format!("the replica {name}: {error}"))
        });
        let faults: Vec<_> = join_all(told).await.into_iter().filter_map(Result::err).collect();
        if faults.is_empty() { Ok(()) } else { Err(HandsError::new(faults.join("; "))) }
    }

    async fn described(&self) -> Result<BTreeMap<String, Value>, HandsError> {
        let mut known = match &self.environment.asks.describe {
            Some(argv) => self.ask_json(argv, "a JSON object").await?,
            None => BTreeMap::new(),
        };
        if let Some(file) = self.environment.router.as_ref().and_then(|it| it.config.as_ref()) {
            let digest = router_configuration(file).map_err(HandsError::new)?;
            known.insert("router_configuration".into(), digest.to_string().into());
        }
        Ok(known)
    }
}

impl Hands for DescribedHands {
    fn replicas(&self) -> Vec<Replica> {
        self.environment.replicas.iter().map(|it| it.replica.clone()).collect()
    }

    fn settings(&self) -> Pending<'_, Result<BTreeMap<String, SecretText>, HandsError>> {
        Box::pin(async {
            let Some(settings) = &self.environment.settings else { return Ok(BTreeMap::new()) };
            settings_file::read(&settings.file).map_err(|error| HandsError::new(error.to_string()))
        })
    }

    fn apply<'a>(&'a self, settings: &'a [Setting]) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(async move {
            let Some(described) = &self.environment.settings else {
                let text =
                    "nobody says where settings stand; add [settings] to the environment's file";
                return Err(HandsError::new(text));
            };
            let written = settings_file::write(&described.file, settings);
            let is_new = written.map_err(|error| HandsError::new(error.to_string()))?;
            // What is applied again does no harm, and an earlier attempt may not have come so far.
            let artefacts = self.run(&described.apply, "apply").await?;
            if described.apply.is_empty() {
                self.roll().await?;
            }
            let done = if is_new { "were written" } else { "stood there already" };
            let text = format!("The settings {done} and were applied.");
            Ok(Acted { text, artefacts })
        })
    }

    fn external(&self, step: &PlannedStep) -> Option<External> {
        self.environment.externals.get(&step.id).map(|described| described.external)
    }

    fn act<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(async move {
            let Some(described) = self.environment.externals.get(&step.id) else {
                let text = format!("nothing stands under [externals.{}]", step.id);
                return Err(HandsError::new(text));
            };
            let artefacts = self.run(&described.commands, "act").await?;
            let text = format!("{} programs ended well.", described.commands.len());
            Ok(Acted { text, artefacts })
        })
    }

    fn is_done<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<bool, HandsError>> {
        Box::pin(async move {
            let described = self.environment.externals.get(&step.id);
            let Some(check) = described.and_then(|described| described.check.as_ref()) else {
                let text = format!("there is no `check` under [externals.{}]", step.id);
                return Err(HandsError::new(text));
            };
            let ended = self.run_one(check, ASK_TIME_MAX).await.map_err(HandsError::new)?;
            match ended.exit_code() {
                Some(0) => Ok(true),
                Some(1) => Ok(false),
                _ => {
                    let text = format!("`{}` {}", check[0], ended.sentence(ASK_TIME_MAX));
                    Err(HandsError::new(text))
                }
            }
        })
    }

    fn goodbye(&self, arm: Arm) -> Pending<'_, Result<(), HandsError>> {
        Box::pin(self.tell_to_drain(arm))
    }

    fn restarts(&self) -> Pending<'_, Result<Option<u64>, HandsError>> {
        Box::pin(async {
            match &self.environment.asks.restarts {
                Some(argv) => self.ask_json(argv, "a number").await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn ledger(&self) -> Pending<'_, Result<Option<LedgerTotals>, HandsError>> {
        Box::pin(async {
            match &self.environment.asks.ledger {
                Some(argv) => self.ask_json(argv, "an object of a ledger's totals").await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn pairs(&self) -> Pending<'_, Result<Option<Pairs>, HandsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn describe(&self) -> Pending<'_, Result<BTreeMap<String, Value>, HandsError>> {
        Box::pin(self.described())
    }
}
