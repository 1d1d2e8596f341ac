//! How a simulation gets the state that it lacks.
//!
//! It is run on what is at hand; all that it lacked is fetched in one batch; and it is run again,
//! until it lacks nothing or the rounds are used up. A run takes zero for what it lacks and goes on,
//! so that one round finds most of what is needed: a contract reads its slots one after the other
//! and calls others in between. A round-trip costs a thousand times what a run does, so that running
//! again is cheap, and the simulator stays free of IO: what it says follows from its input alone.
//!
//! What was refused is not asked for again; it is why the outcome is incomplete.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    time::Instant,
};

use chain::BlockRef;
use tokio::time::timeout_at;

use crate::{
    Bundle, Lack, Outcome, Simulator, StateCache, StateError, StateKey, StateSource, Status,
    cache::Gathered,
};

/// Most keys that are fetched before anything asked for them.
const FORESEEN_MAX: usize = 512;

/// What is fetched for one simulation at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Batches.
    pub rounds_max: usize,
    /// Keys of all batches together.
    pub keys_max: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        FetchLimits { rounds_max: 48, keys_max: 8192 }
    }
}

/// What a bundle is simulated with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Who simulates.
    pub simulator: &'a dyn Simulator,
    /// Where state is kept.
    pub cache: &'a StateCache,
    /// Where state that is not there is read.
    pub source: &'a dyn StateSource,
    /// What is read at most.
    pub limits: FetchLimits,
}

/// Why state is not known, by what it is.
type Failures = BTreeMap<StateKey, StateError>;

/// Simulates a bundle, with the state that it needs, until a deadline. It computes where it is
/// polled, for up to that long: it belongs on a thread of its own, as those of [`crate::Pool`].
///
/// # Cancel safety
///
/// What was fetched so far stays in the cache.
pub async fn simulate(means: Means<'_>, bundle: &Bundle, due: Instant) -> Vec<Outcome> {
    let mut run =
        Run { means, at: bundle.at, due, gathered: Gathered::default(), failures: Failures::new() };
    let mut outcomes = run.once(bundle);
    let mut keys_left = means.limits.keys_max;
    for round in 0..means.limits.rounds_max {
        let mut wanted = missing(&outcomes);
        wanted.retain(|key| !run.failures.contains_key(key));
        if wanted.is_empty() || Instant::now() >= due {
            break;
        }
        if round == 0 {
            wanted.extend(first_keys(bundle).take(FORESEEN_MAX));
        }
        // Others fill the cache too: what has come there since is there for the next run.
        wanted.retain(|key| !run.is_answered(*key));
        if wanted.len() > keys_left {
            break;
        }
        if !wanted.is_empty() {
            keys_left -= wanted.len();
            run.fetch(wanted.into_iter().collect()).await;
        }
        outcomes = run.once(bundle);
    }
    run.say_why(&mut outcomes);
    outcomes
}

/// One simulation, with what it has fetched so far.
struct Run<'a> {
    means: Means<'a>,
    at: BlockRef,
    due: Instant,
    gathered: Gathered,
    failures: Failures,
}

impl Run<'_> {
    /// Simulates on what is at hand.
    fn once(&self, bundle: &Bundle) -> Vec<Outcome> {
        let cached = self.means.cache.view(self.at).until(self.due);
        self.means.simulator.simulate(bundle, &mut self.gathered.view(cached))
    }

    fn is_answered(&self, key: StateKey) -> bool {
        self.failures.contains_key(&key)
            || self.gathered.holds(key)
            || self.means.cache.holds(self.at, key)
    }

    /// Fetches keys; notes those that can't be had.
    async fn fetch(&mut self, keys: Vec<StateKey>) {
        let answering = self.means.source.fetch(self.at, &keys);
        let Ok(answers) = timeout_at(self.due.into(), answering).await else {
            self.failures.extend(keys.into_iter().map(|key| (key, StateError::Deadline)));
            return;
        };
        let is_whole = answers.len() == keys.len();
        let answers = answers.into_iter().chain(iter::repeat(Err(StateError::Nonsense)));
        for (key, answer) in keys.into_iter().zip(answers) {
            let answer = answer
                .and_then(|value| if is_whole { Ok(value) } else { Err(StateError::Nonsense) });
            let taken =
                answer.and_then(|value| self.gathered.take(self.means.cache, self.at, key, value));
            if let Err(why) = taken {
                self.failures.insert(key, why);
            }
        }
    }

    /// Says why what is missing could not be had.
    fn say_why(&self, outcomes: &mut [Outcome]) {
        let is_due = Instant::now() >= self.due;
        for outcome in outcomes {
            let Status::Incomplete { missing, why } = &mut outcome.status else { continue };
            if *why == Lack::NotGiven {
                // The first one is surely needed; the others may follow from guesses.
                *why = match missing.first().and_then(|key| self.failures.get(key)) {
                    Some(StateError::Deadline) => Lack::Deadline,
                    Some(error) => Lack::State(*error),
                    None if is_due => Lack::Deadline,
                    None => Lack::KeyLimit,
                };
            }
            if matches!(why, Lack::State(_) | Lack::Before) {
                missing.retain(|key| self.failures.contains_key(key));
            }
        }
    }
}

/// Returns what every run asks for first.
fn first_keys(bundle: &Bundle) -> impl Iterator<Item = StateKey> {
    let called = bundle.calls.iter().flat_map(|call| call.to.into_iter().chain([call.from]));
    let listed = bundle.calls.iter().flat_map(|call| &call.access_list);
    let accounts = called.chain([bundle.env.beneficiary]).map(StateKey::Account);
    let slots = listed.flat_map(|item| {
        let slot = |key: &alloy_primitives::B256| StateKey::Storage(item.address, (*key).into());
        item.storage_keys.iter().map(slot)
    });
    accounts.chain(slots)
}

/// Returns all that was missing.
fn missing(outcomes: &[Outcome]) -> BTreeSet<StateKey> {
    let of_one = |outcome: &Outcome| match &outcome.status {
        Status::Incomplete { missing, .. } => missing.clone(),
        _ => Vec::new(),
    };
    outcomes.iter().flat_map(of_one).collect()
}
