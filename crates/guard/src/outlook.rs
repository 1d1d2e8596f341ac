//! What a guard is going to count, as far as its traffic is known beforehand.
//!
//! Three things make the canary's share of what counts differ from the one that was configured: pools
//! of looks end with a whole number of requests, clients that failed are left out, and which clients
//! are the canary's is chance.

use crate::{clients::STORM_SHARE, power::normal};

/// The weights of the busiest clients and the least busy: `1/(i + 10)^0.7`.
const SKEW: (f64, f64) = (10.0, 0.7);

/// Into how many groups of like clients they are put.
const GROUPS: u32 = 12;

/// The parts of the time, at least, and of the time that a client is left out.
const STEPS_MIN: f64 = 60.0;
const STEPS_AWAY: f64 = 6.0;
const STEPS_MAX: f64 = 2_000.0;

/// Gauss and Hermite's three points: deviations from the mean, and their weights.
const POINTS: [(f64, f64); 3] =
    [(-1.732_050_807_568_877_2, 1.0 / 6.0), (0.0, 2.0 / 3.0), (1.732_050_807_568_877_2, 1.0 / 6.0)];

/// The traffic that a guard is going to look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// What is exposed in a second, on both arms together.
    pub exposure_per_second: f64,
    /// The canary's share of it, as a part of one.
    pub share: f64,
    /// How long is looked.
    pub seconds: f64,
    /// The time from look to look.
    pub look_s: f64,
    /// How much each arm is exposed at least before its errors are compared.
    pub exposure_min: f64,
    /// The clients, where they are told apart.
    pub clients: Option<OutlookClients>,
}

/// The clients that are going to be told apart, of which some send much more than others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlookClients {
    /// How many there are on both arms together.
    pub count: u32,
    /// After how long one counts again that had an error.
    pub again_after_s: f64,
}

/// What is going to be counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expected {
    /// The canary's exposure.
    pub(crate) canary: f64,
    /// The stable arm's.
    pub(crate) stable: f64,
    /// The canary's share of it, on average over the errors.
    pub(crate) share: f64,
}

impl Outlook {
    /// Returns the mean of a chance over what may be counted with these rates of errors.
    pub(crate) fn mean(
        &self,
        stable_rate: f64,
        canary_rate: f64,
        mut chance: impl FnMut(Expected) -> f64,
    ) -> f64 {
        let Some(clients) = self.clients else {
            let alone = [Group { clients: 1.0, weight: 1.0, absence_s: 0.0 }];
            return self.expect(self.share, &alone, stable_rate, canary_rate).map_or(0.0, chance);
        };
        if clients.count < 2 {
            return 0.0;
        }
        let groups = groups(clients);
        let squares: f64 = groups.iter().map(|group| group.clients * group.weight.powi(2)).sum();
        let deviation = (self.share * (1.0 - self.share) * squares).sqrt();
        let of = |(deviations, weight): (f64, f64)| {
            let share = self.share + deviations * deviation;
            let expected = self.expect(share, &groups, stable_rate, canary_rate);
            weight * expected.map_or(0.0, &mut chance)
        };
        POINTS.map(of).iter().sum()
    }

