//! What a kill may take away, and how its readers learn of it.

use event::{After, GapReason};

use super::{
    Harness, Start,
    stage::{ALL, Stage, WIDE, append_list, key, main_stream},
};
use crate::{Appended, PageLimit};

pub(super) async fn what_was_saved_is_read_and_the_rest_is_told(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut acknowledged = stage.append(4).await;
    stage.subject.save().await;
    acknowledged.extend(stage.append(3).await);
    stage.subject.crash().await;
    acknowledged.extend(stage.append(2).await);
    for had in 1..=7 {
        let mut reader = stage.attach_at(acknowledged[had - 1].position).await;
        let start = if reader.opening.gap.is_some() { Start::Gap } else { Start::After(had) };
        reader.through_all(&acknowledged, start).await;
        let reasons = reader.reasons();
        assert_eq!(reasons, [GapReason::DataLoss], "a reader that had {had} events");
        let kept = 4_usize.saturating_sub(had) + 2;
        assert_eq!(reader.ids().len(), kept, "a reader that had {had} events");
    }
    let mut reader = stage.attach_at(acknowledged[8].position).await;
    acknowledged.extend(stage.append(1).await);
    reader.through_all(&acknowledged, Start::After(9)).await;
    assert!(reader.gaps().is_empty(), "a reader from beyond the hole is not concerned");
}

pub(super) async fn a_log_that_was_never_saved_is_told(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let empty = stage.head().await;
    let lost = stage.append(3).await;
    stage.subject.crash().await;
    for place in [empty, lost[0].position, lost[2].position] {
        let reader = stage.attach_at(place).await;
        assert!(reader.opening.gap.is_some(), "the cursor {place} was taken in silence");
    }
}

pub(super) async fn crash_upon_crash_is_told(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let mut acknowledged = stage.append(2).await;
    stage.subject.save().await;
    for round in 0..4 {
        acknowledged.extend(stage.append(round).await);
        stage.subject.crash().await;
    }
    acknowledged.extend(stage.append(2).await);
    stage.subject.save().await;
    let mut reader = stage.attach_at(acknowledged[0].position).await;
    assert_eq!(reader.opening.gap, None);
    reader.through_all(&acknowledged, Start::After(1)).await;
    for had in 2..acknowledged.len() - 2 {
        let mut reader = stage.attach_at(acknowledged[had - 1].position).await;
        assert!(reader.opening.gap.is_some(), "a reader that had {had} events");
        reader.through_all(&acknowledged, Start::Gap).await;
    }
}

pub(super) async fn a_gap_of_a_crash_is_met_once(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let saved = stage.append(2).await;
    stage.subject.save().await;
    stage.append(1).await;
    stage.subject.crash().await;
    let page = stage.page(After::At(saved[1].position), ALL).await;
    let gap = page.gap.expect("what was acknowledged after it is gone");
    assert_eq!(stage.head().await, gap.resumes_at, "a fresh reader begins beyond the hole");
    stage.subject.save().await;
    // The place beyond the hole outlives whole changes of owner, before and after appends.
    for _ in 0..2 {
        stage.subject.restart().await;
        let again = stage.page(After::At(gap.resumes_at), PageLimit::clamped(1)).await;
        assert_eq!(again.gap, None);
        stage.append(1).await;
    }
}

pub(super) async fn keys_follow_their_events(harness: &dyn Harness) {
    let mut stage = Stage::start(harness, WIDE).await;
    let kept = append_list(&stage.broker(), &main_stream(), 1, Some(key("kept", b""))).await;
    stage.subject.save().await;
    append_list(&stage.broker(), &main_stream(), 1, Some(key("lost", b""))).await;
    stage.subject.crash().await;
    let again = append_list(&stage.broker(), &main_stream(), 1, Some(key("kept", b""))).await;
    assert_eq!(again, Appended::Replayed(kept.receipts().to_vec()));
    let again = append_list(&stage.broker(), &main_stream(), 1, Some(key("lost", b""))).await;
    assert!(matches!(again, Appended::First(_)), "what was lost is stored again");
    let twice = append_list(&stage.broker(), &main_stream(), 1, Some(key("lost", b""))).await;
    assert_eq!(twice, Appended::Replayed(again.receipts().to_vec()));
    assert_eq!(stage.page(After::Head, ALL).await.head, again.receipts()[0].position);
}
