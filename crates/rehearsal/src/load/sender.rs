//! Publishers and members: each sends one thing after the other under a key, again and again until it is
//! acknowledged, and now and then once more afterwards, which must have no second effect.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{
    Phase, Shared,
    reader::about,
    stamp::{Identity, Stamp},
};
use crate::http::{Answer, Ask, NoAnswer};

/// How long is waited before another attempt, at first and at most.
const AGAIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// How much of an unexpected answer is kept.
const SHOWN_MAX: usize = 300;

/// Who sends.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) key: String,
    /// Where to, in turn.
    pub(super) lanes: Vec<Lane>,
    pub(super) every: Duration,
    /// After how many one is sent once more; 0 for never.
    pub(super) repeat_every: u64,
}

/// Where to.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) number: u32,
    /// A thread; none for the organisation's events.
    pub(super) thread: Option<String>,
}

/// What an acknowledgement says.
#[derive(Deserialize)]
struct Receipt {
    #[serde(alias = "message_id")]
    id: String,
}

impl Sender {
    /// Sends until the load is over.
    pub(super) async fn run(self, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
        // Not all at once.
        let begins = Instant::now() + about(self.every / 2);
        let mut turns = interval_at(begins, self.every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for lane in self.lanes.iter().cycle() {
            if phase.wait_for(|phase| *phase != Phase::Quiet).await.is_err() {
                return;
            }
            turns.tick().await;
            match *phase.borrow() {
                Phase::Over => return,
                Phase::Quiet => continue,
                Phase::Sending => {}
            }
            let stamp = shared.facts.lock().begin(lane.number);
            self.send(&shared, lane, stamp, &phase).await;
        }
    }

    async fn send(
        &self,
        shared: &Shared,
        lane: &Lane,
        stamp: Stamp,
        phase: &watch::Receiver<Phase>,
    ) {
        let mut again = AGAIN;
        while !self.attempt(shared, lane, stamp).await {
            if *phase.borrow() == Phase::Over {
                return;
            }
            sleep(about(again)).await;
            again = (again * 2).min(AGAIN_MAX);
        }
        if self.repeat_every > 0 && stamp.n % self.repeat_every == self.repeat_every - 1 {
            self.attempt(shared, lane, stamp).await;
        }
    }

    /// Makes one attempt; returns whether it was acknowledged.
    async fn attempt(&self, shared: &Shared, lane: &Lane, stamp: Stamp) -> bool {
        let (path, body) = match &lane.thread {
            None => ("/api/events".to_owned(), shared.run.event(stamp)),
            Some(id) => {
                let body = format!(r#"{{"body":"{}"}}"#, shared.run.body(stamp));
                (format!("/v1/chat/threads/{id}/messages/send"), body)
            }
        };
        let key = shared.run.key(stamp);
        let ask = Ask { idempotency_key: Some(&key), ..Ask::post(&path, &self.key, body) };
        let answer = shared.http.ask(shared.router, ask).await;
        shared.traffic.lock().count(&answer, 201);
        let arm = answer.as_ref().ok().and_then(|answer| answer.arm);
        shared.facts.lock().attempted(stamp, arm);
        let Ok(Answer { status: 201, body, .. }) = answer else { return false };
        match serde_json::from_slice::<Receipt>(&body) {
            Ok(receipt) => {
                shared.facts.lock().acknowledge(stamp, Identity::of(&receipt.id));
                true
            }
            Err(_) => {
                shared.traffic.lock().unexpected(201, &body);
                false
            }
        }
    }
}

/// What requests came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: super::ArmCounts,
    pub(super) failures: super::ArmCounts,
    pub(super) unexpected: u64,
    pub(super) last_unexpected: Option<String>,
}

impl Traffic {
    /// Counts a request, given the status that it should have.
    pub(super) fn count(&mut self, answer: &Result<Answer, NoAnswer>, expected: u16) {
        match answer {
            Ok(answer) => {
                self.requests.add(answer.arm);
                if answer.status >= 500 {
                    self.failures.add(answer.arm);
                } else if answer.status != expected {
                    self.unexpected(answer.status, &answer.body);
                }
            }
            Err(_) => {
                self.requests.add(None);
                self.failures.add(None);
            }
        }
    }

    fn unexpected(&mut self, status: u16, body: &[u8]) {
        self.unexpected += 1;
        let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX)]);
        self.last_unexpected = Some(format!("{status}: {}", shown.trim()));
    }
}
