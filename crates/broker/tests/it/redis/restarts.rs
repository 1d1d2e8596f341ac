//! A server that ends and comes back: with its data, with older data, with none.

use std::sync::Arc;

use broker::{
    Append, Appended, Broker,
    conformance::{Start, broken_promise, new_event},
};
use event::{After, GapReason};
use faults::{RedisServer, ServerOptions};

use crate::support::{
    logs::{golden_stream, key_numbered},
    reader::Attached,
    redis::{Redis, WIDE, append, reconnected},
    writer::Writer,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_its_data_loses_nothing_and_no_cursor() {
    let mut redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut acknowledged = append(&broker, 5).await;
    redis.restart_server().await;
    acknowledged.extend(append(&broker, 5).await);
    assert_ne!(acknowledged[4].position.epoch, acknowledged[5].position.epoch);
    reader.through(acknowledged[9].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.gaps(), 0);
    for (had, receipt) in acknowledged.iter().enumerate() {
        let after = After::At(receipt.position);
        let reader = Attached::at(&broker, &golden_stream(), &after).await;
        assert_eq!(reader.opening.gap, None);
        assert_eq!(reader.opening.replayed, 9 - had as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_synced() {
    let options = ServerOptions { append_only: true, ..ServerOptions::default() };
    let mut redis = Redis::on(RedisServer::start_with(options).await, WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let writer = Writer::start(&broker, 2);
    for _ in 0..3 {
        writer.wait_for_more(30).await;
        redis.crash_now().await;
    }
    writer.wait_for_more(30).await;
    let acknowledged = writer.stop().await;
    reader.through(append(&broker, 1).await[0].id).await;
    assert_eq!((reader.lost(&acknowledged), reader.gaps()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_is_told_to_everybody() {
    let mut redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Head).await;
    let mut acknowledged = append(&broker, 4).await;
    reader.through(acknowledged[3].id).await;
    redis.server.forget();
    redis.crash_now().await;
    // No append follows: the gap comes all the same.
    while reader.reasons().is_empty() {
        reader.next().await;
    }
    acknowledged.extend(append(&broker, 3).await);
    reader.through(acknowledged[6].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert_eq!(reader.reasons(), [GapReason::DataLoss]);
    assert_eq!(acknowledged[4].position.seq, acknowledged[3].position.seq.next());
    for receipt in &acknowledged[..4] {
        let after = After::At(receipt.position);
        let reader = Attached::at(&broker, &golden_stream(), &after).await;
        assert_eq!(reader.reasons(), [GapReason::DataLoss]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_under_way_is_told() {
    let redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Head).await;
    let mut acknowledged = append(&broker, 3).await;
    redis.server.command::<()>(&mut redis::cmd("FLUSHALL")).await;
    acknowledged.extend(append(&broker, 2).await);
    reader.through(acknowledged[4].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    assert!(reader.reasons().iter().all(|&reason| reason == GapReason::DataLoss));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_knew_less_makes_no_silence() {
    let mut redis = Redis::start(WIDE).await;
    let (knowing, other) = (redis.broker(), redis.replica().await);
    let mut acknowledged = append(&knowing, 2).await;
    let dyn_other = Arc::clone(&other) as Arc<dyn Broker>;
    dyn_other.head(&golden_stream()).await.expect("it is read");
    redis.server.save().await;
    acknowledged.extend(append(&knowing, 3).await);
    let mut reader =
        Attached::at(&knowing, &golden_stream(), &After::At(acknowledged[4].position)).await;
    let made = other.connections_made();
    redis.crash_now().await;
    reconnected(&other, made).await;
    // It saw two events only, and appends until the numbers are past those that were lost.
    let mut behind =
        Attached::at(&dyn_other, &golden_stream(), &After::At(acknowledged[1].position)).await;
    let later = append(&dyn_other, 6).await;
    reader.through(later[5].id).await;
    assert_ne!(reader.gaps(), 0, "three events were lost in silence");
    // One that never came to what was lost is told too, when somebody who had it sees the log.
    let last = append(&knowing, 1).await[0];
    behind.through(last.id).await;
    assert_eq!(behind.reasons(), [GapReason::DataLoss]);
    let first = acknowledged[0].position;
    let reader = Attached::at(&knowing, &golden_stream(), &After::At(first)).await;
    assert_eq!(reader.opening.head, last.position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_functions_are_loaded_again() {
    let redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut acknowledged = append(&broker, 2).await;
    for _ in 0..3 {
        redis.server.command::<()>(redis::cmd("FUNCTION").arg("FLUSH")).await;
        acknowledged.extend(append(&broker, 2).await);
        redis.server.command::<()>(redis::cmd("FUNCTION").arg("FLUSH")).await;
        let page = broker.page(&golden_stream(), &After::Oldest, broker::PageLimit::MAX).await;
        assert_eq!(page.expect("it is read").events.len(), acknowledged.len());
    }
    assert_eq!(redis.broker.connections_made(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_outlive_a_restart_of_the_server_and_of_the_replica() {
    let mut redis = Redis::start(WIDE).await;
    let append = || Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    let first = redis.broker().append(&golden_stream(), append()).await.expect("it is taken");
    redis.restart_server().await;
    let other = redis.replica().await;
    let again = other.append(&golden_stream(), append()).await.expect("it is taken");
    assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_amid_a_restart_keep_every_promise() {
    let mut redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let writer = Writer::start(&broker, 1);
    for _ in 0..3 {
        writer.wait_for_more(100).await;
        redis.server.save().await;
        redis.crash_now().await;
    }
    writer.wait_for_more(100).await;
    let acknowledged = writer.stop().await;
    reader.through(append(&broker, 1).await[0].id).await;
    // Of those in flight at a kill some may be stored unacknowledged, and some acknowledged lost.
    let lost = reader.lost(&acknowledged);
    assert!(lost == 0 || reader.reasons().contains(&GapReason::DataLoss), "{lost} lost in silence");
    println!("{} acknowledged, {lost} lost and told", acknowledged.len());
}

/// It was read on a server that ended meanwhile: the log may be behind it by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_another_owner_is_not_taken() {
    let redis = Redis::start(WIDE).await;
    append(&redis.broker(), 3).await;
    let field = async |name: &str| -> String {
        let mut get = redis::cmd("HGET");
        redis.server.command(get.arg("dashclaw:thread:golden:meta").arg(name)).await
    };
    let listed: redis::Value = redis.server.command(redis::cmd("FUNCTION").arg("LIST")).await;
    let listed = format!("{listed:?}");
    let begin = listed.find("tidegate_1_").expect("the library is there");
    let library = &listed[begin..begin + "tidegate_1_".len() + 8];
    let (epoch, run) = (field("epoch").await, field("run").await);
    let (other, hash) = ("other".to_owned(), "0".repeat(64));
    for (epoch, run, answer) in
        [(&other, &run, "stale"), (&epoch, &other, "stale"), (&epoch, &run, "folded")]
    {
        let mut fold = redis::cmd("FCALL");
        fold.arg(format!("{library}_fold")).arg(2).arg("dashclaw:thread:golden:meta");
        fold.arg("dashclaw:thread:golden:digests").arg(0).arg(3).arg(&hash).arg(epoch).arg(run);
        fold.arg(3);
        let answered: Vec<String> = redis.server.command(&mut fold).await;
        assert_eq!(answered, [answer]);
        assert_eq!(field("hashed").await, if answer == "folded" { "3" } else { "0" });
    }
}
