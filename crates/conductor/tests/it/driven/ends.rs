//! What a run rests on is gone while it goes on: its lease, its disk, its webhook, its router.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use conductor::{Answer, DriveError, Event, LeaseError, Live, NoSight, OnEntry, Phase};
use evidence::Choice;

use super::{driven, lost};

#[tokio::test]
async fn a_lost_lease_holds_the_run_and_nobody_goes_on_without_it() {
    let play = driven();
    play.stage.script().hanging.insert("S2".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S2")).await;
    play.stage.script().lease = Some(LeaseError::Held("example.com/runs/8".into()));
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert!(live.why.unwrap().contains("The lease is lost"));
    let Answer::Refused(why) = play.decide("lead", Choice::Go, None).await else {
        panic!("it goes on without its lease")
    };
    assert!(why.contains("the lease is lost"), "{why}");
    play.stage.script().lease = None;
    // Once it is there again, it may go on.
    let mut answer = Answer::Refused(why);
    while matches!(&answer, Answer::Refused(why) if why.contains("the lease is lost")) {
        answer = play.decide("lead", Choice::Go, None).await;
    }
    assert_eq!(answer, Answer::Taken);
    let troubles = play.events().into_iter();
    let troubles = troubles.filter(|event| matches!(event, Event::Trouble { .. }));
    assert_eq!(troubles.count(), 1);
    play.stage.sees("lost", lost());
    assert_eq!(play.play(running).await, Phase::RolledBack);
}

#[tokio::test]
async fn a_lease_that_cannot_be_reached_is_lost_when_it_has_run_out() {
    let play = driven();
    let mut running = play.start().await;
    running.until("that it goes on", |_| true).await;
    play.stage.script().lease = Some(LeaseError::Unreachable("nobody answers".into()));
    let warned = |live: &Live| live.troubles.iter().any(|text| text.contains("nobody answers"));
    running.until("a warning", warned).await;
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert!(live.why.unwrap().contains("nobody answers"));
}

#[tokio::test]
async fn troubles_are_shown_once() {
    let play = driven();
    play.stage.script().traffic = Some(NoSight("the router is away".into()));
    play.stage.script().lease = Some(LeaseError::Unreachable("nobody answers".into()));
    let begun = play.begin().await.map(|_| ()).unwrap_err();
    assert!(matches!(begun, DriveError::Lease(LeaseError::Unreachable(_))));
    let mut play = play;
    play.again();
    play.stage.script().lease = None;
    let mut running = play.start().await;
    let two = |live: &Live| live.troubles.len() == 1;
    running.until("the router", two).await;
    play.stage.script().lease = Some(LeaseError::Unreachable("nobody answers".into()));
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert_eq!(live.troubles.len(), 2, "{:?}", live.troubles);
}

#[tokio::test]
async fn a_webhook_that_hangs_holds_nothing_up() {
    let play = driven();
    play.stage.script().is_mute = true;
    assert_eq!(play.play(play.start().await).await, Phase::Kept);
    assert!(play.stage.script().told.contains(&"waiting".to_owned()));
}

#[tokio::test]
async fn nothing_is_begun_where_an_output_cannot_be_kept() {
    let mut play = driven();
    // The folder for samples' last copy is gone when the run ends.
    let is_gone = Arc::new(AtomicBool::new(false));
    let outputs = play.path().join("outputs");
    let (gone, folder) = (Arc::clone(&is_gone), outputs.clone());
    let entries_before_the_end = 20;
    play.settings.on_entry = Some(OnEntry(Arc::new(move |entries| {
        if entries > entries_before_the_end && !gone.swap(true, Ordering::SeqCst) {
            std::fs::rename(&folder, folder.with_extension("away")).unwrap();
        }
    })));
    let mut running = play.start().await;
    play.answer(&mut running, |_| false).await;
    assert!(is_gone.load(Ordering::SeqCst));
    let error = running.ended().await.unwrap_err();
    assert!(matches!(error, DriveError::Folder(_)), "{error:?}");
    std::fs::rename(outputs.with_extension("away"), &outputs).unwrap();
    play.settings.on_entry = None;
    assert_eq!(play.play(play.resume().await).await, Phase::Kept);
}
