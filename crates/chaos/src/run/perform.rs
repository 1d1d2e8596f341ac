//! The plan on the wall clock: each action is a task that begins and mends in its time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, sleep_until},
};

use super::Run;
use crate::{
    act::Act, facts::Facts, field::Field, history::History, kind::Kind, timeline::Timeline,
    watch::all_unwell,
};

const TICK: Duration = Duration::from_millis(500);

/// What a task of an action has.
#[derive(Clone)]
struct Stage {
    field: Arc<Field>,
    facts: Arc<Facts>,
    history: Arc<History>,
    timeline: Arc<Timeline>,
    base_ms: u64,
    stop: watch::Receiver<bool>,
    acts: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Run {
    /// Carries the plan out, to its end or until it is stopped.
    pub(super) async fn perform(&mut self) {
        let stage = Stage {
            field: Arc::clone(&self.field),
            facts: Arc::clone(&self.facts),
            history: Arc::clone(&self.history),
            timeline: Arc::clone(&self.timeline),
            base_ms: self.base_ms,
            stop: self.stop.subscribe(),
            acts: Arc::clone(&self.acts),
        };
        let mut tasks = JoinSet::new();
        for act in self.plan.acts.clone() {
            tasks.spawn(stage.clone().act(act));
        }
        let end_ms = self.base_ms + self.plan.seconds * 1000;
        let mut read_in = None;
        while self.facts.now_ms() < end_ms && !*stage.stop.borrow() {
            let now = self.facts.now_ms() - self.base_ms;
            self.timeline.progress(now / 1000 * 1000, "chaos", &self.state());
            let phase = self.plan.phases.iter().position(|phase| now < phase.end_ms);
            let is_calm = phase.is_some_and(|phase| self.plan.phases[phase].is_calm);
            // Once in each calm phase the log is read on, so that the window need not hold it all.
            if is_calm && read_in != phase && all_unwell(&self.field).await.is_none() {
                // The next storm may begin meanwhile; then the next calm reads on.
                if self.follow_trunk().await.is_ok() {
                    self.say(&format!("calm: {}", self.state()));
                    read_in = phase;
                }
            }
            sleep(TICK).await;
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(panicked) = ended {
                self.wrong.push(format!("the run's own machinery failed: {panicked}"));
            }
        }
    }

    fn state(&self) -> String {
        let (sent, acknowledged) = self.facts.counts();
        let deliveries = self.crowd.deliveries();
        format!("{sent} sent, {acknowledged} acknowledged, {deliveries} deliveries")
    }
}

impl Stage {
    /// One action, from its begin to its mending.
    async fn act(mut self, act: Act) {
        if !self.until(act.begin_ms).await {
            return;
        }
        let Some(kind) = Kind::of(&act) else { return };
        self.history.begin(act.id, kind.marks, act.replica, self.facts.now_ms());
        let begun = (kind.begin)(Arc::clone(&self.field), act.clone()).await;
        let went_well = begun.is_ok();
        self.note("begin", &act, begun);
        if went_well {
            *self.acts.lock().entry(act.kind.clone()).or_default() += 1;
        } else {
            self.history.cancel(act.id);
        }
        if let Some(end) = kind.end {
            self.until(act.end_ms).await;
            let ended = end(Arc::clone(&self.field), act.clone()).await;
            self.note("mend", &act, ended);
        }
        self.history.end(act.id, self.facts.now_ms());
    }

    fn note(&self, what: &str, act: &Act, done: Result<String, String>) {
        let at_ms = self.facts.now_ms();
        match done {
            Ok(note) => self.timeline.act(at_ms, what, act, &note),
            Err(why) => self.timeline.act(at_ms, what, act, &format!("left out: {why}")),
        }
    }

    /// Waits for a time of the plan; returns whether it came, and the run was not stopped before.
    async fn until(&mut self, ms: u64) -> bool {
        let at = self.facts.at(self.base_ms + ms).into();
        tokio::select! {
            biased;
            Ok(_) = self.stop.wait_for(|stop| *stop) => false,
            () = sleep_until(at) => true,
        }
    }
}
