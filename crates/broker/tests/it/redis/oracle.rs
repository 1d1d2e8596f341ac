//! Generated schedules, on Redis and on memory side by side: what both say has to agree.

use std::sync::Arc;

use broker::{
    Append, Appended, Broker, MemoryBroker, PageLimit, conformance::new_event,
    memory::log::WindowLimits,
};
use event::{After, GapReason, Position};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::support::{
    clock::FakeClock,
    logs::{golden_stream, key_numbered},
    redis::Redis,
};

/// Redis trims in steps, memory at once: only what neither trims is compared.
const WINDOW: WindowLimits =
    WindowLimits { events_max: 10_000, age_max: std::time::Duration::from_secs(600) };

#[derive(Clone, Debug)]
enum Step {
    Append { events: usize, key: Option<u8> },
    Page { place: usize, limit: usize },
    Id { event: usize },
    Ahead { by: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5_usize, proptest::option::of(0..6_u8))
            .prop_map(|(events, key)| Step::Append { events, key }),
        3 => (0..200_usize, 1..12_usize).prop_map(|(place, limit)| Step::Page { place, limit }),
        1 => (0..200_usize).prop_map(|event| Step::Id { event }),
        1 => (1..9_u64).prop_map(|by| Step::Ahead { by }),
    ]
}

/// What a page says, without the names of epochs.
#[derive(Debug, PartialEq)]
struct Said {
    after: u64,
    next: u64,
    head: u64,
    ids: Vec<event::EventId>,
    gap: Option<(GapReason, u64, Option<u64>)>,
}

async fn said(broker: &dyn Broker, after: &After, limit: usize) -> Said {
    let page = broker.page(&golden_stream(), after, PageLimit::clamped(limit)).await;
    let page = page.expect("it is read");
    assert!(page.is_whole(), "{page:?}");
    let gap = page.gap.map(|gap| (gap.reason, gap.resumes_at.seq.0, gap.missed));
    Said {
        after: page.after.seq.0,
        next: page.next.seq.0,
        head: page.head.seq.0,
        ids: page.events.iter().map(|event| event.id).collect(),
        gap,
    }
}

/// Two backends that are told the same.
struct Pair {
    redis: Arc<dyn Broker>,
    memory: MemoryBroker,
    /// Each place that was given, under its name in each of the two.
    places: Vec<(Position, Position)>,
    ids: Vec<event::EventId>,
}

impl Pair {
    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Append { events, key } => self.append(events, key).await,
            Step::Page { place, limit } => {
                let (in_redis, in_memory) = self.places[place % self.places.len()];
                self.compare(After::At(in_redis), After::At(in_memory), limit).await;
                self.compare(After::Oldest, After::Oldest, limit).await;
                self.compare(After::Head, After::Head, limit).await;
            }
            Step::Id { event } if !self.ids.is_empty() => {
                let id = self.ids[event % self.ids.len()];
                self.compare(After::Id(id), After::Id(id), 5).await;
            }
            Step::Id { .. } => {
                let id = new_event().id;
                self.compare(After::Id(id), After::Id(id), 5).await;
            }
            Step::Ahead { by } => {
                let (mut in_redis, mut in_memory) = self.places[self.places.len() - 1];
                in_redis.seq.0 += by;
                in_memory.seq.0 += by;
                self.compare(After::At(in_redis), After::At(in_memory), 5).await;
            }
        }
    }

    async fn append(&mut self, events: usize, key: Option<u8>) {
        let events = (0..events).map(|_| new_event()).collect();
        let append = Append { events, idempotency: key.map(key_numbered) };
        let in_redis = self.redis.append(&golden_stream(), append.clone()).await;
        let in_memory = self.memory.append(&golden_stream(), append).await;
        let (in_redis, in_memory) = (in_redis.expect("taken"), in_memory.expect("taken"));
        let replayed = |appended: &Appended| matches!(appended, Appended::Replayed(_));
        assert_eq!(replayed(&in_redis), replayed(&in_memory));
        let pairs = in_redis.receipts().iter().zip(in_memory.receipts());
        for (redis, memory) in pairs {
            assert_eq!((redis.id, redis.position.seq), (memory.id, memory.position.seq));
            self.places.push((redis.position, memory.position));
            self.ids.push(redis.id);
        }
        assert_eq!(in_redis.receipts().len(), in_memory.receipts().len());
    }

    async fn compare(&self, in_redis: After, in_memory: After, limit: usize) {
        let left = said(&*self.redis, &in_redis, limit).await;
        assert_eq!(left, said(&self.memory, &in_memory, limit).await, "after {in_redis}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_says_what_memory_says() {
    const SCHEDULES: u32 = 60;
    let redis = Redis::start(WINDOW).await;
    let config = Config { failure_persistence: None, ..Config::default() };
    // The same schedules in each run: a failure here is found again.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    for number in 0..SCHEDULES {
        let steps = proptest::collection::vec(step(), 1..60);
        let steps = steps.new_tree(&mut runner).expect("it is generated").current();
        let prefix = format!("schedule{number}");
        let broker = redis.replica_with(|options| options.prefix = prefix).await;
        let memory = MemoryBroker::new(WINDOW, Arc::new(FakeClock::new()));
        let in_redis = broker.head(&golden_stream()).await.expect("it is read");
        let in_memory = memory.head(&golden_stream()).await.expect("it is read");
        let places = vec![(in_redis, in_memory)];
        let mut pair = Pair { redis: broker, memory, places, ids: Vec::new() };
        for (at, step) in steps.iter().enumerate() {
            println!("schedule {number}, step {at}: {step:?}");
            pair.step(step).await;
        }
        let left = pair.redis.ledger(&golden_stream()).await.expect("it is read");
        let right = pair.memory.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!((left.count, left.first, left.hash), (right.count, right.first, right.hash));
    }
}
