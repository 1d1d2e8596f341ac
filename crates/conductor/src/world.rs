//! What a run acts on, as the conductor sees it: steps that are carried out and read back, numbers for
//! guards, a lease on the traffic, people who are told. How any of it is done is not known here.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use guard::{At, Look, Verdict};
use jiff::Timestamp;
use runbook::{Plan, PlannedGuard, PlannedStep};
use serde::{Deserialize, Serialize};

use crate::Effect;

/// Something that is under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a run acts on. The conductor says when; this knows how.
pub trait World: Send + Sync {
    /// Carries a step out, once, whose intent is on disk. Steps that wait for people or for guards, and
    /// repeats, never come here; what a repeat repeats does.
    ///
    /// # Cancel safety
    /// Dropping it gives the step up: processes that it started are ended. What was changed until then
    /// stays changed, and is for the way back.
    fn carry_out<'a>(&'a self, work: &'a Work) -> Pending<'a, Done>;

    /// Returns whether it carries out a step of the kind `external` itself, or looks at the certificate
    /// that a gate asks for; else people do. It says the same of a step for as long as it is there.
    fn acts(&self, _: &PlannedStep) -> bool {
        false
    }

    /// Finds out whether a step took effect that was begun by a process that is gone, or that did not
    /// pass. Changes nothing.
    fn read_back<'a>(&'a self, work: &'a Work) -> Pending<'a, Found>;

    /// Ends what a process that is gone left running of this run, before anything is read back or begun
    /// beside it; returns a sentence about each.
    ///
    /// # Errors
    /// Fails where something goes on that can't be ended.
    fn end_left_over(&self) -> Pending<'_, Result<Vec<String>, LeftOver>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Looks at what a guard watches.
    ///
    /// # Errors
    /// Fails where the source does not answer, or what it says can't be trusted.
    fn look<'a>(
        &'a self,
        guard: &'a PlannedGuard,
        at: At,
    ) -> Pending<'a, Result<Sighting, NoSight>>;

    /// Takes or renews the run's lease on what it acts on, until then. Where nobody renews it the canary
    /// is taken out of the traffic without the conductor.
    ///
    /// # Errors
    /// Fails where another run holds it, or it can't be reached.
    fn keep<'a>(&'a self, run: &'a str, until: Timestamp) -> Pending<'a, Result<(), LeaseError>>;

    /// Returns how the traffic is shared now; nothing where no router is known.
    ///
    /// # Errors
    /// Fails where the router does not answer.
    fn traffic(&self) -> Pending<'_, Result<Option<TrafficShare>, NoSight>>;

    /// Returns when new traffic and then connections were off the canary, as far as that is verified.
    fn clocks(&self) -> BackClocks {
        BackClocks::default()
    }

    /// Tells people something.
    ///
    /// # Errors
    /// Fails with why it did not reach them, without addresses that may be secrets.
    fn tell<'a>(&'a self, notice: &'a Notice) -> Pending<'a, Result<(), String>>;
}

/// A step to carry out.
#[derive(Clone, Debug)]
pub struct Work {
    /// The run's name.
    pub run: String,
    /// The step.
    pub step: PlannedStep,
    /// From 1 on.
    pub attempt: u32,
    /// How long it may take.
    pub within: Duration,
    /// How much faster than planned waiting times pass; 1 is as planned.
    pub pace: Pace,
    /// What earlier steps left behind that are compared with, by step, without secrets; shared by all parts.
    pub kept: Arc<BTreeMap<String, Vec<Artefact>>>,
    /// When the run began to go back, where it does.
    pub going_back_since: Option<Timestamp>,
}

/// How much faster than planned waiting times pass: those of the timeline, of traffic that is held, and
/// of limits on health. Never how long a step may take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Pace(f64);

/// A number that is no pace.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no pace: one is a number from 1, as planned, to 1000 times as fast")]
pub struct PaceError(f64);

impl Pace {
    /// As planned.
    pub const AS_PLANNED: Pace = Pace(1.0);

    /// Returns a pace.
    ///
    /// # Errors
    /// Fails on what is no number from 1 to 1000.
    pub fn new(times: f64) -> Result<Self, PaceError> {
        if (1.0..=1000.0).contains(&times) { Ok(Pace(times)) } else { Err(PaceError(times)) }
    }

