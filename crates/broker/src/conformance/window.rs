//! What is kept is bounded, whatever is appended.

use std::time::Duration;

use event::{After, Seq};

use super::{
    Harness,
    stage::{ALL, NARROW, Stage, append_list, main_stream},
};

/// A backend may trim in steps: it keeps at least what it was told, and at most twice as many.
fn assert_bounded(kept: usize) {
    let told = NARROW.events_max;
    assert!((told..=2 * told).contains(&kept), "{kept} are kept of a window of {told}");
}

pub(super) async fn the_count_is_bounded(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let acknowledged = stage.append(10 * NARROW.events_max).await;
    let page = stage.page(After::Oldest, ALL).await;
    assert_bounded(page.events.len());
    let newest = &acknowledged[acknowledged.len() - page.events.len()..];
    let kept: Vec<_> = page.events.iter().map(|event| event.id).collect();
    assert_eq!(kept, newest.iter().map(|r| r.id).collect::<Vec<_>>(), "the newest are kept");
}

pub(super) async fn a_list_longer_than_the_window_is_bounded_too(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    append_list(&stage.broker(), &main_stream(), 10 * NARROW.events_max, None).await;
    assert_bounded(stage.page(After::Oldest, ALL).await.events.len());
}

pub(super) async fn the_age_is_bounded(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, NARROW).await;
    let old = stage.append(3).await;
    stage.subject.advance(NARROW.age_max / 2);
    let young = stage.append(2).await;
    stage.subject.advance(NARROW.age_max / 2 + Duration::from_secs(1));
    let page = stage.page(After::Oldest, ALL).await;
    assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), [young[0].id, young[1].id]);
    assert_eq!(page.after, old[2].position);
    stage.subject.advance(NARROW.age_max);
    let page = stage.page(After::Oldest, ALL).await;
    assert!(page.events.is_empty(), "all of it is too old");
    assert_eq!(page.head, young[1].position, "the head outlives the window");
    assert_eq!(stage.append(1).await[0].position.seq, young[1].position.seq.next());
}

pub(super) async fn the_account_outlives_the_window(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let acknowledged = stage.append(10 * NARROW.events_max).await;
    let ledger = stage.ledger().await;
    assert_eq!(ledger.first, Seq(1));
    assert_eq!(ledger.count, acknowledged.len() as u64);
    assert_eq!(ledger.last, acknowledged[acknowledged.len() - 1].position);
    assert_eq!(ledger.window_after, stage.page(After::Oldest, ALL).await.after);
}
