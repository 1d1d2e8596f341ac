//! Readers that stay attached while their replica loses Redis and finds it again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use broker::{Append, Appended, Broker, conformance::new_event};
use event::After;
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::{golden_stream, key_numbered},
    outage::{assert_complete, attach, ids, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_attached_over_an_outage_miss_nothing_and_see_nothing_twice() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut readers = [attach(&left, &After::Oldest).await, attach(&right, &After::Oldest).await];
    let mut acknowledged = publish(&left, 5).await;
    acknowledged.extend(publish(&right, 5).await);
    for round in 0..3 {
        for reader in &mut readers {
            assert_complete(reader, &[], &acknowledged).await;
        }
        stage.lose_saved_redis().await;
        cut_off(&another).await;
        let on_left = publish(&left, 4 + round).await;
        let on_right = publish(&right, 3).await;
        readers[0].through(*on_left.last().unwrap()).await;
        readers[1].through(on_right[1]).await;
        acknowledged.extend(on_left.into_iter().chain(on_right));
        assert!(stage.broker.spool_events() > 0);
        stage.find_redis().await;
        healthy(&another).await;
        assert_eq!((stage.broker.spool_events(), another.spool_events()), (0, 0));
        acknowledged.extend(publish(&right, 3).await);
        acknowledged.extend(publish(&left, 3).await);
    }
    for reader in &mut readers {
        assert_complete(reader, &[], &acknowledged).await;
    }
    for broker in [&left, &right] {
        let mut fresh = attach(broker, &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
        let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64);
    }
}

/// Waits until more was taken, by all writers about as much.
async fn until_more(taken: &AtomicUsize) {
    let before = taken.load(Ordering::Relaxed);
    let deadline = Instant::now() + PATIENCE;
    while taken.load(Ordering::Relaxed) < before + 60 {
        assert!(Instant::now() < deadline, "nothing is taken any more");
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_amid_an_outage_are_all_delivered_once() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut readers = [attach(&left, &After::Oldest).await, attach(&right, &After::Oldest).await];
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let taken = Arc::new(AtomicUsize::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for broker in [&left, &right, &left, &right] {
        let (broker, stopped) = (Arc::clone(broker), stopped.clone());
        let taken = Arc::clone(&taken);
        writers.spawn(async move {
            let mut ids = Vec::new();
            while !*stopped.borrow() {
                ids.extend(publish(&broker, 1).await);
                taken.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(1)).await;
            }
            ids
        });
    }
    for _ in 0..3 {
        until_more(&taken).await;
        // Nothing that is stored is lost: stopped in order, while appends are in flight.
        let mut shutdown = redis::cmd("SHUTDOWN");
        let _: Result<(), _> = stage.server.try_command(shutdown.arg("SAVE")).await;
        stage.lose_redis().await;
        cut_off(&another).await;
        until_more(&taken).await;
        stage.find_redis().await;
        healthy(&another).await;
    }
    stop.send_replace(true);
    let acknowledged = writers.join_all().await.concat();
    for reader in &mut readers {
        assert_complete(reader, &[], &acknowledged).await;
    }
    println!("{} events over three outages", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_never_seen_before_the_outage_keeps_its_readers() {
    let mut stage = Replica::start(WIDE).await;
    let other = stage.another().await as Arc<dyn Broker>;
    let mut acknowledged = publish(&other, 3).await;
    stage.lose_saved_redis().await;
    let broker = stage.broker();
    let mut early = attach(&broker, &After::Head).await;
    let branch = publish(&broker, 3).await;
    early.through(branch[2]).await;
    stage.find_redis().await;
    acknowledged.extend(branch);
    acknowledged.extend(publish(&broker, 2).await);
    assert_complete(&mut early, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_an_empty_branch_goes_on() {
    let mut stage = Replica::start(WIDE).await;
    stage.lose_redis().await;
    let broker = stage.broker();
    let mut reader = attach(&broker, &After::Head).await;
    stage.find_redis().await;
    let acknowledged = publish(&broker, 2).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_takes_effect_once_over_an_outage() {
    let mut stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    let append = |number| Append {
        events: vec![new_event(), new_event()],
        idempotency: Some(key_numbered(number)),
    };
    let before = broker.append(&golden_stream(), append(1)).await.expect("it is taken");
    stage.lose_saved_redis().await;
    let again = broker.append(&golden_stream(), append(1)).await.expect("it is taken");
    assert_eq!(again, Appended::Replayed(before.receipts().to_vec()));
    let during = broker.append(&golden_stream(), append(2)).await.expect("it is taken");
    let again = broker.append(&golden_stream(), append(2)).await.expect("it is taken");
    assert_eq!(again, Appended::Replayed(during.receipts().to_vec()));
    stage.find_redis().await;
    for (number, first) in [(1, before), (2, during)] {
        let again = broker.append(&golden_stream(), append(number)).await.expect("it is taken");
        assert!(matches!(again, Appended::Replayed(_)));
        let ids = |appended: &Appended| -> Vec<_> {
            appended.receipts().iter().map(|receipt| receipt.id).collect()
        };
        assert_eq!(ids(&again), ids(&first));
    }
    assert_eq!(broker.ledger(&golden_stream()).await.expect("it is read").count, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_appended_and_nobody_here_read_is_not_passed_over() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut acknowledged = publish(&left, 2).await;
    let mut reader = attach(&left, &After::Oldest).await;
    reader.through(acknowledged[1]).await;
    // The reader reads none of this before the outage.
    acknowledged.extend(publish(&right, 2).await);
    acknowledged.extend(publish(&left, 1).await);
    stage.lose_saved_redis().await;
    let branch = publish(&left, 2).await;
    reader.through(branch[1]).await;
    acknowledged.extend(branch);
    stage.find_redis().await;
    healthy(&another).await;
    acknowledged.extend(publish(&left, 1).await);
    assert_complete(&mut reader, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_publisher_sent_keeps_its_order_over_the_loss() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (broker, other) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut acknowledged = publish(&broker, 2).await;
    let mut reader = attach(&broker, &After::Oldest).await;
    reader.through(acknowledged[1]).await;
    // Between what the others sent and nobody here has read, this replica took two more.
    acknowledged.extend(publish(&other, 1).await);
    let mut ours = publish(&broker, 2).await;
    stage.lose_saved_redis().await;
    ours.extend(publish(&broker, 2).await);
    reader.through(ours[3]).await;
    assert_eq!(ids(&reader)[2..], ours);
    stage.find_redis().await;
    healthy(&another).await;
    ours.extend(publish(&broker, 1).await);
    acknowledged.extend(&ours);
    assert_complete(&mut reader, &[], &acknowledged).await;
    let of_ours = |reader: &Attached| -> Vec<_> {
        ids(reader).into_iter().filter(|id| ours.contains(id)).collect()
    };
    assert_eq!(of_ours(&reader), ours);
    let mut fresh = attach(&other, &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
    assert_eq!(of_ours(&fresh), ours);
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64, "nothing is there twice");
}
