//! Two replicas on one server are one log.

use std::sync::Arc;

use broker::{
    Append, Appended, Broker, Item,
    conformance::{Start, broken_promise, new_event},
};
use event::{After, RollingHash, StreamName};
use tokio::task::JoinSet;

use crate::support::{
    logs::{golden_stream, key_numbered},
    reader::Attached,
    redis::{Redis, WIDE, append},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_on_two_replicas_share_one_order() {
    let redis = Redis::start(WIDE).await;
    let replicas: Vec<Arc<dyn Broker>> = vec![redis.broker(), redis.replica().await];
    let mut readers = Vec::new();
    for replica in &replicas {
        readers.push(Attached::at(replica, &golden_stream(), &After::Oldest).await);
    }
    let mut writers = JoinSet::new();
    for replica in replicas.iter().cycle().take(6) {
        let replica = Arc::clone(replica);
        writers.spawn(async move { append(&replica, 50).await });
    }
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    let numbers: Vec<_> = acknowledged.iter().map(|receipt| receipt.position.seq.0).collect();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    for reader in &mut readers {
        reader.through(acknowledged[299].id).await;
        assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
        assert_eq!(reader.gaps(), 0);
    }
    let ledgers = [
        replicas[0].ledger(&golden_stream()).await.expect("it is read"),
        replicas[1].ledger(&golden_stream()).await.expect("it is read"),
    ];
    assert_eq!(ledgers[0], ledgers[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_takes_effect_once_over_two_replicas() {
    let redis = Redis::start(WIDE).await;
    let replicas: Vec<Arc<dyn Broker>> = vec![redis.broker(), redis.replica().await];
    for round in 0..20 {
        let mut attempts = JoinSet::new();
        for replica in replicas.iter().cycle().take(8) {
            let replica = Arc::clone(replica);
            attempts.spawn(async move {
                let idempotency = Some(key_numbered(round));
                let append = Append { events: vec![new_event(), new_event()], idempotency };
                replica.append(&golden_stream(), append).await.expect("it is taken")
            });
        }
        let answers = attempts.join_all().await;
        let firsts = answers.iter().filter(|answer| matches!(answer, Appended::First(_))).count();
        assert_eq!(firsts, 1);
        assert!(answers.iter().all(|answer| answer.receipts() == answers[0].receipts()));
    }
    assert_eq!(replicas[1].ledger(&golden_stream()).await.expect("it is read").count, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_is_folded_once_by_whoever_comes() {
    const LISTS: usize = 40;
    const EACH: usize = 100;
    let redis = Redis::start(WIDE).await;
    let replicas: Vec<Arc<dyn Broker>> = vec![redis.broker(), redis.replica().await];
    let mut writers = JoinSet::new();
    for replica in &replicas {
        let replica = Arc::clone(replica);
        writers.spawn(async move {
            for _ in 0..LISTS / 2 {
                let events = (0..EACH).map(|_| new_event()).collect();
                let append = Append { events, idempotency: None };
                replica.append(&golden_stream(), append).await.expect("it is taken");
            }
        });
    }
    writers.join_all().await;
    let mut reader = Attached::at(&replicas[0], &golden_stream(), &After::Oldest).await;
    let mut hash = RollingHash::default();
    for _ in 0..LISTS * EACH {
        let Item::Event(event) = reader.next().await else { panic!("nothing was lost") };
        hash = hash.and(event.position.seq, &event.json);
    }
    let ledger = replicas[1].ledger(&golden_stream()).await.expect("it is read");
    assert_eq!((ledger.hash, ledger.count), (hash, (LISTS * EACH) as u64));
    let mut length = redis::cmd("LLEN");
    let waiting: usize = redis.server.command(length.arg("dashclaw:thread:golden:digests")).await;
    assert!(waiting < LISTS * EACH / 2, "{waiting} digests were never folded");
}

#[tokio::test]
async fn what_others_hear_and_read_is_the_envelope() {
    let redis = Redis::start(WIDE).await;
    let stream: StreamName = "org:org_1".parse().expect("it is one");
    let event = new_event();
    let json = event.json.clone();
    redis.broker().append(&stream, Append::one(event)).await.expect("it is taken");
    let mut range = redis::cmd("XRANGE");
    range.arg("dashclaw:org:org_1:stream").arg("-").arg("+");
    let stored: Vec<(String, Vec<(String, String)>)> = redis.server.command(&mut range).await;
    let epoch = redis.broker().head(&stream).await.expect("it is read").epoch.to_string();
    let json = String::from_utf8(json.to_vec()).expect("it is JSON");
    let fields = vec![("envelope".to_owned(), json), ("epoch".to_owned(), epoch)];
    assert_eq!(stored, vec![("1-0".to_owned(), fields)]);
}
