//! What becomes of a cursor of this log.

use event::{After, EventId, GapReason, Position};

use super::{
    Harness, Start, new_event,
    stage::{ALL, NARROW, Stage, WIDE},
};

pub(super) async fn an_event_id_is_a_cursor(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let acknowledged = stage.append(6).await;
    for (had, receipt) in acknowledged.iter().enumerate() {
        let page = stage.page(After::Id(receipt.id), ALL).await;
        assert_eq!(page.gap, None);
        assert_eq!(page.after, receipt.position);
        assert_eq!(page.events.len(), 5 - had);
    }
}

pub(super) async fn an_old_id_has_expired(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let first = stage.append(1).await[0];
    stage.append(10 * NARROW.events_max).await;
    let page = stage.page(After::Id(first.id), ALL).await;
    let gap = page.gap.expect("the id is older than the window");
    assert_eq!(gap.reason, GapReason::Expired);
    assert_eq!(gap.after, Some(first.id.to_string()));
    assert_eq!(page.after, stage.page(After::Oldest, ALL).await.after);
}

pub(super) async fn an_unknown_id_is_unknown(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let acknowledged = stage.append(4).await;
    let never_appended: EventId = new_event().id;
    let page = stage.page(After::Id(never_appended), ALL).await;
    let gap = page.gap.expect("nobody knows the id");
    assert_eq!(gap.reason, GapReason::UnknownCursor);
    assert_eq!(page.events.len(), acknowledged.len(), "it goes on from the window's start");
}

pub(super) async fn an_expired_position_says_how_many_it_missed(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let acknowledged = stage.append(10 * NARROW.events_max).await;
    let mut reader = stage.attach_at(acknowledged[4].position).await;
    let gap = reader.opening.gap.clone().expect("the window begins later");
    assert_eq!(gap.reason, GapReason::Expired);
    assert_eq!(gap.after, Some(acknowledged[4].position.to_string()));
    assert_eq!(gap.resumes_at, reader.opening.after);
    assert_eq!(gap.missed, Some(gap.resumes_at.seq.count_after(acknowledged[4].position.seq)));
    reader.through_all(&acknowledged, Start::Gap).await;
    assert_eq!(reader.ids().len() as u64, reader.opening.replayed);
    let window = stage.page(After::Oldest, ALL).await.events.len();
    assert_eq!(reader.ids().len(), window, "nothing that is kept is left out");
}

pub(super) async fn a_position_past_the_head_diverged(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let head = stage.append(3).await[2].position;
    let ahead = Position::new(head.epoch, head.seq.next());
    let page = stage.page(After::At(ahead), ALL).await;
    let gap = page.gap.expect("this log never had the place");
    assert_eq!(gap.reason, GapReason::Diverged);
    assert_eq!(gap.resumes_at, head, "the last place that both share");
    assert_eq!(page.after, head);
}
