//! What becomes of a cursor that is not of this log: a gap, never an error, and only once.

use event::{After, Epoch, GapReason, Position, Seq};

use super::{
    Harness, new_event,
    stage::{ALL, NARROW, Stage, WIDE, append_each, stream},
};

pub(super) async fn an_unreadable_cursor_is_unknown(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    stage.append(4).await;
    let page = stage.page(After::from_client(Some("no cursor")), ALL).await;
    let gap = page.gap.expect("it can't be read");
    assert_eq!(gap.reason, GapReason::UnknownCursor);
    assert_eq!(gap.after.as_deref(), Some("no cursor"));
    assert_eq!(page.events.len(), 4, "it goes on from the window's start");
}

pub(super) async fn a_cursor_of_another_stream_is_unknown(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    stage.append(4).await;
    let elsewhere = append_each(&stage.broker(), &stream("elsewhere"), 2).await[1];
    for after in [After::At(elsewhere.position), After::Id(elsewhere.id)] {
        let page = stage.page(after.clone(), ALL).await;
        let gap = page.gap.expect("the place is of another log");
        assert_eq!(gap.reason, GapReason::UnknownCursor, "after {after}");
        assert_eq!(page.events.len(), 4, "it goes on from the window's start");
    }
}

pub(super) async fn no_gap_is_met_twice(harness: &dyn Harness) {
    let stage = Stage::start(harness, NARROW).await;
    let acknowledged = stage.append(10 * NARROW.events_max).await;
    let head = stage.head().await;
    let cursors = [
        After::At(acknowledged[0].position),
        After::Id(acknowledged[0].id),
        After::Id(new_event().id),
        After::At(Position::new(head.epoch, Seq(u64::MAX))),
        After::At(Position::new(Epoch::from_bits(head.epoch.bits() ^ 1), head.seq)),
        After::Unreadable("no cursor".to_owned()),
    ];
    for after in cursors {
        let page = stage.page(after.clone(), ALL).await;
        let gap = page.gap.unwrap_or_else(|| panic!("no gap after {after}"));
        assert_eq!(gap.resumes_at, page.after);
        let again = stage.page(After::At(gap.resumes_at), ALL).await;
        assert_eq!(again.gap, None, "the gap after {after} is met twice");
        assert_eq!(again.after, gap.resumes_at);
    }
}
