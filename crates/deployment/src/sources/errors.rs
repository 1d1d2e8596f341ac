//! Failed requests of both arms: by the replicas' own count, or by the router's for each client.

use conductor::{NoSight, Sighting};
use guard::{Arm, At, Counter};
use traffic::{Capability, ClientTally};

use super::{
    Selector, Sight,
    scrape::{self, Scraped},
    selector::Matcher,
    totals::{ArmTotals, Total},
};
use crate::Replica;

/// Failed requests by a family of metrics.
#[derive(Debug)]
pub(crate) struct Errors {
    failed: Selector,
    all: Selector,
    totals: ArmTotals,
}

/// Failed requests by the router.
#[derive(Debug)]
pub(crate) struct RouterErrors {
    tally: ClientTally,
    has_begun: bool,
    totals: ArmTotals,
}

impl Errors {
    /// Returns what counts the series that are meant as failed; without any label those whose status is
    /// 5xx.
    pub(crate) fn new(mut failed: Selector) -> Self {
        let all = Selector::new(&failed.name, Vec::new());
        if failed.matchers.is_empty() {
            failed.matchers.push(Matcher::one_of("status_class", &["5xx"]));
        }
        Errors { failed, all, totals: ArmTotals::new(Counter::of_requests()) }
    }

    pub(super) async fn look(&mut self, sight: &Sight<'_>, at: At) -> Result<Sighting, NoSight> {
        let scraped = scrape::both_arms(sight, &[&self.all.name]).await?;
        let total = |scraped: &Scraped| {
            let (exposure, errors) = (scraped.sum(&self.all)?, scraped.sum(&self.failed)?);
            Ok(Total { replica: scraped.replica.clone(), exposure, errors })
        };
        let totals = scraped.iter().map(total).collect::<Result<Vec<_>, NoSight>>()?;
        self.totals.take(at, &totals)
    }
}

impl Default for RouterErrors {
    fn default() -> Self {
        let totals = ArmTotals::new(Counter::of_requests());
        RouterErrors { tally: ClientTally::default(), has_begun: false, totals }
    }
}

impl RouterErrors {
    pub(super) async fn look(&mut self, sight: &Sight<'_>, at: At) -> Result<Sighting, NoSight> {
        let router = sight.router()?;
        let no_sight = |error: traffic::RouterError| NoSight(traffic::chain(&error));
        if router.capabilities().contains(&Capability::ClientCounts) {
            let clients = router.clients().await.map_err(no_sight)?;
            let look = self.tally.take(&clients);
            if !std::mem::replace(&mut self.has_begun, true) {
                return Ok(Sighting::First);
            }
            return Ok(Sighting::Clients { canary: look.canary, stable: look.stable });
        }
        let seen = router.observe().await.map_err(no_sight)?;
        let total = |arm: Arm| {
            let state = seen.arm(arm);
            let replica = Replica { name: format!("{arm}"), arm, url: String::new() };
            let (exposure, errors) = (state.requests as f64, state.answers_5xx as f64);
            Total { replica, exposure, errors }
        };
        self.totals.take(at, &[total(Arm::Canary), total(Arm::Stable)])
    }
}
