//! A run for whose journal there is no room any more.

use conductor::{Answer, DriveError, JournalError, Phase};
use evidence::Choice;

use super::{
    super::stage::{Play, Running},
    driven,
};

/// What a run of a plan goes forward with, in bytes: not as far as its fourth step.
const FORWARD: u64 = 2_700;

/// A run that stands still since nothing more can be written.
async fn full(play: &Play, kept: u64) -> Running {
    let conductor = play.begin().await.unwrap().with_journal_room(FORWARD + kept, kept);
    let mut running = Running::of(conductor);
    let live = play.answer(&mut running, |live| live.phase == Phase::Hold).await;
    let why = live.why.unwrap();
    assert!(why.contains("Nothing more is begun: there is no room for it"), "{why}");
    assert!(live.has_changed);
    running
}

#[tokio::test]
async fn a_run_goes_back_by_what_is_kept_for_that() {
    let play = driven();
    let running = full(&play, 64 << 10).await;
    let before = play.intents();
    let Answer::Refused(why) = play.decide("lead", Choice::Go, None).await else {
        panic!("it goes on")
    };
    assert!(why.contains("make room, or go back"), "{why}");
    assert_eq!(play.intents(), before);
    assert_eq!(play.decide("lead", Choice::Rollback, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::RolledBack);
}

#[tokio::test]
async fn a_run_for_which_too_little_is_kept_says_so() {
    let play = driven();
    let running = full(&play, 600).await;
    assert_eq!(play.decide("lead", Choice::Rollback, None).await, Answer::Taken);
    let error = running.ended().await.unwrap_err();
    assert!(matches!(error, DriveError::Journal(JournalError::TooLong)), "{error:?}");
    // With room another process comes to the end.
    assert_eq!(play.play(play.resume().await).await, Phase::RolledBack);
}
