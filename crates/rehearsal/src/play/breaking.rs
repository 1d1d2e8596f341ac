//! What is broken around the replicas while a run goes on, and when it is mended again.

use std::time::Duration;

use conductor::{Live, Phase};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use super::{FaultScript, PlayError};
use crate::{Fault, Stack, StackError};

/// What is broken in a rehearsal, if anything.
#[derive(Debug)]
pub(super) struct Breaking {
    fault: Option<FaultScript>,
    seen: Mutex<Seen>,
}

/// When it was.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    broken_at: Option<Timestamp>,
    mended_at: Option<Timestamp>,
}

/// What was broken, for the evidence.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Broken {
    pub(super) what: String,
    /// With the beginning of this step; without one, once the canary had traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    /// When; nothing where it did not come to that.
    pub(super) broken_at: Option<Timestamp>,
    mended_at: Option<Timestamp>,
}

impl Breaking {
    /// Returns what a script breaks, or something else at the same time.
    pub(super) fn new(script: Option<&FaultScript>, other: Option<&Fault>) -> Self {
        let fault = match (script.cloned(), other.cloned()) {
            (Some(script), Some(what)) => Some(FaultScript { what, ..script }),
            (None, Some(what)) => Some(FaultScript { what, at: None, lasts: None }),
            (script, None) => script,
        };
        Breaking { fault, seen: Mutex::default() }
    }

    /// Breaks it when its time has come, and mends it when the way back has begun, or after its own
    /// time; never ends but by failing.
    pub(super) async fn go_on(
        &self,
        stack: &Stack,
        mut looking: watch::Receiver<Option<Live>>,
    ) -> PlayError {
        let Some(fault) = &self.fault else { return std::future::pending().await };
        let broken = async {
            if looking.wait_for(|live| has_come(live.as_ref(), fault)).await.is_err() {
                return Ok(());
            }
            stack.inject(&fault.what).await?;
            self.seen.lock().broken_at = Some(Timestamp::now());
            let goes_back = looking.wait_for(|live| goes_back(live.as_ref()));
            let _either = timeout(fault.lasts.unwrap_or(Duration::MAX), goes_back).await;
            self.mend(stack).await
        };
        match broken.await {
            Ok(()) => std::future::pending().await,
            Err(error) => error.into(),
        }
    }

    /// Mends what is still broken.
    pub(super) async fn mend(&self, stack: &Stack) -> Result<(), StackError> {
        let Seen { broken_at, mended_at } = *self.seen.lock();
        if let (Some(fault), Some(_), None) = (&self.fault, broken_at, mended_at) {
            stack.mend(&fault.what).await?;
            self.seen.lock().mended_at = Some(Timestamp::now());
        }
        Ok(())
    }

    /// Returns what was broken.
    pub(super) fn broken(&self) -> Option<Broken> {
        let (fault, seen) = (self.fault.as_ref()?, *self.seen.lock());
        Some(Broken {
            what: fault.what.to_string(),
            with: fault.at.clone(),
            broken_at: seen.broken_at,
            mended_at: seen.mended_at,
        })
    }
}

impl Broken {
    /// Returns why nothing was shown of it, where it never broke.
    pub(super) fn never_came(&self) -> Option<String> {
        let when = match &self.with {
            Some(step) => format!("{step} was never begun"),
            None => "the canary never had traffic".to_owned(),
        };
        self.broken_at.is_none().then(|| format!("{} did not break anything: {when}", self.what))
    }
}

fn has_come(live: Option<&Live>, fault: &FaultScript) -> bool {
    let Some(live) = live else { return false };
    match &fault.at {
        Some(id) => live.steps.iter().any(|step| step.id == *id && step.begun_at.is_some()),
        None => live.traffic.is_some_and(|share| share.canary_percent > 0.0),
    }
}

fn goes_back(live: Option<&Live>) -> bool {
    live.is_some_and(|live| matches!(live.phase, Phase::RollingBack | Phase::RolledBack))
}
