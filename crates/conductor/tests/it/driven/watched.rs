//! What is watched: the canary's share, guards that say nothing, and guards that another process watched.

use conductor::{Answer, Event, Live, NoSight, Phase, Sighting};
use evidence::Choice;
use guard::Verdict;
use runbook::Mode;

use super::{super::stage::Play, DRIVEN, driven, lost};

fn troubles(play: &Play, of: &str) -> usize {
    let is_it = |event: &Event| matches!(event, Event::Trouble { what, .. } if what == of);
    play.events().iter().filter(|event| is_it(event)).count()
}

#[tokio::test]
async fn a_canary_that_lost_its_share_is_not_promoted_as_if_it_had_it() {
    let play = driven();
    play.stage.script().given_percent = Some(10.0);
    play.stage.sees("lost", Ok(Sighting::First));
    let mut running = play.start().await;
    play.answer(&mut running, |live| live.now.starts_with("S4 waits for guards")).await;
    assert_eq!(troubles(&play, "traffic"), 0);
    play.stage.script().given_percent = Some(0.0);
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    let why = live.why.unwrap();
    assert!(why.contains("S3 gave the canary 10 % of the clients"), "{why}");
    assert!(why.contains("the router gives it 0 %"), "{why}");
    play.stage.script().sights.clear();
    // People decide, once.
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
    assert_eq!(troubles(&play, "traffic"), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_while_nobody_sees_whether_the_canary_has_its_share() {
    let play = driven();
    play.stage.script().given_percent = Some(10.0);
    play.stage.sees("lost", Ok(Sighting::First));
    let mut running = play.start().await;
    play.answer(&mut running, |live| live.now.starts_with("S4 waits for guards")).await;
    play.stage.script().traffic = Some(NoSight("the router is away".into()));
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    play.stage.script().sights.clear();
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    let why = live.why.unwrap();
    assert!(why.contains("S5 was not begun: for 10 seconds the router has not said"), "{why}");
    assert!(!play.intents().contains(&"S5".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn guards_that_say_nothing_at_the_end_are_not_waited_for_in_silence_nor_for_ever() {
    let wait = "4. Nothing was lost. <!-- run: guard id=S4 guards=lost -->\n";
    assert!(DRIVEN.contains(wait));
    let play = Play::new(&DRIVEN.replace(wait, ""), Mode::Rehearsal);
    play.stage.sees("lost", Ok(Sighting::First));
    let mut running = play.start().await;
    let told = |live: &Live| live.troubles.iter().any(|text| text.contains("waits for guards"));
    play.answer(&mut running, |live| live.now.contains("have not passed: lost")).await;
    let mut looking = running.looking.clone();
    looking.wait_for(|live| live.as_ref().is_some_and(told)).await.unwrap();
    let held = looking.wait_for(|live| live.as_ref().is_some_and(|live| live.phase == Phase::Hold));
    let why = held.await.unwrap().as_ref().and_then(|live| live.why.clone()).unwrap();
    assert!(why.contains("In 600 seconds at the end these guards did not pass: lost"), "{why}");
    let notices = play.stage.script().notices.clone();
    let is_told = |text: &String| text.contains("waive what is known and does no harm, or go back");
    assert!(notices.iter().any(is_told), "{notices:?}");
    play.stage.script().sights.clear();
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    assert_eq!(running.ended().await.unwrap(), Phase::Kept);
}

#[tokio::test]
async fn who_goes_on_says_from_when_on_guards_see_and_what_failed_has_failed() {
    let text = DRIVEN.replace("measure = \"zero\"", "measure = \"zero\"\non_fail = \"hold\"");
    let play = Play::new(&text, Mode::Rehearsal);
    play.stage.script().hanging.insert("S3".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S3")).await;
    play.stage.sees("lost", lost());
    running.until("HOLD", |live| live.phase == Phase::Hold).await;
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    play.stage.script().sights.clear();
    play.stage.script().hanging.clear();
    let mut running = play.resume().await;
    running.until("that it goes on", |live| live.phase == Phase::Hold).await;
    let anew = play.events().into_iter().filter_map(|event| match event {
        Event::GuardsAnew { guards } => Some(guards),
        _ => None,
    });
    assert_eq!(anew.collect::<Vec<_>>(), [["lost".to_owned()]]);
    running.until("a look", |live| live.guards[0].verdict == Some(Verdict::Fail)).await;
    let notices = play.stage.script().notices.clone();
    assert!(notices.iter().any(|text| text.contains("lost had failed, and has.")), "{notices:?}");
    let Answer::Refused(why) = play.decide("lead", Choice::Go, None).await else {
        panic!("it goes on")
    };
    assert!(why.contains("the guard lost has failed"), "{why}");
    assert_eq!(play.decide("lead", Choice::Waive, Some("lost")).await, Answer::Taken);
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
}
