//! One release: seconds of requests, judged by the guard and by what it is compared with.

use std::collections::VecDeque;

use rand::{Rng, RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::{
    Plan, Scenario, Traffic, WORSE,
    population::{Population, poisson},
};
use crate::{
    At, ClientCounts, ClientLook, Counts, EProcess, EXPOSURE_MIN, Effect, Exposed, Look,
    RatioGuard, RatioSettings,
};

/// The threshold rule: at least this success over these minutes, looked at once a minute.
const SUCCESS_MIN: f64 = 0.99;
const THRESHOLD_MINUTES: usize = 5;

/// Who judges a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The e-process with measured exposure and capped clients.
    Guard,
    /// At least 99 % success over five minutes.
    Threshold,
    /// The e-process that believes the configured share: what not measuring costs.
    ConfiguredShare,
    /// The e-process over all requests of all clients: what not capping costs.
    Uncapped,
}

/// When each would have aborted, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    guard: Option<u32>,
    passed: Option<u32>,
    threshold: Option<u32>,
    configured_share: Option<u32>,
    uncapped: Option<u32>,
}

impl Ended {
    /// Returns when this one would have aborted.
    pub const fn at(&self, method: Method) -> Option<u32> {
        match method {
            Method::Guard => self.guard,
            Method::Threshold => self.threshold,
            Method::ConfiguredShare => self.configured_share,
            Method::Uncapped => self.uncapped,
        }
    }

    /// Returns when the guard would have passed for the first time, where it had not failed before.
    pub const fn passed(&self) -> Option<u32> {
        self.passed
    }
}

/// The requests of one second, by client.
struct Second {
    rng: Xoshiro256PlusPlus,
    /// Where each client stands between 0 and 1: below the share it is the canary's, so that a
    /// greater share contains the clients of a smaller one.
    places: Vec<f64>,
    stormer: Option<usize>,
    requests: Vec<u32>,
    errors: Vec<u32>,
    touched: Vec<u32>,
    canary: Vec<ClientCounts>,
    stable: Vec<ClientCounts>,
}

impl Second {
    fn new(mut rng: Xoshiro256PlusPlus, share: f64, clients: usize) -> Self {
        let places: Vec<f64> = (0..clients).map(|_| rng.random()).collect();
        let cohort: Vec<usize> = (0..clients).filter(|client| places[*client] < share).collect();
        let at = ((u128::from(rng.next_u64()) * cohort.len() as u128) >> 64) as usize;
        Second {
            rng,
            stormer: cohort.get(at).copied(),
            requests: vec![0; clients],
            errors: vec![0; clients],
            touched: Vec::new(),
            places,
            canary: Vec::new(),
            stable: Vec::new(),
        }
    }

    /// Draws the requests of a second.
    fn draw(
        &mut self,
        scenario: Scenario,
        traffic: &Traffic,
        population: &Population,
        second: u32,
    ) {
        let share = scenario.share(traffic, second);
        let (canary_ratio, stable_ratio) = scenario.error_ratios(traffic, second);
        for _ in 0..poisson(&mut self.rng, traffic.requests_per_second) {
            let client = population.client(&mut self.rng);
            let ratio = if self.places[client] < share { canary_ratio } else { stable_ratio };
            let fails = self.rng.random::<f64>() < ratio;
            self.add(client, 1, u32::from(fails));
        }
        let retries = scenario.retries(traffic, second);
        if let Some(stormer) = self.stormer.filter(|_| retries > 0) {
            self.add(stormer, retries, retries);
        }
        self.sort(share);
    }

    fn whole(&self) -> Look {
        Look { canary: sum(&self.canary), stable: sum(&self.stable) }
    }

    fn add(&mut self, client: usize, requests: u32, errors: u32) {
        if self.requests[client] == 0 {
            self.touched.push(client as u32);
        }
        self.requests[client] += requests;
        self.errors[client] += errors;
    }

    fn sort(&mut self, share: f64) {
        self.canary.clear();
        self.stable.clear();
        for client in self.touched.drain(..) {
            let index = client as usize;
            let (requests, errors) = (self.requests[index], self.errors[index]);
            (self.requests[index], self.errors[index]) = (0, 0);
            let counts = ClientCounts { client: client.into(), requests, errors };
            let arm = if self.places[index] < share { &mut self.canary } else { &mut self.stable };
            arm.push(counts);
        }
    }
}

/// The rule with a threshold.
#[derive(Default)]
struct Threshold {
    minutes: VecDeque<(f64, f64)>,
}

