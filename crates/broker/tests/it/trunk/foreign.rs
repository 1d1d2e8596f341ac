//! Another program's data under one stream's names: the others are healed all the same.

use std::{sync::Arc, time::Duration};

use broker::{Append, AppendError, Broker, HealthState, PageLimit, conformance::new_event};
use event::{After, StreamName};
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, healthy},
};

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn health_says(stage: &Replica, what: &str) -> HealthState {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = stage.broker.health();
        if health.reason.as_deref().is_some_and(|reason| reason.contains(what)) {
            return health.state;
        }
        assert!(Instant::now() < deadline, "{health:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_key_keeps_its_own_stream_alone() {
    for (strict, key) in [(false, "meta"), (true, "stream"), (false, "digests")] {
        let key = format!("dashclaw:thread:golden:{key}");
        let mut stage = Replica::start_with(WIDE, |options| options.strict = strict).await;
        let broker = stage.broker();
        let other = StreamName::thread("other").expect("it keeps the grammar");
        let append = || async { broker.append(&other, Append::one(new_event())).await };
        let mut reader = attach(&broker, &After::Oldest).await;
        let mut acknowledged = publish(&broker, 3).await;
        let first = append().await.expect("it is taken");
        let place = first.receipts()[0].position;
        // It comes back with that key, and without what is published now.
        let aside = format!("{key}-aside");
        command(&stage, &["RENAME", &key, &aside]).await;
        command(&stage, &["SET", &key, "theirs"]).await;
        stage.server.save().await;
        command(&stage, &["RENAME", &aside, &key]).await;
        acknowledged.extend(publish(&broker, 1).await);
        assert_complete(&mut reader, &[], &acknowledged).await;
        stage.server.kill();
        stage.server.run().await;
        let state = health_says(&stage, "dashclaw:thread:golden:*").await;
        assert_eq!(state, HealthState::Degraded, "strict: {strict}");
        let appended = append().await.expect("the other stream goes on");
        let mut back = Attached::at(&broker, &other, &After::At(place)).await;
        back.through(appended.receipts()[0].id).await;
        assert_eq!(back.gaps(), 0);
        let refused = broker.append(&golden_stream(), Append::one(new_event())).await;
        let Err(AppendError::Unavailable { reason, maybe: false }) = &refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains("another program"), "{reason}");
        command(&stage, &["RENAME", &aside, &key]).await;
        healthy(&stage.broker).await;
        acknowledged.extend(publish(&broker, 2).await);
        assert_complete(&mut reader, &[], &acknowledged).await;
    }
}

