//! Asks replicas for their metrics, all at one time.

use std::time::Duration;

use conductor::NoSight;
use futures_util::future::join_all;
use guard::Arm;
use jiff::Timestamp;

use super::{Selector, Sight, text};
use crate::{
    Replica,
    http::{Answer, Question},
};

/// How long a replica may take.
pub(super) const SCRAPE_TIME_MAX: Duration = Duration::from_secs(2);

/// How old an answer may be that somebody kept, in seconds.
const KEPT_MAX_S: u64 = 10;

/// What a replica said.
pub(super) struct Scraped {
    pub(super) replica: Replica,
    families: text::Families,
}

impl Scraped {
    /// Returns a sum of series.
    pub(super) fn sum(&self, selector: &Selector) -> Result<f64, NoSight> {
        self.families.sum(selector).map_err(|error| of(&self.replica, &error))
    }
}

/// Asks the replicas of both arms for these families; all have to answer.
///
/// # Errors
/// Fails with the first replica that does not, or says what can't be trusted.
pub(super) async fn both_arms(
    sight: &Sight<'_>,
    families: &[&str],
) -> Result<Vec<Scraped>, NoSight> {
    let mut replicas = sight.replicas_of(Arm::Canary)?;
    replicas.extend(sight.replicas_of(Arm::Stable)?);
    each(sight, replicas, families).await.into_iter().collect()
}

/// Asks replicas for these families; returns what came of each.
pub(super) async fn each(
    sight: &Sight<'_>,
    replicas: Vec<Replica>,
    families: &[&str],
) -> Vec<Result<Scraped, NoSight>> {
    join_all(replicas.into_iter().map(|replica| one(sight, replica, families))).await
}

async fn one(sight: &Sight<'_>, replica: Replica, families: &[&str]) -> Result<Scraped, NoSight> {
    let url = format!("{}/metrics", replica.url);
    let question = Question { within: Some(SCRAPE_TIME_MAX), ..Question::default() };
    let families = match sight.http.ask("GET", &url, question).await {
        Err(error) => return Err(of(&replica, &error)),
        Ok(answer) if !answer.is_good() => {
            return Err(of(&replica, &format!("it answers with {}", answer.status)));
        }
        Ok(answer) => families_of(&answer, families).map_err(|what| of(&replica, &what))?,
    };
    Ok(Scraped { replica, families })
}

fn families_of(answer: &Answer, wanted: &[&str]) -> Result<text::Families, String> {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let age = header("age").and_then(|age| age.parse::<u64>().ok());
    if age.is_some_and(|age| age > KEPT_MAX_S) {
        return Err("its metrics come from a cache; ask the replica itself".to_owned());
    }
    let is_openmetrics =
        header("content-type").is_some_and(|it| it.starts_with("application/openmetrics-text"));
    let now_s = Timestamp::now().as_millisecond() as f64 / 1000.0;
    text::read(&answer.body, is_openmetrics, wanted, now_s).map_err(|error| error.to_string())
}

fn of(replica: &Replica, what: &dyn std::fmt::Display) -> NoSight {
    NoSight(format!("the replica {} ({}): {what}", replica.name, replica.arm))
}
