//! What only whoever runs a deployment can do: where its replicas are, how settings come into effect,
//! what is done outside of it, what its own clients and supervisors know.
//!
//! A deployment that is described by a file does it by commands; a rehearsal does it by itself. Must
//! not know: plans but for a step's own words, journals, how a router is spoken to.

mod described;

use std::collections::BTreeMap;

pub(crate) use self::described::DescribedHands;
use conductor::Pending;
use guard::Arm;
use runbook::PlannedStep;
use serde_json::Value;
use traffic::Weight;

use crate::{Artefacts, SecretText, sources::LedgerTotals};

/// What only whoever runs a deployment can do.
///
/// Everything that is not there has an answer that says so; nothing is made up. Each call is bounded by
/// its caller too: dropping one ends what it started.
pub trait Hands: Send + Sync {
    /// Returns the replicas that are meant to run now.
    fn replicas(&self) -> Vec<Replica>;

    /// Returns the settings that replicas are given, by their names.
    ///
    /// # Errors
    /// Fails where they are not known.
    fn settings(&self) -> Pending<'_, Result<BTreeMap<String, SecretText>, HandsError>>;

    /// Makes settings so, beside those that are not named, and brings them into effect on every
    /// replica. Ends when the replicas serve again; whether they took the settings is looked at by the
    /// caller.
    ///
    /// # Errors
    /// Fails where it can't be done; some of it may be done all the same.
    fn apply<'a>(&'a self, settings: &'a [Setting]) -> Pending<'a, Result<Acted, HandsError>>;

    /// Returns what is done for a step of the kind `external`; nothing where people see to it.
    fn external(&self, step: &PlannedStep) -> Option<External>;

    /// Does what a step of the kind `external` says, where [`Hands::external`] says that this acts.
    ///
    /// # Errors
    /// Fails where it can't be done; some of it may be done all the same.
    fn act<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<Acted, HandsError>>;

    /// Returns whether what a step of the kind `external` says is so. Changes nothing.
    ///
    /// # Errors
    /// Fails where nobody can tell.
    fn is_done<'a>(&'a self, step: &'a PlannedStep) -> Pending<'a, Result<bool, HandsError>>;

    /// Returns what is done in the place of the programs of a step of the kind `command`. There is
    /// something in a rehearsal alone; a deployment that is there runs what its runbook says.
    fn instead(&self, _step: &PlannedStep) -> Option<Instead> {
        None
    }

    /// Tells the replicas of an arm to send their clients away, each client at a moment of its own, and
    /// does not wait for them.
    ///
    /// # Errors
    /// Fails where a replica can't be told.
    fn goodbye(&self, arm: Arm) -> Pending<'_, Result<(), HandsError>>;

    /// Returns how often processes of replicas were started again since the beginning; nothing where
    /// nobody counts that.
    ///
    /// # Errors
    /// Fails where who counts it does not answer.
    fn restarts(&self) -> Pending<'_, Result<Option<u64>, HandsError>>;

    /// Returns what clients with ledgers of their own saw since the beginning; nothing where there are
    /// none.
    ///
    /// # Errors
    /// Fails where they can't be asked.
    fn ledger(&self) -> Pending<'_, Result<Option<LedgerTotals>, HandsError>>;

    /// Returns measurements of both arms at one time, the canary's first, in milliseconds, since the
    /// last call; nothing where nobody measures.
    ///
    /// # Errors
    /// Fails where who measures can't be asked.
    fn pairs(&self) -> Pending<'_, Result<Option<Pairs>, HandsError>>;

    /// Returns what else is worth knowing of what runs: digests of binaries and images, commits,
    /// versions, the router's configuration. What differs between two calls has changed, so no times
    /// and no counters.
    ///
    /// # Errors
    /// Fails where it can't be found out.
    fn describe(&self) -> Pending<'_, Result<BTreeMap<String, Value>, HandsError>>;
}

/// Measurements of both arms at one time, the canary's first.
pub type Pairs = Vec<(f64, f64)>;

/// A replica of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub name: String,
    /// The version that it has.
    pub arm: Arm,
    /// Where it is reached without the router, as `http://127.0.0.1:3001`.
    pub url: String,
}

/// A setting to make so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value; what was written as `secret:NAME` is shown by that name alone.
    pub value: SecretText,
}

/// What is done for a step of the kind `external`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct External {
    /// What is done to the traffic: a withdrawal before anything else, a share after it.
    pub traffic: Option<TrafficMove>,
    /// Whether [`Hands::act`] does something.
    pub acts: bool,
}

/// Something that is done to the traffic beside a step of the kind `traffic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficMove {
    /// The canary is taken out, with both clocks.
    Withdraw,
    /// The canary gets this share.
    Give(Weight),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acted {
    /// One plain sentence.
    pub text: String,
    /// What it left behind.
    pub artefacts: Artefacts,
}

/// What is done in the place of a step's own programs, and why, in words that go on from "since".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Other programs are run, each with its arguments.
    Commands(Vec<Vec<String>>, String),
    /// [`Hands::act`] does it.
    Act(String),
}

/// Something that could not be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{text}")]
pub struct HandsError {
    /// What was found, and what a person can do, without secrets.
    pub text: String,
    /// What was left behind all the same.
    pub artefacts: Artefacts,
}

impl HandsError {
    /// Returns an error that left nothing behind.
    pub fn new(text: impl Into<String>) -> Self {
        HandsError { text: text.into(), artefacts: Artefacts::new() }
    }
}
