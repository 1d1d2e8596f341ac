//! A Redis that comes back empty or old, and what its replicas give back to it.

use std::sync::Arc;

use broker::{Append, Broker, ReplicaBroker, conformance::new_event};
use event::{After, GapReason, StreamName};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, last_place, publish},
    reader::Attached,
    redis::WIDE,
    replica::{Replica, connected_again, cut_off},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_is_given_everything_back() {
    for is_long in [false, true] {
        let mut stage = Replica::start(WIDE).await;
        let another = stage.another().await;
        let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
        let mut readers =
            [attach(&left, &After::Oldest).await, attach(&right, &After::Oldest).await];
        let mut acknowledged = publish(&left, 4).await;
        acknowledged.extend(publish(&right, 4).await);
        for reader in &mut readers {
            assert_complete(reader, &[], &acknowledged).await;
        }
        let places: Vec<_> = readers[0].items.clone();
        let made = [stage.broker.connections_made(), another.connections_made()];
        stage.server.kill();
        if is_long {
            cut_off(&stage.broker).await;
            cut_off(&another).await;
            acknowledged.extend(publish(&left, 3).await);
            acknowledged.extend(publish(&right, 3).await);
        }
        stage.server.run().await;
        connected_again(&stage.broker, made[0]).await;
        connected_again(&another, made[1]).await;
        acknowledged.extend(publish(&left, 2).await);
        acknowledged.extend(publish(&right, 2).await);
        for reader in &mut readers {
            assert_complete(reader, &[], &acknowledged).await;
        }
        for item in &places {
            let broker::Item::Event(event) = item else { panic!("{item:?}") };
            let index = acknowledged.iter().position(|id| *id == event.id).expect("it was");
            let mut back = attach(&right, &After::At(event.position)).await;
            assert_complete(&mut back, &acknowledged[..=index], &acknowledged).await;
        }
        let mut fresh = attach(&right, &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
        let ledger = right.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_old_is_given_the_rest_from_several_replicas() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut acknowledged = publish(&left, 3).await;
    stage.server.save().await;
    // Nobody reads: each replica knows only what it appended itself.
    for _ in 0..5 {
        acknowledged.extend(publish(&left, 2).await);
        acknowledged.extend(publish(&right, 1).await);
    }
    let before = left.ledger(&golden_stream()).await.expect("it is read");
    let made = [stage.broker.connections_made(), another.connections_made()];
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made[0]).await;
    connected_again(&another, made[1]).await;
    assert_eq!(right.ledger(&golden_stream()).await.expect("it is read"), before);
    acknowledged.extend(publish(&right, 2).await);
    let mut fresh = attach(&left, &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
    assert_eq!(ids(&fresh), acknowledged, "in the same places");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_dead_replica_knew_is_told_to_those_who_stayed() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let left = stage.broker();
    let mut acknowledged = publish(&left, 3).await;
    let mut reader = attach(&left, &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    stage.server.save().await;
    let made = stage.broker.connections_made();
    // The reader is not asked to read on, so that its replica never gets to know of it.
    let right = another as Arc<dyn Broker>;
    let lost = publish(&right, 1).await[0];
    drop(right);
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
    acknowledged.extend(publish(&left, 1).await);
    reader.through(acknowledged[3]).await;
    assert!(!ids(&reader).contains(&lost));
    assert_eq!(reader.reasons(), [GapReason::DataLoss]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_holds_is_told() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut acknowledged = publish(&left, 3).await;
    let mut reader = attach(&left, &After::Oldest).await;
    reader.through(acknowledged[2]).await;
    let place = last_place(&reader);
    drop(reader);
    stage.server.save().await;
    let lost = publish(&right, 2).await;
    let kept = publish(&left, 2).await;
    drop((right, another));
    let made = stage.broker.connections_made();
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
    let mut back = attach(&left, &After::At(place)).await;
    acknowledged.extend(publish(&left, 2).await);
    back.through(acknowledged[4]).await;
    let got = ids(&back);
    // In the place of what is lost; and at the end, where the replica that is gone may have had more.
    assert_eq!(back.reasons(), [GapReason::DataLoss; 2], "{got:?}");
    assert!(lost.iter().all(|id| !got.contains(id)));
    assert!(kept.iter().all(|id| got.contains(id)), "what the replica holds is given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_is_told_to_whom_reads_after_a_second_restart() {
    for restarts in [1, 2, 3] {
        let mut stage = Replica::start(WIDE).await;
        let stream = StreamName::thread("elsewhere").unwrap();
        let another = stage.another().await;
        let put = async |broker: &ReplicaBroker| {
            let appended = broker.append(&stream, Append::one(new_event())).await;
            appended.expect("it is taken").receipts()[0]
        };
        let place = put(&another).await.position;
        stage.server.save().await;
        put(&another).await;
        drop(another);
        restart(&mut stage).await;
        for _ in 1..restarts {
            stage.server.save().await;
            restart(&mut stage).await;
        }
        let broker = stage.broker();
        let mut back = Attached::at(&broker, &stream, &After::At(place)).await;
        back.through(put(&stage.broker).await.id).await;
        assert_eq!(back.reasons(), [GapReason::DataLoss], "{restarts} restarts");
    }
}

async fn restart(stage: &mut Replica) {
    let made = stage.broker.connections_made();
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
}