impl Threshold {
    /// Takes a second in; returns whether the rule aborts.
    fn look(&mut self, second: u32, canary: Counts) -> bool {
        if second.is_multiple_of(60) {
            self.minutes.push_back((0.0, 0.0));
        }
        if let Some((requests, errors)) = self.minutes.back_mut() {
            *requests += canary.exposure();
            *errors += canary.errors();
        }
        let is_due = second % 60 == 59 && self.minutes.len() >= THRESHOLD_MINUTES;
        while self.minutes.len() > THRESHOLD_MINUTES {
            self.minutes.pop_front();
        }
        let (requests, errors) =
            self.minutes.iter().fold((0.0, 0.0), |sum, (r, e)| (sum.0 + r, sum.1 + e));
        is_due && requests > 0.0 && 1.0 - errors / requests < SUCCESS_MIN
    }
}

/// The guard, and the seconds that wait for its next look.
struct Guarded {
    guard: RatioGuard,
    look_s: u32,
    canary: Vec<ClientCounts>,
    stable: Vec<ClientCounts>,
}

impl Guarded {
    fn new(plan: &Plan, scenario: Scenario) -> Self {
        let ratio = match scenario {
            Scenario::Worse { ratio, .. } => ratio,
            _ => WORSE[0],
        };
        let settings = RatioSettings {
            guard: "errors".to_owned(),
            source: "simulation".to_owned(),
            exposed: Exposed::Requests,
            alpha: plan.alpha,
            effect: Effect::new(ratio, 0.0).expect("a ratio above 1 is one"),
            exposure_min: EXPOSURE_MIN,
            again_after_ms: u64::from(plan.again_after_s) * 1000,
            silent_ms_max: u64::MAX,
        };
        let guard = RatioGuard::new(settings);
        Guarded { guard, look_s: plan.look_s, canary: Vec::new(), stable: Vec::new() }
    }

    /// Takes a second in, and looks where it is time.
    fn observe(&mut self, now: u32, second: &Second, ended: &mut Ended) {
        self.canary.extend_from_slice(&second.canary);
        self.stable.extend_from_slice(&second.stable);
        if !(now + 1).is_multiple_of(self.look_s) || ended.guard.is_some() {
            return;
        }
        let look = ClientLook { canary: &self.canary, stable: &self.stable };
        let observed = self.guard.observe_clients(At(u64::from(now + 1) * 1000), &look);
        observed.expect("a simulated client fails no more often than it asks");
        self.canary.clear();
        self.stable.clear();
        ended.guard = self.guard.failed().map(|_| now + 1);
        if ended.passed.is_none() && self.guard.has_ruled_out() {
            ended.passed = Some(now + 1);
        }
    }
}

/// Runs one release.
pub(super) fn run(
    plan: &Plan,
    scenario: Scenario,
    traffic: Traffic,
    population: &Population,
    number: u32,
) -> Ended {
    // The generator's seeding spreads neighbouring numbers.
    let seed = plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number.into());
    let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let first_share = scenario.share(&traffic, 0);
    let mut second = Second::new(rng, first_share, population.len());
    let mut guarded = Guarded::new(plan, scenario);
    let mut processes = [EProcess::default(), EProcess::default()];
    let mut threshold = Threshold::default();
    let mut ended = Ended::default();
    for now in 0..traffic.seconds {
        second.draw(scenario, &traffic, population, now);
        guarded.observe(now, &second, &mut ended);
        let whole = second.whole();
        let believed = believe(traffic.share, &whole);
        let methods = [&mut ended.configured_share, &mut ended.uncapped];
        for ((process, look), method) in processes.iter_mut().zip([believed, whole]).zip(methods) {
            // Evidence only grows in a look in which a request to the canary failed.
            process.observe(&look);
            let may_end = method.is_none() && look.canary.errors() > 0.0;
            if may_end && process.log_evidence() >= plan.alpha.log_threshold() {
                *method = Some(now + 1);
            }
        }
        if threshold.look(now, whole.canary) {
            ended.threshold.get_or_insert(now + 1);
        }
        let is_worse = matches!(scenario, Scenario::Worse { .. });
        if is_worse && ended.guard.is_some() && ended.threshold.is_some() {
            break;
        }
    }
    ended
}

fn sum(clients: &[ClientCounts]) -> Counts {
    let mut counts = Counts::default();
    for client in clients {
        counts.grow(client.requests.into(), client.errors.into());
    }
    counts
}

/// Returns the look as it seems to somebody who does not measure who got how much.
fn believe(share: f64, look: &Look) -> Look {
    let requests = look.canary.exposure() + look.stable.exposure();
    let (mut canary, mut stable) = (Counts::default(), Counts::default());
    canary.grow(requests * share, look.canary.errors());
    stable.grow(requests * (1.0 - share), look.stable.errors());
    Look { canary, stable }
}