    /// Returns how many times as fast.
    pub const fn times(self) -> f64 {
        self.0
    }

    /// Returns how long a planned time takes.
    pub fn of(self, planned: Duration) -> Duration {
        planned.div_f64(self.0)
    }

    /// Returns whether times pass as planned.
    pub fn is_as_planned(&self) -> bool {
        *self == Pace::AS_PLANNED
    }
}

impl Default for Pace {
    fn default() -> Self {
        Pace::AS_PLANNED
    }
}

impl TryFrom<f64> for Pace {
    type Error = PaceError;

    fn try_from(times: f64) -> Result<Self, PaceError> {
        Pace::new(times)
    }
}

impl From<Pace> for f64 {
    fn from(pace: Pace) -> f64 {
        pace.0
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// How it ended. A step that could not be carried out is ERROR, one that found what must not be is
    /// FAIL, one that could not tell is INSUFFICIENT.
    pub verdict: Verdict,
    /// One plain sentence.
    pub text: String,
    /// What it left behind.
    pub artefacts: Vec<Artefact>,
}

/// Something that a step left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// What it is called, as `stdout.txt` or `baseline.json`.
    pub name: String,
    /// Its bytes; secrets that are known by their form or their name are taken out before it is kept.
    pub bytes: Vec<u8>,
}

/// What was found of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it took effect.
    pub effect: Effect,
    /// One plain sentence.
    pub text: String,
}

/// What was seen for a guard since the last look.
#[derive(Clone, Debug, PartialEq)]
pub enum Sighting {
    /// The source was read for the first time, and there is nothing to compare it with.
    First,
    /// Errors and exposure of both arms.
    Arms(Look),
    /// Requests and errors of each client of both arms.
    Clients {
        /// Of the canary.
        canary: Vec<guard::ClientCounts>,
        /// Of the stable arm.
        stable: Vec<guard::ClientCounts>,
    },
    /// Measurements of both arms at one time, the canary's first, in the source's unit.
    Pairs {
        /// Their unit, as `ms`.
        unit: &'static str,
        /// The pairs.
        pairs: Vec<(f64, f64)>,
    },
    /// How many were checked, and how many of them were bad.
    Bad {
        /// All.
        checked: f64,
        /// The bad ones.
        found: f64,
    },
    /// Whether it is up.
    Up(bool),
    /// How often processes were started again.
    Restarts(u64),
}

/// A source that gave nothing, or nothing that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSight(pub String);

/// Something that a process which is gone left running, and that can't be ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LeftOver(pub String);

/// A lease that could not be taken or renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Another run has it.
    #[error("the run {0} acts on this environment; end it first")]
    Held(String),
    /// What holds it can't be reached, or says something else than was set.
    #[error("{0}")]
    Unreachable(String),
}

/// How the traffic is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrafficShare {
    /// The canary's share in per cent, as the router says.
    pub canary_percent: f64,
    /// What the router was told to give it, under a lease that holds, whether a replica can take it or not;
    /// nothing where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_percent: Option<f64>,
    /// Connections that are open on the canary.
    pub canary_open: u64,
    /// Connections that are open on the stable arm.
    pub stable_open: u64,
    /// Requests of the canary since the router's start.
    pub canary_requests: u64,
    /// The same of the stable arm.
    pub stable_requests: u64,
}

/// When the traffic was back, as far as that is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackClocks {
    /// No new request reaches the canary any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_traffic_at: Option<Timestamp>,
    /// Nothing is left on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_at: Option<Timestamp>,
}

/// Something that people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The run.
    pub run: String,
    /// What kind of thing happened: `waiting`, `hold`, `rollback`, `ended`, `resumed`.
    pub kind: &'static str,
    /// One plain sentence.
    pub text: String,
    /// Who is meant, by roles; nobody in particular where it is empty.
    pub roles: Vec<String>,
}

/// Returns the guards of a plan by their names.
pub fn guards_of(plan: &Plan) -> BTreeMap<&str, &PlannedGuard> {
    plan.guards.iter().map(|guard| (guard.spec.id.as_str(), guard)).collect()
}
