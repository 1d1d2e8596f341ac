//! The owner changes while readers are attached.

use event::{After, GapReason};
use tokio::task::JoinSet;

use super::{
    Harness, Start,
    reader::Reader,
    stage::{Stage, WIDE, append_each, main_stream},
};

async fn some_readers(stage: &Stage) -> Vec<Reader> {
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(stage.attach(After::Head).await);
    }
    readers
}

pub(super) async fn readers_stay_attached_over_a_switch(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut readers = some_readers(&stage).await;
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        acknowledged.extend(stage.append(round).await);
        stage.subject.switch().await;
    }
    acknowledged.extend(stage.append(2).await);
    for reader in &mut readers {
        reader.through_all(&acknowledged, Start::After(0)).await;
        assert!(reader.gaps().is_empty(), "a switch loses nothing: {:?}", reader.gaps());
    }
}

pub(super) async fn switching_amid_appends_loses_nothing(harness: &dyn Harness) {
    const WRITERS: usize = 4;
    let mut stage = Stage::start(harness, WIDE).await;
    let mut readers = some_readers(&stage).await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let broker = stage.broker();
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            for _ in 0..60 {
                acknowledged.extend(append_each(&broker, &main_stream(), 1).await);
                tokio::task::yield_now().await;
            }
            acknowledged
        });
    }
    for _ in 0..10 {
        stage.subject.switch().await;
        tokio::task::yield_now().await;
    }
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    for reader in &mut readers {
        reader.through_all(&acknowledged, Start::After(0)).await;
        assert!(reader.gaps().is_empty(), "a switch loses nothing: {:?}", reader.gaps());
    }
}

pub(super) async fn a_fail_over_is_told_to_attached_readers(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut acknowledged = stage.append(2).await;
    let mut behind = stage.attach_at(acknowledged[0].position).await;
    stage.subject.save().await;
    acknowledged.extend(stage.append(2).await);
    stage.subject.fail_over().await;
    // No append follows: the gap comes all the same.
    while behind.reasons().is_empty() {
        behind.next().await;
    }
    behind.assert_promises(&acknowledged, Start::After(1));
    acknowledged.extend(stage.append(2).await);
    behind.through_all(&acknowledged, Start::After(1)).await;
    assert_eq!(behind.reasons(), [GapReason::DataLoss]);
    assert_eq!(behind.ids().len(), 3);
}

pub(super) async fn a_reader_ahead_of_the_new_owner_is_told(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut reader = stage.attach(After::Head).await;
    let mut acknowledged = stage.append(1).await;
    stage.subject.save().await;
    acknowledged.extend(stage.append(3).await);
    reader.through_all(&acknowledged, Start::After(0)).await;
    stage.subject.fail_over().await;
    acknowledged.extend(stage.append(1).await);
    reader.through_all(&acknowledged, Start::After(0)).await;
    assert_eq!(reader.reasons(), [GapReason::DataLoss]);
}
