//! The canary is taken out of the traffic, with both clocks of the way back.

use std::time::Duration;

use conductor::{BackClocks, Done, Work};
use futures_util::future::try_join_all;
use guard::Arm;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;
use traffic::{
    Client, Pending, Weight, haproxy,
    withdraw::{self, Goodbye, Helpers, Probe, Progress, ProgressKind, Withdrawn},
};

use super::{document, error, fail, pass, with};
use crate::{
    Deployment,
    deployment::shortened,
    http::{self, Question},
};

/// How many requests a probe sends.
const PROBES: usize = 8;

/// What probes ask for.
const PROBED: &str = "/health";

/// What is told of a withdrawal at most; what it looks at often is told often.
const PROGRESS_MAX: usize = 4_096;

/// What a withdrawal leaves behind.
#[derive(Serialize)]
struct Record<'a> {
    decided_at: Timestamp,
    #[serde(flatten)]
    reached: &'a Withdrawn,
    /// How many of those that were open left by themselves.
    moved: u64,
    failures: &'a [withdraw::Failure],
    progress: &'a [Progress],
}

/// Comes as clients who were the canary's.
struct Clients<'a> {
    http: &'a http::Client,
    service: &'a str,
    seed: String,
    weight: Weight,
}

/// Tells the canary's replicas.
struct Replicas<'a>(&'a Deployment);

impl Deployment {
    pub(super) async fn withdraw_canary(&self, work: &Work, until: Instant) -> Done {
        let Some(router) = self.router() else {
            return error("There is no router; add [router] to the environment's file.");
        };
        let decided_at = work.going_back_since.unwrap_or_else(Timestamp::now);
        let passed =
            Duration::try_from(Timestamp::now().duration_since(decided_at)).unwrap_or_default();
        let now = Instant::now();
        let decided = now.checked_sub(passed).unwrap_or(now);
        let mut settings = shortened(&self.settings.withdraw, until.duration_since(now));
        // Its bounds count from the decision, before which other steps may have come.
        settings.stop_within += passed;
        let seen = router.observe().await.map_or(Weight::NONE, |seen| seen.weight);
        let weight = match [seen, *self.given.lock()].into_iter().max() {
            Some(weight) if weight != Weight::NONE => weight,
            // Nobody knows whose clients were there: anybody's may have been.
            _ => Weight::ALL,
        };
        let service = &self.settings.service.url;
        let probe = Clients { http: &self.http, service, seed: work.run.clone(), weight };
        let helpers = Helpers { probe: &probe, goodbye: &Replicas(self) };
        let mut progress = Vec::new();
        *self.clocks.lock() = BackClocks::default();
        let mut told = |step: &Progress| {
            self.clock(decided_at, step);
            if progress.len() < PROGRESS_MAX {
                progress.push(step.clone());
            }
        };
        let ended = traffic::withdraw(router, helpers, &settings, decided, &mut told).await;
        *self.given.lock() = Weight::NONE;
        let (reached, failures, done) = match ended {
            Ok(reached) => (reached.clone(), Vec::new(), pass(sentence(&reached))),
            Err(failed) => {
                let text = format!("{failed}.");
                (failed.reached, failed.failures, fail(text))
            }
        };
        // It is known some looks later than it was so: the one number is when it was.
        let gone = reached.residual.and_then(|after| decided_at.checked_add(after).ok());
        self.clocks.lock().residual_at = gone;
        let moved = reached.open_at_stop.saturating_sub(reached.evicted);
        let (reached, failures, progress) = (&reached, &failures[..], &progress[..]);
        let record = Record { decided_at, reached, moved, failures, progress };
        with(done, vec![document("withdrawal.json", &record)])
    }

    /// Takes in what is told of both clocks.
    fn clock(&self, decided_at: Timestamp, progress: &Progress) {
        let at = decided_at.checked_add(progress.after).ok();
        let mut clocks = self.clocks.lock();
        match progress.what {
            ProgressKind::Stopped => clocks.new_traffic_at = at,
            ProgressKind::CameAgain { .. } => clocks.new_traffic_at = None,
            _ => {}
        }
    }
}

fn sentence(reached: &Withdrawn) -> String {
    let ms = |time: Option<Duration>| time.map_or(0, |time| time.as_millis());
    let (stopped, gone) = (ms(reached.new_traffic), ms(reached.residual));
    let (open, evicted) = (reached.open_at_stop, reached.evicted);
    let mut text = format!(
        "No new request reached the canary {stopped} ms after the decision, and nothing was left on it \
         after {gone} ms; of {open} that were open {evicted} had to be closed."
    );
    if let Some(why) = &reached.goodbye_failed {
        text.push_str(&format!(" Its replicas could not be told to say goodbye: {why}."));
    }
    text
}

impl Probe for Clients<'_> {
    fn probe(&self) -> Pending<'_, Result<Vec<Arm>, String>> {
        Box::pin(async {
            let clients = Client::probes(&self.seed, self.weight).take(PROBES);
            try_join_all(clients.map(|client| self.arm_of(client))).await
        })
    }
}

impl Clients<'_> {
    async fn arm_of(&self, client: String) -> Result<Arm, String> {
        let url = format!("{}{PROBED}", self.service);
        let headers = [("x-api-key", client.as_str())];
        let question = Question { headers: &headers, ..Question::default() };
        let answer =
            self.http.ask("GET", &url, question).await.map_err(|error| error.to_string())?;
        let arm = answer.headers.get(haproxy::ARM_HEADER).and_then(|arm| arm.to_str().ok());
        arm.and_then(haproxy::arm_named).ok_or_else(|| {
            let header = haproxy::ARM_HEADER;
            format!("the service does not say in `{header}` which arm answers; look at its router")
        })
    }
}

impl Goodbye for Replicas<'_> {
    fn goodbye(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(async { self.0.hands.goodbye(Arm::Canary).await.map_err(|error| error.text) })
    }
}
