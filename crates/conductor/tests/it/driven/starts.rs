//! How a process comes to a run, and in which order processes do.

use conductor::{Answer, DriveError, Event, JournalError, LeaseError, Live, Pace, Phase};
use evidence::Choice;
use jiff::{SignedDuration, Timestamp};
use runbook::Mode;

use super::{super::stage::Play, DRIVEN, driven};

fn held() -> Option<LeaseError> {
    Some(LeaseError::Held("example.com/runs/8".into()))
}

#[tokio::test]
async fn a_run_that_finds_the_lease_held_leaves_nothing_in_the_way() {
    let mut play = driven();
    play.stage.script().lease = held();
    let Err(DriveError::Lease(error)) = play.begin().await else { panic!("it begins") };
    assert!(error.to_string().contains("example.com/runs/8"));
    assert!(!play.path().exists());
    play.stage.script().lease = None;
    play.again();
    assert_eq!(play.play(play.start().await).await, Phase::Kept);
}

#[tokio::test]
async fn a_second_process_is_refused_and_takes_nothing_away() {
    let play = driven();
    let running = play.start().await;
    let again = play.begin().await.map(|_| ()).unwrap_err();
    assert!(matches!(again, DriveError::Journal(JournalError::File(_))), "{again:?}");
    let second = play.go_on().await.map(|_| ()).unwrap_err();
    assert!(matches!(second, DriveError::Journal(JournalError::Busy)), "{second:?}");
    assert_eq!(play.play(running).await, Phase::Kept);
}

#[tokio::test]
async fn nothing_goes_on_with_a_run_that_has_not_begun_or_has_ended() {
    let play = driven();
    let unbegun = play.go_on().await.map(|_| ()).unwrap_err();
    assert!(matches!(unbegun, DriveError::Journal(JournalError::Empty)), "{unbegun:?}");
    play.play(play.start().await).await;
    let ended = play.go_on().await.map(|_| ()).unwrap_err();
    assert!(matches!(ended, DriveError::Journal(JournalError::Refused { .. })), "{ended:?}");
}

#[tokio::test]
async fn a_run_whose_document_was_changed_is_not_gone_on_with() {
    let play = driven();
    let mut running = play.start().await;
    running.until("that it goes on", |_| true).await;
    running.stop.send_replace(true);
    assert!(matches!(running.ended().await, Err(DriveError::Stopped)));
    let document = play.path().join("runbook.md");
    std::fs::write(&document, DRIVEN.replace("MODE=new", "MODE=newer")).unwrap();
    let changed = play.go_on().await.map(|_| ()).unwrap_err();
    let DriveError::Folder(error) = changed else { panic!("{changed:?}") };
    assert!(error.to_string().contains("runbook.md is not what the run wrote"), "{error}");
    std::fs::write(&document, DRIVEN).unwrap();
    assert_eq!(play.play(play.resume().await).await, Phase::Kept);
}

#[tokio::test]
async fn a_run_that_was_stopped_comes_to_the_same_end() {
    let play = driven();
    play.stage.script().hanging.insert("S3".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S3")).await;
    running.stop.send_replace(true);
    assert!(matches!(running.ended().await, Err(DriveError::Stopped)));
    assert_eq!(play.stage.script().dropped, ["S3"]);
    play.stage.script().hanging.clear();
    assert_eq!(play.play(play.resume().await).await, Phase::Kept);
    let attempts = play.events().into_iter().filter_map(|event| match event {
        Event::Intent { step, attempt } if step == "S3" => Some(attempt),
        _ => None,
    });
    assert_eq!(attempts.collect::<Vec<_>>(), [1, 2]);
}

/// A table with times, of which the second is due long before the run begins.
fn timed() -> String {
    let steps = "| Time | Owner | Required actions | Evidence output |\n|---|---|---|---|\n\
                 | T+1 | operator | Set `MODE=new`. <!-- run: flag id=S1 within=10s --> | log |\n\
                 | T+2 | operator | Set `MODE=newer`. <!-- run: flag id=S2 within=10s --> | log |\n";
    let (head, rest) = DRIVEN.split_once("## Steps").unwrap();
    let (_, back) = rest.split_once("## Way back").unwrap();
    format!("{head}## Timeline <!-- run: section timeline -->\n\n{steps}\n## Way back{back}")
}

#[tokio::test]
async fn t0_and_the_pace_are_those_that_it_was_begun_with() {
    let mut play = Play::new(&timed(), Mode::Rehearsal);
    let t0 = Timestamp::now() + SignedDuration::from_hours(2);
    play.settings.t0 = Some(t0);
    play.settings.pace = Pace::new(30.0).unwrap();
    let mut running = play.start().await;
    let waits = |live: &Live| live.now.starts_with("S1 is due at");
    let live = play.answer(&mut running, waits).await;
    let due = t0 + SignedDuration::from_secs(2);
    assert_eq!(live.next.unwrap().at, Some(due));
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    let mut running = play.resume().await;
    let live = running.until("the same time", waits).await;
    assert_eq!((live.t0, live.pace), (Some(t0), Pace::new(30.0).unwrap()));
    assert_eq!(live.next.unwrap().at, Some(due));
}

#[tokio::test]
async fn a_step_that_is_late_is_for_people_and_then_goes_on() {
    let mut play = Play::new(&timed(), Mode::Rehearsal);
    play.settings.t0 = Some(Timestamp::now() - SignedDuration::from_hours(1));
    let mut running = play.start().await;
    for step in ["S1", "S2"] {
        let is_late = |live: &Live| {
            live.phase == Phase::Hold && live.why.as_ref().is_some_and(|why| why.starts_with(step))
        };
        let live = play.answer(&mut running, is_late).await;
        let why = live.why.unwrap();
        assert!(why.contains("seconds before it could begin"), "{why}");
        assert!(!play.stage.has_done(step));
        assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    }
    assert_eq!(play.play(running).await, Phase::Kept);
    let late = play.events().into_iter().filter(|event| matches!(event, Event::Late { .. }));
    assert_eq!(late.count(), 2);
}
