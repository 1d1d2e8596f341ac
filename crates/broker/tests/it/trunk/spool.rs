//! Branches that outlive their process, and the spool's limits.

use std::sync::Arc;

use broker::{Append, AppendError, Broker, HealthState, conformance::new_event};
use event::{After, GapReason};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, last_place, publish},
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_restarts_amid_an_outage_merges_what_it_had() {
    let mut stage = Replica::start(WIDE).await;
    let mut acknowledged = publish(&stage.broker(), 3).await;
    stage.server.save().await;
    stage.lose_redis().await;
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    acknowledged.extend(publish(&stage.broker(), 4).await);
    reader.through(acknowledged[5]).await;
    let (had, place) = (ids(&reader), last_place(&reader));
    drop(reader);
    for _ in 0..2 {
        stage.restart_replica().await;
        cut_off(&stage.broker).await;
        assert!(stage.broker.spool_events() >= 4);
        acknowledged.extend(publish(&stage.broker(), 2).await);
    }
    let mut back = attach(&stage.broker(), &After::At(place)).await;
    assert_complete(&mut back, &had, &acknowledged).await;
    let later = last_place(&back);
    let all_had = [had.clone(), ids(&back)].concat();
    drop(back);
    stage.find_redis().await;
    acknowledged.extend(publish(&stage.broker(), 2).await);
    for (place, had) in [(place, &had), (later, &all_had)] {
        let mut back = attach(&stage.broker(), &After::At(place)).await;
        assert_complete(&mut back, had, &acknowledged).await;
    }
    stage.restart_replica().await;
    assert_eq!(stage.broker.spool_events(), 0, "what is merged is not taken up again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_killed_merges_what_it_had_saved_and_says_so() {
    let mut stage = Replica::start(WIDE).await;
    let mut acknowledged = publish(&stage.broker(), 3).await;
    stage.server.save().await;
    stage.lose_redis().await;
    acknowledged.extend(publish(&stage.broker(), 4).await);
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    reader.through(acknowledged[6]).await;
    let place = last_place(&reader);
    drop(reader);
    stage.saved().await;
    stage.replace_replica().await;
    stage.find_redis().await;
    let mut back = attach(&stage.broker(), &After::At(place)).await;
    assert_eq!(back.reasons(), [GapReason::DataLoss], "what came after the save can't be told");
    let later = publish(&stage.broker(), 2).await;
    back.through(later[1]).await;
    assert_eq!(ids(&back), later);
    let mut fresh = attach(&stage.broker(), &After::Oldest).await;
    acknowledged.extend(later);
    fresh.through(acknowledged[8]).await;
    assert_eq!(ids(&fresh), acknowledged);
    // Redis ended as well, and nobody else can say what the killed process had read of it.
    assert_eq!(fresh.reasons(), [GapReason::DataLoss]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_and_says_why() {
    let mut stage = Replica::start_with(WIDE, |options| options.spool_events_max = 5).await;
    stage.lose_redis().await;
    let broker = stage.broker();
    publish(&broker, 5).await;
    let refused = broker.append(&golden_stream(), Append::one(new_event())).await;
    let Err(AppendError::Unavailable { reason, maybe: false }) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("as many events as it may"), "{reason}");
    assert_eq!(broker.health().state, HealthState::Degraded);
    assert_eq!(broker.health().selected, "memory");
    stage.find_redis().await;
    publish(&broker, 3).await;
    assert_eq!(broker.ledger(&golden_stream()).await.expect("it is read").count, 8);
}

/// Spool and windows both have what was taken meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_redeploys_amid_an_outage_merge_everything_once() {
    for is_emptied in [false, true] {
        let mut stage = Replica::start(WIDE).await;
        let mut acknowledged = publish(&stage.broker(), 3).await;
        let mut places = Vec::new();
        stage.server.save().await;
        stage.lose_redis().await;
        for _ in 0..4 {
            let mut reader = attach(&stage.broker(), &After::Oldest).await;
            acknowledged.extend(publish(&stage.broker(), 2).await);
            assert_complete(&mut reader, &[], &acknowledged).await;
            places.push((acknowledged.len(), last_place(&reader)));
            drop(reader);
            stage.redeploy_replica().await;
            cut_off(&stage.broker).await;
        }
        assert_eq!(stage.broker.spool_events(), 8);
        if is_emptied {
            stage.server.forget();
        }
        stage.find_redis().await;
        acknowledged.extend(publish(&stage.broker(), 1).await);
        let mut fresh = attach(&stage.broker(), &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
        assert_eq!(ids(&fresh), acknowledged, "in their order");
        for (count, place) in places {
            let mut back = attach(&stage.broker(), &After::At(place)).await;
            assert_complete(&mut back, &acknowledged[..count], &acknowledged).await;
        }
        let ledger = stage.broker().ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64, "emptied: {is_emptied}");
    }
}

/// A rollback to memory amid an outage, and the way back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_through_memory_amid_an_outage_keeps_every_cursor() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let mut acknowledged = publish(&stage.broker(), 3).await;
    stage.server.save().await;
    stage.lose_redis().await;
    let mut places = Vec::new();
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    acknowledged.extend(publish(&stage.broker(), 2).await);
    assert_complete(&mut reader, &[], &acknowledged).await;
    places.push((acknowledged.len(), last_place(&reader)));
    drop(reader);
    for receipt in stage.redeploy_by_memory(3, &another).await {
        acknowledged.push(receipt.id);
        places.push((acknowledged.len(), receipt.position));
    }
    healthy(&stage.broker).await;
    acknowledged.extend(publish(&stage.broker(), 1).await);
    for broker in [stage.broker(), another as Arc<dyn Broker>] {
        for (count, place) in &places {
            let mut back = attach(&broker, &After::At(*place)).await;
            assert_complete(&mut back, &acknowledged[..*count], &acknowledged).await;
        }
        let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64);
    }
}
