//! The guard over a given traffic, before anybody relies on it: how often it aborts a good release,
//! and how soon it sees a bad one.
//!
//! Deterministic: the same plan gives the same study. Beside the guard stands what release
//! controllers usually do, "at least 99 % success over five minutes".

mod plot;
mod population;
mod scenario;
mod table;
mod trial;

use std::thread;

use serde::Serialize;

use self::population::Population;
pub use self::{
    scenario::{FAIR_SCENARIOS, Scenario},
    trial::{Ended, Method},
};
use crate::Alpha;

/// The rates at which the detection of worse releases is shown.
pub const RATES: [f64; 4] = [1.0, 5.0, 20.0, 100.0];

/// How many times worse the releases are that are to be seen.
pub const WORSE: [f64; 2] = [4.0, 10.0];

/// Points of a curve over time.
const CURVE_POINTS: usize = 60;

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// Requests a second to both arms together.
    pub requests_per_second: f64,
    /// The share of them that fails when all is well.
    pub error_ratio: f64,
    /// The canary's share of the clients.
    pub share: f64,
    /// How long the canary is watched.
    pub seconds: u32,
    /// How many clients there are; some send much more than others.
    pub clients: u32,
}

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The traffic.
    pub traffic: Traffic,
    /// The share of good releases that the guard may abort.
    pub alpha: Alpha,
    /// The seconds from look to look.
    pub look_s: u32,
    /// After how many seconds a client counts again that had an error.
    pub again_after_s: u32,
    /// How many releases of each kind.
    pub runs: u32,
    /// What all chance follows from.
    pub seed: u64,
}

/// A plan that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The requests a second.
    #[error("requests a second lie between 0.01 and 10000")]
    Requests,
    /// The error ratio.
    #[error("the error ratio lies from 0 up to 0.5")]
    Errors,
    /// The share.
    #[error("the canary's share lies above 0 and below 0.5: twice of it is tried, too")]
    Share,
    /// The time.
    #[error("the time lies between a minute and a day")]
    Seconds,
    /// The time from look to look.
    #[error("looks come every 1 to 3600 seconds, and at least twice in the time")]
    Looks,
    /// The clients.
    #[error("clients are from 2 to 1000000")]
    Clients,
    /// The runs.
    #[error("runs are from 1 to 100000")]
    Runs,
}

/// What came of one kind of release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The kind of release.
    pub scenario: Scenario,
    /// Requests a second.
    pub requests_per_second: f64,
    /// How many releases.
    pub runs: u32,
    /// The share that the guard aborted.
    pub aborted: f64,
    /// The share that the guard passed, before or without aborting it. It passes what is not so many
    /// times worse: as many as the release is, four times with one that is not.
    pub passed: f64,
    /// The share that the threshold rule aborted.
    pub aborted_by_threshold: f64,
    /// When half of those that the guard aborted were aborted, in seconds from the worsening.
    pub median_s: Option<f64>,
    /// The share aborted at equal steps over the time.
    pub curve: Vec<f64>,
}

/// The whole study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Study {
    /// What was simulated.
    pub plan: Plan,
    /// Releases that are no worse: an abort is a false one.
    pub fair: Vec<Row>,
    /// Releases that are worse: an abort is right.
    pub worse: Vec<Row>,
}

