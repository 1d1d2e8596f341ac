//! Hands that do what a test tells them, and remember what they were asked.

use std::{collections::BTreeMap, sync::Mutex};

use conductor::Pending;
use deployment::{
    Acted, External, Hands, HandsError, Instead, LedgerTotals, Pairs, Replica, SecretText, Setting,
};
use guard::Arm;
use runbook::PlannedStep;
use serde_json::{Value, json};

/// Hands of a test.
#[derive(Debug, Default)]
pub(crate) struct TestHands {
    pub(crate) replicas: Mutex<Vec<Replica>>,
    pub(crate) settings: Mutex<BTreeMap<String, String>>,
    pub(crate) externals: Mutex<BTreeMap<String, External>>,
    pub(crate) instead: Mutex<Option<Instead>>,
    pub(crate) fails: Mutex<Option<String>>,
    pub(crate) hangs: Mutex<bool>,
    pub(crate) is_done: Mutex<Option<bool>>,
    pub(crate) done: Mutex<Vec<String>>,
    pub(crate) restarts: Mutex<Option<u64>>,
    pub(crate) ledger: Mutex<Option<LedgerTotals>>,
    pub(crate) pairs: Mutex<Option<Pairs>>,
    pub(crate) version: Mutex<String>,
}

impl TestHands {
    fn failing(&self) -> Result<(), HandsError> {
        let fails = self.fails.lock().unwrap().clone();
        fails.map_or(Ok(()), |why| Err(HandsError::new(why)))
    }

    fn note(&self, what: impl Into<String>) {
        self.done.lock().unwrap().push(what.into());
    }

    async fn hang_if_told(&self) {
        if *self.hangs.lock().unwrap() {
            std::future::pending::<()>().await;
        }
    }
}

impl Hands for TestHands {
    fn instead(&self, _: &PlannedStep) -> Option<Instead> {
        self.instead.lock().unwrap().clone()
    }

    fn replicas(&self) -> Vec<Replica> {
        self.replicas.lock().unwrap().clone()
    }

    fn settings(&self) -> Pending<'_, Result<BTreeMap<String, SecretText>, HandsError>> {
        Box::pin(async {
            self.failing()?;
            let all = self.settings.lock().unwrap().clone();
            Ok(all.into_iter().map(|(name, value)| (name, SecretText::plain(value))).collect())
        })
    }

    fn apply<'a>(&'a self, settings: &'a [Setting]) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(async move {
            self.hang_if_told().await;
            self.failing()?;
            for setting in settings {
                let value = setting.value.expose().to_owned();
                self.settings.lock().unwrap().insert(setting.name.clone(), value);
            }
            self.note("apply");
            Ok(Acted { text: "Applied.".into(), artefacts: Vec::new() })
        })
    }

    fn external(&self, step: &PlannedStep) -> Option<External> {
        self.externals.lock().unwrap().get(&step.id).copied()
    }

    fn act<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<Acted, HandsError>> {
        Box::pin(async move {
            self.hang_if_told().await;
            self.failing()?;
            self.note(format!("act {}", step.id));
            Ok(Acted { text: "Acted.".into(), artefacts: Vec::new() })
        })
    }

    fn is_done<'a>(&'a self, _: &'a PlannedStep) -> Pending<'a, Result<bool, HandsError>> {
        let is_done = *self.is_done.lock().unwrap();
        let told = is_done.ok_or_else(|| HandsError::new("nobody knows"));
        Box::pin(std::future::ready(told))
    }

    fn goodbye(&self, arm: Arm) -> Pending<'_, Result<(), HandsError>> {
        self.note(format!("goodbye {arm}"));
        Box::pin(std::future::ready(self.failing()))
    }

    fn restarts(&self) -> Pending<'_, Result<Option<u64>, HandsError>> {
        Box::pin(std::future::ready(Ok(*self.restarts.lock().unwrap())))
    }

    fn ledger(&self) -> Pending<'_, Result<Option<LedgerTotals>, HandsError>> {
        Box::pin(std::future::ready(Ok(*self.ledger.lock().unwrap())))
    }

    fn pairs(&self) -> Pending<'_, Result<Option<Pairs>, HandsError>> {
        Box::pin(std::future::ready(Ok(self.pairs.lock().unwrap().take())))
    }

    fn describe(&self) -> Pending<'_, Result<BTreeMap<String, Value>, HandsError>> {
        let version = self.version.lock().unwrap().clone();
        let described = BTreeMap::from([("image".to_owned(), json!(version))]);
        Box::pin(std::future::ready(Ok(described)))
    }
}
