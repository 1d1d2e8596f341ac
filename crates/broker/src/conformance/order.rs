//! One order for all, numbers without a hole, and the account over them.

use event::{After, RollingHash, Seq};
use tokio::task::JoinSet;

use super::{
    Harness, Start,
    reader::Reader,
    stage::{ALL, Stage, WIDE, append_each, append_list, main_stream, stream},
};
use crate::{Item, Receipt};

const WRITERS: usize = 8;
const EACH: usize = 50;

/// Lets many tasks append at once; returns what was acknowledged, by number.
async fn append_from_many(stage: &Stage) -> Vec<Receipt> {
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let broker = stage.broker();
        writers.spawn(async move { append_each(&broker, &main_stream(), EACH).await });
    }
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    acknowledged
}

pub(super) async fn all_readers_see_one_order(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let mut readers = Vec::new();
    for _ in 0..4 {
        readers.push(stage.attach(After::Oldest).await);
    }
    let acknowledged = append_from_many(&stage).await;
    assert_eq!(acknowledged.len(), WRITERS * EACH);
    readers.push(stage.attach(After::Oldest).await);
    for reader in &mut readers {
        reader.through_all(&acknowledged, Start::After(0)).await;
        assert!(reader.gaps().is_empty(), "nothing was lost: {:?}", reader.gaps());
    }
}

pub(super) async fn receipts_ascend_by_one(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let acknowledged = append_from_many(&stage).await;
    let numbers: Vec<_> = acknowledged.iter().map(|r| r.position.seq.0).collect();
    let expected: Vec<_> = (1..=(WRITERS * EACH) as u64).collect();
    assert_eq!(numbers, expected);
    assert_eq!(stage.head().await, acknowledged[acknowledged.len() - 1].position);
}

pub(super) async fn a_list_lies_together(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let mut writers = JoinSet::new();
    for length in 2..10 {
        let broker = stage.broker();
        writers.spawn(async move {
            let appended = append_list(&broker, &main_stream(), length, None).await;
            (length, appended.receipts().to_vec())
        });
    }
    let page_before = stage.page(After::Head, ALL).await;
    for (length, receipts) in writers.join_all().await {
        assert_eq!(receipts.len(), length);
        let apart = receipts.windows(2).find(|w| w[1].position.seq != w[0].position.seq.next());
        assert_eq!(apart, None, "a list was torn");
    }
    let total: usize = (2..10).sum();
    assert_eq!(stage.head().await.seq, Seq(total as u64));
    assert!(page_before.events.is_empty());
}

pub(super) async fn streams_do_not_mix(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let (broker, names) = (stage.broker(), [stream("a"), stream("b")]);
    let mut readers = Vec::new();
    for name in &names {
        readers.push(Reader::attach(&broker, name, &After::Oldest).await);
    }
    let mut acknowledged = [Vec::new(), Vec::new()];
    for turn in 0..20 {
        let of = turn % 2;
        acknowledged[of].extend(append_each(&broker, &names[of], 1).await);
    }
    for (reader, acknowledged) in readers.iter_mut().zip(&acknowledged) {
        assert_eq!(acknowledged[0].position.seq, Seq(1), "each log counts from 1");
        reader.through_all(acknowledged, Start::After(0)).await;
    }
}

pub(super) async fn the_ledger_is_the_chain_of_what_was_read(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let mut reader = stage.attach(After::Oldest).await;
    let acknowledged = append_from_many(&stage).await;
    reader.through_all(&acknowledged, Start::After(0)).await;
    let chain = reader.items.iter().fold(RollingHash::default(), |hash, item| match item {
        Item::Event(event) => hash.and(event.position.seq, &event.json),
        Item::Gap(_) => hash,
    });
    let ledger = stage.ledger().await;
    assert_eq!(ledger.hash, chain);
    assert_eq!(ledger.count, acknowledged.len() as u64);
    assert_eq!(ledger.first, Seq(1));
    assert_eq!(ledger.last, acknowledged[acknowledged.len() - 1].position);
}

pub(super) async fn an_empty_log_has_an_empty_ledger(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let ledger = stage.ledger().await;
    assert_eq!((ledger.count, ledger.first, ledger.last.seq), (0, Seq::ZERO, Seq::ZERO));
    assert_eq!(ledger.hash, RollingHash::default());
}
