//! How long both arms take, in pairs of one time: by their own histograms, by asking both, or by
//! whoever puts load on them.

use std::{collections::BTreeMap, time::Duration};

use conductor::{NoSight, Sighting};
use guard::Arm;

use super::{Selector, Sight, scrape, totals::grown};
use crate::{Replica, http::Question};

/// How many pairs are measured at a look.
const PAIRS_A_LOOK: usize = 3;

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

const MS: &str = "ms";

/// Means of a histogram over the time between two looks at which both arms had something to measure.
#[derive(Debug)]
pub(crate) struct Histogram {
    sum: Selector,
    count: Selector,
    last: BTreeMap<String, (f64, f64)>,
    has_begun: bool,
}

/// Times of requests to a path, to both arms in turn.
#[derive(Debug)]
pub(crate) struct PathTimes {
    path: String,
    asked: usize,
}

impl Histogram {
    /// Returns what looks at a histogram in seconds.
    pub(crate) fn new(selector: &Selector) -> Result<Self, String> {
        if !selector.name.ends_with("_seconds") {
            let name = &selector.name;
            return Err(format!("`{name}` is no histogram of seconds; its name has to end so"));
        }
        let part = |end: &str| Selector {
            name: format!("{}{end}", selector.name),
            matchers: selector.matchers.clone(),
        };
        let (sum, count) = (part("_sum"), part("_count"));
        Ok(Histogram { sum, count, last: BTreeMap::new(), has_begun: false })
    }

    pub(super) async fn look(&mut self, sight: &Sight<'_>) -> Result<Sighting, NoSight> {
        let scraped = scrape::both_arms(sight, &[&self.sum.name, &self.count.name]).await?;
        let mut now = BTreeMap::new();
        let (mut canary, mut stable) = ((0.0, 0.0), (0.0, 0.0));
        for scraped in &scraped {
            let totals = (scraped.sum(&self.sum)?, scraped.sum(&self.count)?);
            let last = self.last.get(&scraped.replica.name).copied();
            // A restart shows in the count; the sum goes with it.
            let last = last.filter(|last| last.1 <= totals.1);
            let of_arm = if scraped.replica.arm == Arm::Canary { &mut canary } else { &mut stable };
            of_arm.0 += grown(last.map(|last| last.0), totals.0);
            of_arm.1 += grown(last.map(|last| last.1), totals.1);
            now.insert(scraped.replica.name.clone(), totals);
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.last = now;
            return Ok(Sighting::First);
        }
        for (arm, (sum, count)) in [(Arm::Canary, canary), (Arm::Stable, stable)] {
            if count <= 0.0 || sum <= 0.0 {
                let text = format!("the {arm} had nothing to measure since the last look");
                return Err(NoSight(text));
            }
        }
        self.last = now;
        let mean_ms = |(sum, count): (f64, f64)| sum / count * 1000.0;
        Ok(Sighting::Pairs { unit: MS, pairs: vec![(mean_ms(canary), mean_ms(stable))] })
    }
}

impl PathTimes {
    pub(crate) fn new(path: String) -> Self {
        PathTimes { path, asked: 0 }
    }

    pub(super) async fn look(&mut self, sight: &Sight<'_>) -> Result<Sighting, NoSight> {
        let (canary, stable) = (sight.replicas_of(Arm::Canary)?, sight.replicas_of(Arm::Stable)?);
        let mut pairs = Vec::with_capacity(PAIRS_A_LOOK);
        for _ in 0..PAIRS_A_LOOK {
            let number = self.asked;
            self.asked = self.asked.wrapping_add(1);
            let of = |all: &'_ [Replica]| all[number % all.len()].clone();
            let (canary, stable) = (of(&canary), of(&stable));
            // Each goes first in turn, so that nothing that comes before or behind favours one.
            pairs.push(if number.is_multiple_of(2) {
                let canary = self.took_ms(sight, &canary).await?;
                (canary, self.took_ms(sight, &stable).await?)
            } else {
                let stable = self.took_ms(sight, &stable).await?;
                (self.took_ms(sight, &canary).await?, stable)
            });
        }
        Ok(Sighting::Pairs { unit: MS, pairs })
    }

    async fn took_ms(&self, sight: &Sight<'_>, replica: &Replica) -> Result<f64, NoSight> {
        let url = format!("{}{}", replica.url, self.path);
        let question = Question {
            key: sight.key.as_ref(),
            within: Some(ANSWER_TIME_MAX),
            ..Question::default()
        };
        let of = |what: &dyn std::fmt::Display| {
            NoSight(format!("the replica {} ({}): {what}", replica.name, replica.arm))
        };
        match sight.http.ask("GET", &url, question).await {
            Ok(answer) if answer.is_good() => Ok(answer.took.as_secs_f64() * 1000.0),
            Ok(answer) => Err(of(&format!("{} is answered with {}", self.path, answer.refusal()))),
            Err(error) => Err(of(&error)),
        }
    }
}

/// Returns what whoever puts load on both arms has measured.
pub(super) async fn of_load(sight: &Sight<'_>) -> Result<Sighting, NoSight> {
    let pairs = sight.hands.pairs().await.map_err(|error| NoSight(error.text))?;
    let lacks = "nobody puts load on both arms here; name a histogram's family or a /path";
    let pairs = pairs.ok_or_else(|| NoSight(lacks.to_owned()))?;
    Ok(Sighting::Pairs { unit: MS, pairs })
}