impl Plan {
    /// Checks the numbers.
    ///
    /// # Errors
    /// Fails on the first that makes no sense.
    pub fn check(&self) -> Result<(), PlanError> {
        let Traffic { requests_per_second, error_ratio, share, seconds, clients } = self.traffic;
        let rules = [
            ((0.01..=10_000.0).contains(&requests_per_second), PlanError::Requests),
            ((0.0..=0.5).contains(&error_ratio), PlanError::Errors),
            (share > 0.0 && share < 0.5, PlanError::Share),
            ((60..=86_400).contains(&seconds), PlanError::Seconds),
            ((1..=3_600.min(seconds / 2)).contains(&self.look_s), PlanError::Looks),
            ((2..=1_000_000).contains(&clients), PlanError::Clients),
            ((1..=100_000).contains(&self.runs), PlanError::Runs),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Runs all of it; `tick` is told which kind of release comes next and how many there are.
    ///
    /// # Errors
    /// Fails on a plan that makes no sense.
    pub fn study(&self, tick: &mut dyn FnMut(usize, usize)) -> Result<Study, PlanError> {
        self.check()?;
        let mut rates: Vec<f64> = RATES.to_vec();
        rates.push(self.traffic.requests_per_second);
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let half = self.traffic.seconds / 2;
        let mut worse: Vec<(Scenario, f64)> = Vec::new();
        for ratio in WORSE {
            let scenario = Scenario::Worse { ratio, from_s: 0 };
            worse.extend(rates.iter().map(|rate| (scenario, *rate)));
        }
        let late = Scenario::Worse { ratio: WORSE[1], from_s: half };
        worse.push((late, self.traffic.requests_per_second));
        let rows = FAIR_SCENARIOS.len() + worse.len();
        let mut next = 0;
        let mut row = |scenario: Scenario, rate: f64| {
            tick(next, rows);
            next += 1;
            self.row(scenario, rate)
        };
        let own = self.traffic.requests_per_second;
        let fair = FAIR_SCENARIOS.iter().map(|scenario| row(*scenario, own)).collect();
        let worse = worse.into_iter().map(|(scenario, rate)| row(scenario, rate)).collect();
        Ok(Study { plan: *self, fair, worse })
    }

    /// Runs one kind of release at a rate of requests.
    pub fn row(&self, scenario: Scenario, requests_per_second: f64) -> Row {
        let traffic = Traffic { requests_per_second, ..self.traffic };
        let ended = self.runs_of(scenario, traffic);
        let share = |method: Method| {
            let aborted = ended.iter().filter(|ended| ended.at(method).is_some()).count();
            aborted as f64 / f64::from(self.runs)
        };
        let mut times: Vec<u32> = ended.iter().filter_map(|e| e.at(Method::Guard)).collect();
        times.sort_unstable();
        let from_s = scenario.worse_from_s();
        let middle = times.get(times.len() / 2);
        let curve = (1..=CURVE_POINTS).map(|point| {
            let until = u64::from(traffic.seconds) * point as u64 / CURVE_POINTS as u64;
            let by_then = times.partition_point(|time| u64::from(*time) <= until);
            by_then as f64 / f64::from(self.runs)
        });
        Row {
            scenario,
            requests_per_second,
            runs: self.runs,
            aborted: share(Method::Guard),
            passed: ended.iter().filter(|ended| ended.passed().is_some()).count() as f64
                / f64::from(self.runs),
            aborted_by_threshold: share(Method::Threshold),
            median_s: middle.map(|time| f64::from(*time) - f64::from(from_s)),
            curve: curve.collect(),
        }
    }

    /// Runs one kind of release as often as was asked for, on all cores.
    pub fn runs_of(&self, scenario: Scenario, traffic: Traffic) -> Vec<Ended> {
        let population = Population::new(traffic.clients);
        let cores = thread::available_parallelism().map_or(1, usize::from).min(self.runs as usize);
        let run = |number: u32| trial::run(self, scenario, traffic, &population, number);
        thread::scope(|scope| {
            let run = &run;
            let part = |core: usize| {
                move || {
                    let numbers = (0..self.runs).skip(core).step_by(cores);
                    numbers.map(run).collect::<Vec<_>>()
                }
            };
            let parts: Vec<_> = (0..cores).map(|core| scope.spawn(part(core))).collect();
            let joined = parts.into_iter().map(|part| part.join());
            joined.flat_map(|part| part.expect("a simulation does not panic")).collect()
        })
    }
}

impl Study {
    /// Returns whether no kind of good release was aborted more often than promised, with an
    /// allowance of two standard deviations for chance.
    pub fn holds(&self) -> bool {
        let alpha = self.plan.alpha.get();
        let chance = 2.0 * (alpha * (1.0 - alpha) / f64::from(self.plan.runs)).sqrt();
        self.fair.iter().all(|row| row.aborted <= alpha + chance)
    }

    /// Draws how soon worse releases are seen.
    pub fn svg(&self) -> String {
        plot::svg(self)
    }
}
