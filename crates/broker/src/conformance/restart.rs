//! Nothing is lost, and no cursor turns bad, when a backend is stopped in order.

use event::{After, Position, RollingHash, limits::LINEAGE_EPOCHS_MAX};

use super::{
    Harness, Start,
    stage::{ALL, NARROW, Stage, WIDE, append_list, key, main_stream},
};
use crate::{Appended, PageLimit};

pub(super) async fn cursors_survive_restarts(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut acknowledged = Vec::new();
    // A place, and how many of the events lie before it.
    let mut places: Vec<(Position, usize)> = vec![(stage.head().await, 0)];
    for round in 0..6 {
        stage.subject.restart().await;
        places.push((stage.head().await, acknowledged.len()));
        // A round without an append: an epoch that takes no event.
        for receipt in stage.append(round % 3).await {
            acknowledged.push(receipt);
            places.push((receipt.position, acknowledged.len()));
        }
    }
    stage.subject.restart().await;
    acknowledged.extend(stage.append(1).await);
    for (place, had) in places {
        let mut reader = stage.attach_at(place).await;
        assert_eq!(reader.opening.gap, None, "the cursor {place} turned bad");
        reader.through_all(&acknowledged, Start::After(had)).await;
        assert!(reader.gaps().is_empty());
    }
}

pub(super) async fn an_empty_log_survives_a_restart(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let reader = stage.attach(After::Head).await;
    let place = reader.opening.after;
    drop(reader);
    stage.subject.restart().await;
    stage.subject.restart().await;
    let mut reader = stage.attach_at(place).await;
    assert_eq!(reader.opening.gap, None);
    let acknowledged = stage.append(2).await;
    reader.through_all(&acknowledged, Start::After(0)).await;
}

pub(super) async fn the_account_goes_on(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    stage.append(3).await;
    let before = stage.ledger().await;
    stage.subject.restart().await;
    assert_eq!(stage.ledger().await, before);
    let later = stage.append(2).await;
    let ledger = stage.ledger().await;
    assert_eq!((ledger.count, ledger.last), (5, later[1].position));
    assert_eq!(later[0].position.seq, before.last.seq.next(), "numbers go on");
    let page = stage.page(After::Oldest, ALL).await;
    let chain = page
        .events
        .iter()
        .fold(RollingHash::default(), |hash, event| hash.and(event.position.seq, &event.json));
    assert_eq!(ledger.hash, chain);
}

pub(super) async fn keys_survive_a_restart(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, NARROW).await;
    let idempotency = Some(key("k", b"body"));
    let first = append_list(&stage.broker(), &main_stream(), 2, idempotency).await;
    for _ in 0..3 {
        stage.append(2 * NARROW.events_max).await;
        stage.subject.restart().await;
        let again = append_list(&stage.broker(), &main_stream(), 2, idempotency).await;
        assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
    }
}

/// The window may hold events of epochs that the lineage has forgotten: they are served all the
/// same, and once.
pub(super) async fn a_log_older_than_its_lineage_is_read_through(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut acknowledged = Vec::new();
    for _ in 0..LINEAGE_EPOCHS_MAX + 8 {
        acknowledged.extend(stage.append(1).await);
        stage.subject.restart().await;
    }
    let mut ids = Vec::new();
    let mut after = After::Oldest;
    loop {
        let page = stage.page(after, PageLimit::clamped(3)).await;
        assert_eq!(page.gap, None);
        ids.extend(page.events.iter().map(|event| event.id));
        if !page.has_more() {
            break;
        }
        after = After::At(page.next);
        assert!(ids.len() <= acknowledged.len(), "events come again and again");
    }
    assert_eq!(ids, acknowledged.iter().map(|receipt| receipt.id).collect::<Vec<_>>());
}

pub(super) async fn age_counts_on_over_a_restart(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, NARROW).await;
    stage.append(2).await;
    stage.subject.advance(NARROW.age_max / 2);
    stage.subject.restart().await;
    assert_eq!(stage.page(After::Oldest, ALL).await.events.len(), 2);
    stage.subject.advance(NARROW.age_max / 2 + std::time::Duration::from_secs(1));
    assert_eq!(stage.page(After::Oldest, ALL).await.events.len(), 0);
}
