//! How long it takes; to be run by hand: `cargo test -p broker --test it measured -- --ignored --nocapture`.

use std::time::Duration;

use broker::{Append, conformance::new_event, live::Target};
use event::StreamName;
use faults::RedisServer;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::support::{live::Live, redis::WIDE};

const STREAMS: usize = 1000;
const EVENTS: usize = 1000;
const APPENDS_PER_SECOND: u64 = 500;

fn stream(n: usize) -> StreamName {
    StreamName::thread(&format!("t{n}")).expect("it keeps the grammar")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes a minute and asserts nothing of the time"]
async fn a_thousand_streams_of_a_thousand_events_under_appends() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let broker = live.broker();
    for n in 0..STREAMS {
        for _ in 0..EVENTS / 100 {
            let events = (0..100).map(|_| new_event()).collect();
            let append = Append { events, idempotency: None };
            broker.append(&stream(n), append).await.expect("it is taken");
        }
    }
    let mut writers = JoinSet::new();
    let writing = live.broker();
    writers.spawn(async move {
        let mut tick = interval(Duration::from_micros(1_000_000 / APPENDS_PER_SECOND));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut waits = Vec::new();
        for n in 0.. {
            tick.tick().await;
            let began = Instant::now();
            let append = Append::one(new_event());
            let appended = writing.append(&stream(n * 7 % STREAMS), append).await;
            if appended.is_err() {
                break;
            }
            waits.push(began.elapsed().as_micros());
            if waits.len() % 500 == 0 {
                let mut sorted = waits.clone();
                sorted.sort_unstable();
                let at = |permille: usize| sorted[(sorted.len() - 1) * permille / 1000];
                println!(
                    "appends: {} p50 {} p99 {} max {} µs",
                    waits.len(),
                    at(500),
                    at(990),
                    at(1000)
                );
            }
        }
    });
    for to in [Target::Redis, Target::Memory] {
        let began = Instant::now();
        let status = live.broker.cutover(to).await.expect("it switches");
        let took = began.elapsed();
        let pauses = &status.pauses;
        println!(
            "to {}: {took:?}, {} streams, {} events, {} bytes; pauses p50 {} p99 {} max {} µs",
            to.as_str(),
            status.moved,
            status.events,
            status.bytes,
            pauses.permille_micros(500),
            pauses.permille_micros(990),
            pauses.max_micros()
        );
    }
    writers.shutdown().await;
}
