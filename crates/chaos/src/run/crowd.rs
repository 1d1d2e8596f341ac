//! Publishers, readers and watchers: started, counted, waited for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{task::JoinSet, time::sleep};

use super::LOOK_EVERY;
use crate::{
    dice::Dice,
    facts::Facts,
    field::Field,
    plan::Plan,
    publisher::{Manner, Publisher},
    reader::{Reader, record::Record},
    watch::{Slowest, watch},
    wire::Transport,
};

/// Publishers, readers and watchers.
pub(super) struct Crowd {
    pub(super) records: Vec<Arc<Mutex<Record>>>,
    readers: JoinSet<()>,
    publishers: JoinSet<()>,
    waiting: Vec<Publisher>,
    pub(super) slowest: Arc<Slowest>,
    /// What ends with the run.
    pub(super) others: JoinSet<()>,
}

impl Crowd {
    /// Starts readers and watchers; publishers wait.
    pub(super) fn new(plan: &Plan, field: &Arc<Field>, facts: &Arc<Facts>) -> Self {
        let mut crowd = Crowd {
            records: Vec::new(),
            readers: JoinSet::new(),
            publishers: JoinSet::new(),
            waiting: publishers(plan, field, facts),
            slowest: Arc::default(),
            others: JoinSet::new(),
        };
        for index in 0..plan.settings.readers {
            let record = Arc::new(Mutex::new(Record::new(facts)));
            crowd.records.push(Arc::clone(&record));
            let transport = if index % 2 == 0 { Transport::Sse } else { Transport::WebSocket };
            let reader = Reader {
                index,
                seed: plan.seed,
                field: Arc::clone(field),
                record,
                transport,
                orders: field.load.orders(),
                at: (index / 2) % plan.settings.replicas,
            };
            crowd.readers.spawn(reader.run());
        }
        for replica in 0..plan.settings.replicas {
            let slowest = Arc::clone(&crowd.slowest);
            crowd.others.spawn(watch(Arc::clone(field), replica, slowest));
        }
        crowd
    }

    /// Waits until every reader has a place: all are to see all.
    pub(super) async fn attach(&self) {
        while self.records.iter().any(|record| record.lock().last().is_none()) {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Lets publishers begin.
    pub(super) fn publish(&mut self) {
        for publisher in self.waiting.drain(..) {
            self.publishers.spawn(publisher.run());
        }
    }

    /// Waits for the end of all publishers.
    pub(super) async fn publishers_end(&mut self) {
        while self.publishers.join_next().await.is_some() {}
    }

    /// Waits for the end of all readers.
    pub(super) async fn readers_end(&mut self) {
        while self.readers.join_next().await.is_some() {}
    }

    /// Returns how many events all readers received.
    pub(super) fn deliveries(&self) -> u64 {
        self.records.iter().map(|record| record.lock().counts.delivered).sum()
    }

    /// Returns how often readers' streams ended, by reason.
    pub(super) fn ends(&self) -> BTreeMap<String, u64> {
        let mut ends = BTreeMap::new();
        for record in &self.records {
            for (why, count) in &record.lock().ends {
                *ends.entry(why.clone()).or_default() += count;
            }
        }
        ends
    }
}

fn publishers(plan: &Plan, field: &Arc<Field>, facts: &Arc<Facts>) -> Vec<Publisher> {
    let count = plan.settings.publishers;
    let pace = Duration::from_secs_f64(count as f64 / plan.settings.rate as f64);
    let publisher = |by| Publisher {
        by,
        manner: Manner::of(by),
        pace,
        field: Arc::clone(field),
        facts: Arc::clone(facts),
        dice: Dice::new(plan.seed, "publisher", by as u64),
    };
    (0..count).map(publisher).collect()
}
