//! What people say while a run goes on.

use conductor::{Answer, Event, Live, Phase, Request};
use evidence::{Choice, Decision, Signer};
use guard::Verdict;
use runbook::Mode;

use super::{
    super::{
        cast::{document, key},
        stage::{Play, Running},
    },
    driven,
};

/// The lead wants the run to stand still, and to go on.
#[tokio::test]
async fn a_hold_of_people_is_a_hold() {
    let play = driven();
    play.stage.script().hanging.insert("S2".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S2")).await;
    assert_eq!(play.decide("operator", Choice::Hold, None).await, Answer::Taken);
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert!(live.why.unwrap().contains("Ana Ruiz as operator decided HOLD"));
    assert_eq!(play.decide("lead", Choice::Rollback, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::RolledBack);
    assert_eq!(play.stage.script().dropped, ["S2"]);
}

#[tokio::test]
async fn a_run_is_given_up_before_anything_was_changed_and_not_later() {
    let play = driven();
    let mut running = play.start().await;
    let waits = |live: &Live| live.waiting.iter().any(|wait| wait.about.as_deref() == Some("G2"));
    running.until("the word on G2", waits).await;
    assert_eq!(play.decide("lead", Choice::Abort, None).await, Answer::Taken);
    assert_eq!(running.ended().await.unwrap(), Phase::Aborted);
    assert_eq!(play.stage.script().done, ["G1"]);
    let play = driven();
    play.stage.script().hanging.insert("S2".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S2")).await;
    let refused = play.decide("lead", Choice::Abort, None).await;
    assert!(matches!(refused, Answer::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn a_step_that_failed_is_done_again_by_go_or_waived() {
    for choice in [Choice::Go, Choice::Waive] {
        let play = driven();
        play.stage.ends("S2", &[Verdict::Fail]);
        let mut running = play.start().await;
        play.answer(&mut running, |live| live.phase == Phase::Hold).await;
        let again = play.say(&Request::Again { step: "S2".into() }).await;
        let Answer::Refused(why) = again else { panic!("{again:?}") };
        assert_eq!(why, "S2 is carried out again once people say GO");
        if choice == Choice::Waive {
            assert_eq!(play.decide("lead", Choice::Waive, Some("S2")).await, Answer::Taken);
        }
        assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
        assert_eq!(play.play(running).await, Phase::Kept);
        let tries = play.intents().iter().filter(|step| *step == "S2").count();
        assert_eq!(tries, if choice == Choice::Go { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_go_that_was_put_before_the_run_stood_still_does_not_count() {
    let play = driven();
    play.stage.ends("S2", &[Verdict::Fail]);
    let mut running = play.start().await;
    play.answer(&mut running, |live| live.phase == Phase::Hold).await;
    // As a process leaves it that was killed between an entry and its answer.
    let inbox = play.folder.inbox();
    let go = "{\"said\":{\"decided\":{\"choice\":\"GO\",\"role\":\"lead\",\"person\":\"Bo Lind\",\
              \"reason\":\"so\",\"about\":null}}}";
    std::fs::write(inbox.join("00000000000000000001-1.tmp"), go).unwrap();
    let name = inbox.join("00000000000000000001-1.json");
    std::fs::rename(inbox.join("00000000000000000001-1.tmp"), name).unwrap();
    let answer = inbox.join("00000000000000000001-1.answer");
    running.until("the answer", |_| answer.is_file()).await;
    let said = std::fs::read_to_string(answer).unwrap();
    assert!(said.contains("it was said before the run stood still"), "{said}");
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
}

#[tokio::test]
async fn what_is_no_request_is_answered() {
    let play = driven();
    let mut running = play.start().await;
    running.until("that it goes on", |_| true).await;
    for (step, why) in [
        ("S9", "the plan has no `S9`"),
        ("S1", "S1 was not carried out yet"),
        ("G1", "G1 has passed"),
    ] {
        running.until("G1", |live| live.now.starts_with("G2")).await;
        let answer = play.say(&Request::Again { step: step.into() }).await;
        assert_eq!(answer, Answer::Refused(why.into()));
    }
    let inbox = play.folder.inbox();
    std::fs::write(inbox.join("0-0.json"), "{\"said\":").unwrap();
    let settled = inbox.join("0-0.answer");
    running.until("the answer", |_| settled.is_file()).await;
    assert!(!inbox.join("0-0.json").exists());
}

/// What the lead or the operator says, signed over the journal as it is.
pub(super) fn signed(play: &Play, role: &str, choice: Choice, signer: &Signer) -> Event {
    signed_of(play, role, (choice, (choice == Choice::Attest).then_some("G1")), signer)
}

/// The same of a step.
pub(super) fn signed_of(
    play: &Play,
    role: &str,
    (choice, about): (Choice, Option<&str>),
    signer: &Signer,
) -> Event {
    let about = about.map(ToOwned::to_owned);
    let tree = play.journal().tree;
    let log =
        evidence::LogState { origin: "cutover-9".into(), size: tree.len(), root: tree.root() };
    let decision = Decision {
        role: role.into(),
        decision: choice,
        reason: "it is so".into(),
        about,
        plan: Some(play.plan.resource().unwrap()),
        log,
    };
    Event::signed(decision, signer).unwrap()
}

/// Waits until people are asked for something.
pub(super) async fn asked_for(running: &mut Running, choice: &str) {
    running.until(choice, |live| live.waiting.iter().any(|wait| wait.choice == choice)).await;
}

pub(super) async fn say_signed(play: &Play, choice: Choice) -> Event {
    let said = signed(play, "lead", choice, &key("bo"));
    assert_eq!(play.say(&Request::Said(Box::new(said.clone()))).await, Answer::Taken);
    said
}

pub(super) async fn refused(play: &Play, event: Event) -> String {
    match play.say(&Request::Said(Box::new(event.clone()))).await {
        Answer::Refused(why) => why,
        Answer::Taken => panic!("{event:?} counts"),
    }
}

pub(super) async fn until_go(play: &Play, running: &mut Running) -> Event {
    asked_for(running, "ATTEST").await;
    say_signed(play, Choice::Attest).await;
    asked_for(running, "APPROVE").await;
    let approved = say_signed(play, Choice::Approve).await;
    asked_for(running, "GO").await;
    approved
}

#[tokio::test]
async fn a_go_that_did_not_see_what_happened_does_not_count() {
    let play = Play::new(&document(), Mode::Rehearsal);
    let stale = {
        let mut running = play.start().await;
        running.until("that it is shown", |_| true).await;
        let stale = signed(&play, "lead", Choice::Go, &key("bo"));
        running.stop.send_replace(true);
        running.ended().await.unwrap_err();
        stale
    };
    let mut running = play.resume().await;
    let approved = until_go(&play, &mut running).await;
    let why = refused(&play, approved).await;
    assert!(why.contains("in the journal already"), "{why}");
    let why = refused(&play, stale).await;
    assert!(why.contains("it was signed over"), "{why}");
    // Somebody whose key is not the lead's.
    let why = refused(&play, signed(&play, "lead", Choice::Go, &key("ana"))).await;
    assert!(why.contains("is not one of a key of `lead`"), "{why}");
    say_signed(&play, Choice::Go).await;
    assert_eq!(running.ended().await.unwrap(), Phase::Kept);
}

#[tokio::test]
async fn in_production_those_who_carry_it_out_do_not_say_go() {
    let document = document().replace("sign-off id=G1", "decision id=G1");
    let play = Play::new(&document, Mode::Production);
    let mut running = play.start().await;
    until_go(&play, &mut running).await;
    let why = refused(&play, signed(&play, "operator", Choice::Go, &key("ana"))).await;
    assert!(why.contains("only people who carry the plan out"), "{why}");
    let why = refused(&play, play.decided("lead", Choice::Go, None)).await;
    assert!(why.contains("has to sign that"), "{why}");
    say_signed(&play, Choice::Go).await;
    assert_eq!(running.ended().await.unwrap(), Phase::Kept);
}