/// A healing that met it waits for a replica that is gone, and is broken off by another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_ends_with_its_cause_also_where_its_healing_did_not_end() {
    let mut stage =
        Replica::start_with(WIDE, |options| options.heal_grace = Duration::from_secs(8)).await;
    let another = stage.another().await;
    let broker = stage.broker();
    publish(&broker, 3).await;
    publish(&(Arc::clone(&another) as Arc<dyn Broker>), 1).await;
    drop(another);
    let (key, aside) = ("dashclaw:thread:golden:meta", "dashclaw:thread:golden:aside");
    command(&stage, &["RENAME", key, aside]).await;
    command(&stage, &["SET", key, "theirs"]).await;
    stage.server.shut_down().await;
    stage.server.run().await;
    // Who has said that it offered what it has met the key before.
    let run = stage.server.info("run_id").await.expect("it tells");
    let healed = format!("dashclaw:ops:healed:{run}");
    let deadline = Instant::now() + PATIENCE;
    while stage.server.command::<u64>(redis::cmd("EXISTS").arg(&healed)).await == 0 {
        assert!(Instant::now() < deadline, "{:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
    command(&stage, &["RENAME", aside, key]).await;
    let made = stage.broker.connections_made();
    stage.server.shut_down().await;
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
    publish(&broker, 1).await;
    let page = broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await;
    assert!(page.is_ok(), "{page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_a_foreign_key_keeps_from_the_trunk_keeps_no_other_stream() {
    for (name, was_known) in [("meta", false), ("meta", true), ("branches", true)] {
        let key = format!("dashclaw:thread:golden:{name}");
        let mut stage = Replica::start(WIDE).await;
        let broker = stage.broker();
        let other = StreamName::thread("other").expect("it keeps the grammar");
        let append = || async { broker.append(&other, Append::one(new_event())).await };
        let mut acknowledged = Vec::new();
        if was_known {
            acknowledged.extend(publish(&broker, 2).await);
        }
        let aside = format!("{key}-aside");
        if was_known && name == "meta" {
            command(&stage, &["RENAME", &key, &aside]).await;
        }
        command(&stage, &["SET", &key, "theirs"]).await;
        stage.lose_saved_redis().await;
        acknowledged.extend(publish(&broker, 2).await);
        append().await.expect("it is taken");
        stage.server.run().await;
        let state = health_says(&stage, "dashclaw:thread:golden:*").await;
        assert_eq!(state, HealthState::Degraded, "{key}");
        assert!(!stage.broker.is_cut_off(), "{:?}", broker.health());
        append().await.expect("the other stream goes on");
        let merged: u64 = stage
            .server
            .command(redis::cmd("HGET").arg("dashclaw:thread:other:meta").arg("head"))
            .await;
        assert_eq!(merged, 2, "on the trunk");
        // The one stream is served from here.
        acknowledged.extend(publish(&broker, 1).await);
        let mut reader = attach(&broker, &After::Oldest).await;
        assert_complete(&mut reader, &[], &acknowledged).await;
        assert_eq!(stage.broker.spool_events(), 3, "{key}");
        command(&stage, &["DEL", &key]).await;
        if was_known && name == "meta" {
            command(&stage, &["RENAME", &aside, &key]).await;
        }
        healthy(&stage.broker).await;
        assert_eq!(stage.broker.spool_events(), 0, "{key}");
        acknowledged.extend(publish(&broker, 1).await);
        assert_complete(&mut reader, &[], &acknowledged).await;
        let mut fresh = attach(&broker, &After::Oldest).await;
        fresh.through(*acknowledged.last().expect("there are some")).await;
        assert_eq!(ids(&fresh), acknowledged);
    }
}

/// What a hand does to a key while everything runs.
const DAMAGES: [(&str, &[&str]); 8] = [
    ("stream", &["SET", "KEY", "theirs"]),
    ("stream", &["XADD", "KEY", "*", "data", "theirs"]),
    ("stream", &["XADD", "KEY", "4-0", "data", "theirs"]),
    ("meta", &["HSET", "KEY", "lineage", "junk"]),
    ("meta", &["HSET", "KEY", "head", "junk"]),
    ("meta", &["HSET", "KEY", "count", "junk"]),
    ("meta", &["HSET", "KEY", "epoch", "0000000000001"]),
    ("digests", &["SET", "KEY", "theirs"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hand_damages_while_it_runs_is_refused_and_told_with_its_key() {
    for (strict, (name, damage)) in DAMAGES.iter().enumerate().map(|(i, d)| (i % 2 == 1, d)) {
        let key = format!("dashclaw:thread:golden:{name}");
        let stage = Replica::start_with(WIDE, |options| options.strict = strict).await;
        let broker = stage.broker();
        let other = StreamName::thread("other").expect("it keeps the grammar");
        let mut reader = attach(&broker, &After::Oldest).await;
        let mut acknowledged = publish(&broker, 3).await;
        let aside = format!("{key}-aside");
        command(&stage, &["COPY", &key, &aside]).await;
        let words: Vec<_> =
            damage.iter().map(|word| if *word == "KEY" { key.as_str() } else { *word }).collect();
        command(&stage, &words).await;
        let refused = broker.append(&golden_stream(), Append::one(new_event())).await;
        let Err(AppendError::Unavailable { reason, maybe: false }) = &refused else {
            panic!("{damage:?}: {refused:?}")
        };
        assert!(reason.contains(&key), "{damage:?}: {reason}");
        let health = broker.health();
        assert_eq!(health.state, HealthState::Degraded, "{health:?}");
        assert!(health.reason.as_deref().is_some_and(|reason| reason.contains(&key)), "{health:?}");
        assert_eq!(stage.broker.streams_unusable(), 1);
        let appended = broker.append(&other, Append::one(new_event())).await;
        assert!(appended.is_ok(), "the other streams go on: {appended:?}");
        command(&stage, &["DEL", &key]).await;
        command(&stage, &["RENAME", &aside, &key]).await;
        // By itself, also where nobody publishes.
        healthy(&stage.broker).await;
        assert_eq!(stage.broker.streams_unusable(), 0);
        acknowledged.extend(publish(&broker, 2).await);
        assert_complete(&mut reader, &[], &acknowledged).await;
        let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, 5, "{damage:?}: what was refused is not stored");
    }
}

/// What stands in the way is looked for before everything is healed again for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stays_refused_changes_no_state() {
    let mut stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    let mut acknowledged = publish(&broker, 3).await;
    let (key, aside) = ("dashclaw:thread:golden:digests", "dashclaw:thread:golden:aside");
    command(&stage, &["RENAME", key, aside]).await;
    command(&stage, &["SET", key, "theirs"]).await;
    stage.lose_saved_redis().await;
    acknowledged.extend(publish(&broker, 2).await);
    stage.server.run().await;
    health_says(&stage, "dashclaw:thread:golden:*").await;
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        let health = broker.health();
        assert!(!stage.broker.is_cut_off(), "{health:?}");
        let is_told = health.reason.as_deref().is_some_and(|reason| reason.contains("golden:*"));
        assert!(is_told, "{health:?}");
        // A change may last for less than a timer's tick.
        tokio::task::yield_now().await;
    }
    command(&stage, &["RENAME", aside, key]).await;
    healthy(&stage.broker).await;
    acknowledged.extend(publish(&broker, 1).await);
    let mut fresh = attach(&broker, &After::Oldest).await;
    fresh.through(*acknowledged.last().expect("there are some")).await;
    assert_eq!(ids(&fresh), acknowledged);
}

async fn command(stage: &Replica, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    let _: redis::Value = stage.server.command(command.arg(&words[1..])).await;
}
