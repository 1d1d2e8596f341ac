//! A canary is given a share of the clients, and has it for a time.

use std::time::Duration;

use conductor::{Done, Work};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use traffic::{Observation, Router, RouterError, Weight, chain};

use super::{document, error, fail, insufficient, pass, with};
use crate::Deployment;

/// From look to look at whether it still has it.
const LOOK: Duration = Duration::from_secs(1);

/// How long the router may be away.
const SILENT_MAX: Duration = Duration::from_secs(10);

/// How long a canary's replicas may take until the router sends them requests.
const UP_TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Held<'a> {
    weight_percent: f64,
    planned_hold_s: u64,
    times_as_fast: f64,
    before: &'a Observation,
    after: &'a Observation,
}

impl Deployment {
    pub(super) async fn give_traffic(&self, work: &Work, until: Instant) -> Done {
        let Some(planned) = &work.step.traffic else {
            return error("It does not say how much traffic; add a `toml traffic` fence.");
        };
        let weight = match Weight::from_percent(planned.weight_percent) {
            Ok(Weight::NONE) => return self.withdraw_canary(work, until).await,
            Ok(weight) => weight,
            Err(why) => return error(format!("{why}.")),
        };
        let Some(router) = self.router() else {
            return error("There is no router; add [router] to the environment's file.");
        };
        let before = match self.assign(router, weight, until).await {
            Ok(before) => before,
            Err(done) => return done,
        };
        let planned_hold = Duration::from_secs(planned.hold.seconds());
        let hold = work.pace.of(planned_hold);
        let after = match self.hold(router, weight, hold, until).await {
            Ok(after) => after,
            Err(done) => return done,
        };
        let requests = after.canary.requests.saturating_sub(before.canary.requests);
        let held = Held {
            weight_percent: weight.percent(),
            planned_hold_s: planned_hold.as_secs(),
            times_as_fast: work.pace.times(),
            before: &before,
            after: &after,
        };
        let held_s = hold.as_secs_f64();
        let text = format!(
            "The canary had {weight} of the clients for {held_s:.0} s and {requests} requests."
        );
        with(pass(text), vec![document("traffic.json", &held)])
    }

    /// Gives the canary a share, and waits until it has it in truth.
    pub(super) async fn assign(
        &self,
        router: &dyn Router,
        weight: Weight,
        until: Instant,
    ) -> Result<Observation, Done> {
        let failed = |why: RouterError| error(format!("{}.", chain(&why)));
        // An earlier withdrawal keeps requests from it.
        router.ready(guard::Arm::Canary).await.map_err(failed)?;
        *self.given.lock() = weight;
        let mut seen = router.assign(weight).await.map_err(failed)?;
        let until = until.min(Instant::now() + UP_TIME_MAX);
        while seen.weight_in_effect() != weight {
            if Instant::now() >= until {
                return Err(fail(format!(
                    "The canary has no share in truth: {}.",
                    why(&seen, weight)
                )));
            }
            sleep_until((Instant::now() + LOOK / 4).min(until)).await;
            seen = router.observe().await.map_err(failed)?;
        }
        Ok(seen)
    }

    /// Waits while the canary has its share; what is seen at the end is returned.
    async fn hold(
        &self,
        router: &dyn Router,
        weight: Weight,
        hold: Duration,
        until: Instant,
    ) -> Result<Observation, Done> {
        let end = Instant::now() + hold;
        let mut heard = Instant::now();
        loop {
            let now = Instant::now();
            let is_over = now >= end;
            match router.observe().await {
                Ok(seen) if seen.weight_in_effect() != weight => {
                    let why = why(&seen, weight);
                    return Err(fail(format!("The canary lost its share: {why}.")));
                }
                Ok(seen) if is_over => return Ok(seen),
                Ok(_) => heard = now,
                Err(why) if now.duration_since(heard) >= SILENT_MAX => {
                    return Err(error(format!("The router can't be seen: {}.", chain(&why))));
                }
                Err(_) => {}
            }
            if now >= until {
                let text = "Its time was over before the traffic had been held as long as planned.";
                return Err(insufficient(text));
            }
            let next = now + LOOK;
            sleep_until(if is_over { next } else { next.min(end) }.min(until)).await;
        }
    }
}

/// Says why a canary does not have its share.
pub(super) fn why(seen: &Observation, weight: Weight) -> String {
    if seen.weight != weight {
        return format!("the router reports {} and not {weight}", seen.weight);
    }
    if !seen.is_leased() {
        return format!("the lease ended at {}, and it is {}", seen.until, seen.now);
    }
    let states = seen.canary.servers.iter().map(|it| format!("{} is {}", it.name, it.state));
    let states = states.collect::<Vec<_>>().join(", ");
    if states.is_empty() { "the router knows no replica of it".to_owned() } else { states }
}
