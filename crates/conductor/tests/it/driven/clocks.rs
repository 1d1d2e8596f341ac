//! A clock on the wall that is set while a run goes on.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use conductor::{Answer, Event, Phase, WallClock};
use evidence::Choice;
use guard::Verdict;
use jiff::{SignedDuration, Timestamp};

use super::{super::stage::Running, driven, lost};

#[tokio::test]
async fn a_clock_that_is_set_is_said_and_nothing_waits_for_it() {
    for set_by in [-600, 600] {
        let play = driven();
        let ahead = Arc::new(AtomicI64::new(0));
        let wall = {
            let ahead = Arc::clone(&ahead);
            move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::SeqCst))
        };
        play.stage.script().hanging.insert("S2".into());
        let conductor = play.begin().await.unwrap().with_wall_clock(WallClock(Arc::new(wall)));
        let mut running = Running::of(conductor);
        play.answer(&mut running, |_| play.stage.has_done("S2")).await;
        ahead.store(set_by, Ordering::SeqCst);
        let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
        let way = if set_by < 0 { "back" } else { "forward" };
        assert!(live.why.unwrap().contains(&format!("was set {way} by 10 min")));
        let is_it = |event: &Event| matches!(event, Event::Trouble { what, .. } if what == "clock");
        assert_eq!(play.events().iter().filter(|event| is_it(event)).count(), 1);
        // Looks go on, and a guard that fails is heard.
        play.stage.sees("lost", lost());
        running.until("the way back", |live| live.phase == Phase::RollingBack).await;
        assert_eq!(play.play(running).await, Phase::RolledBack);
    }
}

#[tokio::test]
async fn the_way_back_is_as_old_as_it_is_whatever_the_clock_says() {
    for set_by in [-600, 600] {
        let play = driven();
        let stage = play.stage.clone();
        let wall = move || {
            let ahead = if stage.has_done("R1") { set_by } else { 0 };
            Timestamp::now() + SignedDuration::from_secs(ahead)
        };
        play.stage.script().hanging.insert("S3".into());
        let conductor = play.begin().await.unwrap().with_wall_clock(WallClock(Arc::new(wall)));
        let mut running = Running::of(conductor);
        play.answer(&mut running, |_| play.stage.has_done("S3")).await;
        play.stage.sees("lost", lost());
        assert_eq!(play.play(running).await, Phase::RolledBack);
        let told = play.stage.script().going_back_since.clone();
        let since = |step: &str| told.iter().find(|told| told.0 == step).unwrap().1.unwrap();
        let moved = since("R2").duration_since(since("R1")).as_secs();
        assert!((moved - set_by).abs() < 60, "set by {set_by} s: {told:?}");
    }
}

#[tokio::test]
async fn a_go_that_was_said_before_the_clock_was_set_back_does_not_count_for_that() {
    let play = driven();
    play.stage.ends("S2", &[Verdict::Fail]);
    let ahead = Arc::new(AtomicI64::new(600));
    let wall = {
        let ahead = Arc::clone(&ahead);
        move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::SeqCst))
    };
    let conductor = play.begin().await.unwrap().with_wall_clock(WallClock(Arc::new(wall)));
    let mut running = Running::of(conductor);
    play.answer(&mut running, |live| live.phase == Phase::Hold).await;
    // By the clock that was ahead the run stood still in ten minutes only.
    ahead.store(0, Ordering::SeqCst);
    running.until("the trouble", |live| !live.troubles.is_empty()).await;
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
}

#[tokio::test]
async fn a_process_whose_clock_is_behind_the_journal_says_so() {
    let play = driven();
    let wall = WallClock(Arc::new(|| Timestamp::now() + SignedDuration::from_secs(600)));
    let mut running = Running::of(play.begin().await.unwrap().with_wall_clock(wall));
    play.answer(&mut running, |live| live.waiting.iter().any(|wait| wait.choice == "APPROVE"))
        .await;
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    let mut running = play.resume().await;
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert!(live.why.unwrap().contains("and the clock of this machine says"));
    assert_eq!(play.play(running).await, Phase::Kept);
}
