//! The way back, where people are on it: what the world did in their place, what they say and do not say.

use conductor::{Answer, Effect, Event, Live, Phase, Request, Witness};
use evidence::Choice;
use guard::Verdict;
use runbook::Mode;

use super::{
    super::{
        cast::{document, key},
        stage::{Play, Running},
    },
    DRIVEN, lost,
    people::{asked_for, refused, say_signed, signed_of, until_go},
};

/// A run of which one step of the way back is done outside.
fn outside(class: &str) -> String {
    let mark = format!("Move it back. <!-- run: external id=R1 class={class} within=1s -->");
    DRIVEN.replace("Set `MODE=old`. <!-- run: flag id=R1 -->", &mark)
}

fn asks(step: &'static str) -> impl Fn(&Live) -> bool {
    move |live| live.waiting.iter().any(|wait| wait.about.as_deref() == Some(step))
}

/// Stops the process once it waits for the word on R1, on the way back.
async fn stopped_at_r1(play: &Play) {
    play.stage.script().hanging.insert("S3".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S3")).await;
    play.stage.sees("lost", lost());
    running.until("the word on R1", asks("R1")).await;
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
}

#[tokio::test]
async fn nobody_is_asked_for_ever_what_became_of_a_step_of_the_way_back() {
    // What must not be done twice, and of which nobody says anything: a person is needed.
    let play = Play::new(&outside("once"), Mode::Rehearsal);
    stopped_at_r1(&play).await;
    assert_eq!(play.resume().await.ended().await.unwrap(), Phase::RollbackFailed);
    // What does no harm is begun again, and has its tries.
    let play = Play::new(&outside("converge"), Mode::Rehearsal);
    stopped_at_r1(&play).await;
    assert_eq!(play.resume().await.ended().await.unwrap(), Phase::RollbackFailed);
    assert_eq!(play.intents().iter().filter(|step| *step == "R1").count(), 3);
}

#[tokio::test]
async fn a_run_in_which_nobody_says_what_became_of_a_step_stands_still() {
    let text = DRIVEN.replace("external id=S5 class=once", "external id=S5 class=once within=1s");
    let play = Play::new(&text, Mode::Rehearsal);
    let mut running = play.start().await;
    play.answer(&mut running, asks("S5")).await;
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    let mut running = play.resume().await;
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert!(live.why.unwrap().contains("Nobody said within 1.0 s"));
    // They can still say it, and then the run goes on when people want it to.
    assert_eq!(play.decide("operator", Choice::Attest, Some("S5")).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
    assert_eq!(play.intents().iter().filter(|step| *step == "S5").count(), 1);
}

#[tokio::test]
async fn what_has_to_hold_at_the_end_is_looked_at_behind_the_way_back_whatever_it_comes_after() {
    let text = DRIVEN.replace("sign-off id=C1 owner=lead", "http-expect id=C1 after=S5");
    let text = text.replace("All is well.", "`/health`");
    let play = Play::new(&text, Mode::Rehearsal);
    let mut running = play.start().await;
    play.answer(&mut running, asks("S5")).await;
    play.stage.sees("lost", lost());
    assert_eq!(running.ended().await.unwrap(), Phase::RolledBack);
    assert!(play.intents().contains(&"C1".to_owned()));
}

#[tokio::test]
async fn a_last_step_of_which_nobody_knows_waits_for_its_owners() {
    let text = DRIVEN.replace("sign-off id=C1 owner=lead", "command id=C1 class=once");
    let text = text.replace("All is well.", "`deploy tidy`");
    for (choice, times) in [(Choice::Attest, 1), (Choice::Deny, 2)] {
        let play = Play::new(&text, Mode::Rehearsal);
        play.stage.script().hanging.insert("C1".into());
        let mut running = play.start().await;
        play.answer(&mut running, |_| play.stage.has_done("C1")).await;
        running.stop.send_replace(true);
        running.ended().await.unwrap_err();
        play.stage.script().hanging.clear();
        play.stage.script().found.insert("C1".into(), Effect::Unclear);
        let mut running = play.resume().await;
        let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
        assert!(live.why.unwrap().contains("It was looked for"));
        assert!(play.stage.script().told.contains(&"hold".to_owned()));
        // Asked again by GO it is as unclear as before.
        assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
        running.until("HOLD", |live| live.phase == Phase::Hold).await;
        assert_eq!(play.decide("operator", choice, Some("C1")).await, Answer::Taken);
        assert_eq!(play.play(running).await, Phase::Kept);
        let begun = play.intents().iter().filter(|step| *step == "C1").count();
        assert_eq!(begun, times, "{choice:?}");
    }
}

/// A run in production with an external among its steps and on its way back.
fn produced() -> Play {
    let document = document()
        .replace("sign-off id=G1", "decision id=G1")
        .replace(
            "Set `MODE=new`. <!-- run: flag id=S1",
            "Move it. <!-- run: external id=S1 class=once",
        )
        .replace(
            "Set `MODE=old`. <!-- run: flag id=R1",
            "Move it back. <!-- run: external id=R1 class=once",
        );
    Play::new(&document, Mode::Production)
}

#[tokio::test]
async fn in_production_it_is_signed_that_a_step_was_not_done() {
    let play = produced();
    let mut running = play.start().await;
    until_go(&play, &mut running).await;
    say_signed(&play, Choice::Go).await;
    asked_for(&mut running, "ATTEST").await;
    running.until("the word on S1", asks("S1")).await;
    let stale = signed_of(&play, "operator", (Choice::Deny, Some("S1")), &key("ana"));
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    let mut running = play.resume().await;
    running.until("the word on S1", asks("S1")).await;
    let Answer::Refused(why) = play.say(&Request::Again { step: "S1".into() }).await else {
        panic!("anybody decides it")
    };
    assert!(why.contains("approve --again"), "{why}");
    let why = refused(&play, play.decided("operator", Choice::Deny, Some("S1"))).await;
    assert!(why.contains("has to sign that"), "{why}");
    assert!(refused(&play, stale).await.contains("it was signed over"));
    let other = signed_of(&play, "lead", (Choice::Deny, Some("S1")), &key("bo"));
    assert!(refused(&play, other).await.contains("is not owned by `lead`"));
    let said = signed_of(&play, "operator", (Choice::Deny, Some("S1")), &key("ana"));
    assert_eq!(play.say(&Request::Said(Box::new(said))).await, Answer::Taken);
    let is_again = |play: &Play| {
        let intents = play.intents();
        intents.iter().filter(|step| *step == "S1").count() == 2
    };
    running.until("the second time", |_| is_again(&play)).await;
}

async fn goes_back(play: &Play) -> Running {
    let mut running = play.start().await;
    until_go(play, &mut running).await;
    say_signed(play, Choice::Go).await;
    running.until("the word on S1", asks("S1")).await;
    say_signed(play, Choice::Rollback).await;
    running
}

#[tokio::test]
async fn in_production_the_world_says_itself_that_it_went_back() {
    let play = produced();
    play.stage.script().acts.insert("R1".into());
    play.stage.script().found.insert("R1".into(), Effect::Yes);
    let running = goes_back(&play).await;
    assert_eq!(running.ended().await.unwrap(), Phase::RolledBack);
    let seen = play.events().into_iter().find_map(|event| match event {
        Event::ReadBack { step, seen_by, .. } if step == "R1" => Some(seen_by),
        _ => None,
    });
    assert_eq!(seen, Some(Some(Witness::World)));
    // What it does not say people have to.
    let play = produced();
    play.stage.script().acts.insert("R1".into());
    let mut running = goes_back(&play).await;
    running.until("the word on R1", asks("R1")).await;
    let said = signed_of(&play, "operator", (Choice::Attest, Some("R1")), &key("ana"));
    assert_eq!(play.say(&Request::Said(Box::new(said))).await, Answer::Taken);
    assert_eq!(running.ended().await.unwrap(), Phase::RolledBack);
}

#[tokio::test]
async fn what_was_tried_before_the_run_went_back_is_no_try() {
    let text = DRIVEN.replace("cleanup id=A1 class=once", "cleanup id=A1 class=converge");
    let play = Play::new(&text, Mode::Rehearsal);
    play.stage.ends("A1", &[Verdict::Fail, Verdict::Fail, Verdict::Fail]);
    let mut running = play.start().await;
    play.answer(&mut running, |live| live.phase == Phase::Hold).await;
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    let tries = || play.intents().iter().filter(|step| *step == "A1").count();
    running.until("the second time", |live| live.phase == Phase::Hold && tries() == 2).await;
    assert_eq!(play.decide("lead", Choice::Rollback, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::RolledBack);
}