    /// Returns what is counted on average; nothing where an arm has too little.
    fn expect(
        &self,
        share: f64,
        groups: &[Group],
        stable_rate: f64,
        canary_rate: f64,
    ) -> Option<Expected> {
        let is_sound = self.exposure_per_second > 0.0 && share > 0.0 && share < 1.0;
        if !(is_sound && self.seconds > 0.0 && self.seconds.is_finite()) {
            return None;
        }
        let steps = self.steps();
        let counted = |share: f64, rate: f64| self.counted(groups, steps, share, rate);
        let (canary, stable) = (counted(share, canary_rate), counted(1.0 - share, stable_rate));
        let total = (canary.iter().sum::<f64>(), stable.iter().sum::<f64>());
        let (mut shares, mut errors) = (0.0, 0.0);
        for (a, b) in canary.iter().zip(&stable) {
            let weight = canary_rate * a + stable_rate * b;
            shares += weight * a / (a + b).max(f64::MIN_POSITIVE);
            errors += weight;
        }
        let pooled = total.0 / (total.0 + total.1);
        let mut mean = if errors > 0.0 { shares / errors } else { pooled };
        // A pool ends as soon as the arm with less has had enough: the share varies around its mean,
        // and errors come where it is greater.
        let look = self.exposure_per_second * self.look_s;
        let least = (look * share.min(1.0 - share)).max(self.exposure_min).max(1.0);
        let variance = mean * mean * (1.0 - mean) * (1.0 - mean) / least;
        let rate = canary_rate * mean + stable_rate * (1.0 - mean);
        if rate > 0.0 {
            mean += ((canary_rate - stable_rate) * variance / rate).max(0.0);
        }
        // The last pool may not come to its end.
        let lost = (total.0.min(total.1) / least).recip().min(1.0);
        let (canary, stable) = (total.0 * (1.0 - lost), total.1 * (1.0 - lost));
        (canary > 0.0 && stable > 0.0).then_some(Expected { canary, stable, share: mean.min(1.0) })
    }

    fn steps(&self) -> usize {
        let away = self.clients.map_or(f64::INFINITY, |clients| clients.again_after_s.max(1.0));
        (self.seconds / away * STEPS_AWAY).clamp(STEPS_MIN, STEPS_MAX) as usize
    }

    /// Returns what counts of an arm in each part of the time, where requests fail at this rate.
    fn counted(&self, groups: &[Group], steps: usize, share: f64, rate: f64) -> Vec<f64> {
        let step_s = self.seconds / steps as f64;
        let mut counted = vec![0.0; steps];
        for group in groups {
            let exposure = self.exposure_per_second * share * group.weight * group.clients * step_s;
            let leave = if group.absence_s > 0.0 {
                -(-self.exposure_per_second * group.weight * rate * step_s).exp_m1()
            } else {
                0.0
            };
            let back = comes_back(self.exposure_per_second * group.weight * group.absence_s, rate);
            let away = (group.absence_s / step_s).ceil().max(1.0) as usize;
            let mut left = Vec::with_capacity(steps);
            let mut here = 1.0;
            for (step, counted) in counted.iter_mut().enumerate() {
                // Of those that leave in a part of the time, half of it counts.
                *counted += exposure * here * (1.0 - leave / 2.0);
                left.push(here * leave);
                here -= here * leave;
                here += step.checked_sub(away).map_or(0.0, |step| left[step] * back);
            }
        }
        counted
    }
}

/// Returns the chance that a client that sends so much while it is left out fails in less of it than
/// would leave it out for as long again.
fn comes_back(exposure: f64, rate: f64) -> f64 {
    let deviation = (rate.min(1.0) * (1.0 - rate.min(1.0)) * exposure).sqrt();
    if deviation > 0.0 {
        return normal((STORM_SHARE - rate) * exposure / deviation);
    }
    if rate < STORM_SHARE { 1.0 } else { 0.0 }
}

/// Clients that send as much as each other.
struct Group {
    clients: f64,
    /// The share of all requests that one of them sends.
    weight: f64,
    absence_s: f64,
}

fn groups(clients: OutlookClients) -> Vec<Group> {
    let count = f64::from(clients.count);
    // The integral of the weights up to a place, so that each group has the mean of its own.
    let upto = |place: f64| (place + SKEW.0).powf(1.0 - SKEW.1);
    let whole = upto(count) - upto(0.0);
    let groups = f64::from(GROUPS).min(count);
    let edge = |group: f64| ((count + SKEW.0) / SKEW.0).powf(group / groups) * SKEW.0 - SKEW.0;
    (0..groups as u32)
        .map(|group| (edge(f64::from(group)), edge(f64::from(group) + 1.0)))
        .map(|(from, to)| Group {
            clients: to - from,
            weight: (upto(to) - upto(from)) / whole / (to - from),
            absence_s: clients.again_after_s,
        })
        .collect()
}
