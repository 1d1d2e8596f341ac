//! Replay and live without a seam.

use std::time::Duration;

use event::{After, GapReason, Position};
use tokio::task::JoinSet;

use super::{
    Harness, Start,
    reader::Reader,
    stage::{ALL, NARROW, Stage, WIDE, append_each, main_stream},
};
use crate::{Item, Wake, join::LIVE_EVENTS_MAX};

pub(super) async fn a_fresh_reader_gets_what_follows(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let before = stage.append(5).await;
    let mut reader = stage.attach(After::Head).await;
    assert_eq!(reader.opening.gap, None);
    assert_eq!(reader.opening.replayed, 0);
    assert_eq!(reader.opening.after, before[4].position);
    assert_eq!(reader.opening.head, before[4].position);
    let later = stage.append(5).await;
    reader.through_all(&[before, later].concat(), Start::After(5)).await;
}

pub(super) async fn every_position_resumes_after_itself(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let empty = stage.head().await;
    let acknowledged = stage.append(12).await;
    let places = acknowledged.iter().map(|receipt| receipt.position);
    let places: Vec<Position> = std::iter::once(empty).chain(places).collect();
    let mut readers = Vec::new();
    for &place in &places {
        readers.push(stage.attach_at(place).await);
    }
    let acknowledged = [acknowledged, stage.append(1).await].concat();
    for (had, reader) in readers.iter_mut().enumerate() {
        assert_eq!(reader.opening.gap, None);
        assert_eq!(reader.opening.after, places[had]);
        assert_eq!(reader.opening.replayed, (12 - had) as u64);
        reader.through_all(&acknowledged, Start::After(had)).await;
        assert!(reader.gaps().is_empty());
    }
}

pub(super) async fn attaching_amid_appends_misses_nothing(harness: &dyn Harness) {
    const WRITERS: usize = 4;
    const EACH: usize = 100;
    let stage = Stage::start(harness, WIDE).await;
    let first = stage.append(1).await[0];
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let broker = stage.broker();
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            for _ in 0..EACH {
                acknowledged.extend(append_each(&broker, &main_stream(), 1).await);
                tokio::task::yield_now().await;
            }
            acknowledged
        });
    }
    let mut attaching = JoinSet::new();
    for _ in 0..24 {
        let broker = stage.broker();
        let after = After::At(first.position);
        let attached = async move { Reader::attach(&broker, &main_stream(), &after).await };
        attaching.spawn(attached);
        tokio::task::yield_now().await;
    }
    let mut readers = attaching.join_all().await;
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.push(first);
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    for reader in &mut readers {
        reader.through_all(&acknowledged, Start::After(1)).await;
        assert!(reader.gaps().is_empty());
    }
}

pub(super) async fn more_than_the_live_buffer_arrives(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let mut reader = stage.attach(After::Head).await;
    let acknowledged = stage.append(LIVE_EVENTS_MAX + 300).await;
    reader.through_all(&acknowledged, Start::After(0)).await;
    assert!(reader.gaps().is_empty(), "the window held all of it");
}

pub(super) async fn a_slow_reader_is_told_that_it_lagged(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let mut reader = stage.attach(After::Head).await;
    let early = stage.append(3).await;
    reader.through_all(&early, Start::After(0)).await;
    let acknowledged = [early, stage.append(10 * NARROW.events_max).await].concat();
    let first = reader.next().await.clone();
    let Item::Gap(gap) = first else { panic!("it can't have kept {first:?}") };
    assert_eq!(gap.reason, GapReason::Lagged);
    if let Some(missed) = gap.missed {
        assert_eq!(missed, gap.resumes_at.seq.count_after(acknowledged[2].position.seq));
    }
    reader.through_all(&acknowledged, Start::After(0)).await;
    assert_eq!(reader.reasons(), [GapReason::Lagged]);
}

pub(super) async fn hints_cover_the_last_append(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let broker = stage.broker();
    let mut watch = broker.watch(&main_stream()).await.expect("it watches");
    for burst in [1, 1, 7, 30] {
        let last = stage.append(burst).await[burst - 1].position.seq;
        let covers = async {
            loop {
                match watch.changed().await {
                    Wake::Event(event) if event.position.seq >= last => break,
                    Wake::Head(head) if head >= last => break,
                    Wake::Unsure => break,
                    Wake::Closed => panic!("the log was not shut down"),
                    Wake::Event(_) | Wake::Head(_) => {}
                }
            }
            let page = stage.page(After::Oldest, ALL).await;
            assert!(page.head.seq >= last, "the log is behind its own hint");
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), covers).await;
        waited.unwrap_or_else(|_| panic!("no hint covered {last}"));
    }
}
