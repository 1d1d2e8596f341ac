//! Runs that are carried out in this process, over a world that does what it is told.

mod back;
mod clocks;
mod ends;
mod full;
mod people;
mod resumed;
mod secrets;
mod starts;
mod watched;

use conductor::{Answer, Effect, Event, Live, NoSight, Pace, Phase, Request, Sighting};
use guard::Verdict;
use runbook::Mode;

use super::{seeds::RUNBOOKS, stage::Play};

/// A run that is killed everywhere, with times.
pub(super) const DRIVEN: &str = include_str!("../golden/driven.run.md");

pub(super) fn driven() -> Play {
    Play::new(DRIVEN, Mode::Rehearsal)
}

/// What nobody may see.
pub(super) fn lost() -> Result<Sighting, NoSight> {
    Ok(Sighting::Bad { checked: 10.0, found: 1.0 })
}

#[tokio::test]
async fn each_runbook_is_kept_and_leaves_no_step_out() {
    for text in RUNBOOKS {
        let mut play = Play::new(text, Mode::Rehearsal);
        play.settings.t0 = Some(jiff::Timestamp::now());
        play.settings.pace = Pace::new(1000.0).unwrap();
        // Times of the timeline before T0 are over; nobody is asked for that here.
        play.settings.grace = std::time::Duration::from_secs(1_000_000_000);
        let phase = play.play(play.start().await).await;
        assert_eq!(phase, Phase::Kept, "{}", play.plan.runbook);
        let begun = play.intents();
        let plan = &play.plan;
        let planned = plan.gates.iter().chain(&plan.steps).chain(&plan.closing);
        let planned = planned.chain(plan.triggers.iter()).chain(&plan.rollback.after);
        for step in planned.filter(|step| step.carried_out) {
            let is_person = step.kind != runbook::Kind::Guard && plan.triggers.contains(step);
            assert!(is_person || begun.contains(&step.id), "{} of {}", step.id, plan.runbook);
        }
    }
}

#[tokio::test]
async fn a_guard_that_fails_while_people_are_waited_for_sends_the_run_back() {
    let play = driven();
    let mut running = play.start().await;
    let waits = |live: &Live| live.waiting.iter().any(|wait| wait.about.as_deref() == Some("S5"));
    play.answer(&mut running, waits).await;
    play.stage.sees("lost", lost());
    running.until("the way back", |live| live.phase == Phase::RollingBack).await;
    assert_eq!(play.play(running).await, Phase::RolledBack);
    let given_up = play.events().into_iter().find_map(|event| match event {
        Event::Outcome { step, verdict, text, .. } if step == "S5" => Some((verdict, text)),
        _ => None,
    });
    assert_eq!(given_up.unwrap().0, Verdict::Error);
    let back: Vec<_> = play.intents().into_iter().skip_while(|step| step != "S5").collect();
    assert_eq!(back, ["S5", "R1", "R2", "A1", "C1"]);
}

#[tokio::test]
async fn a_step_that_hangs_is_dropped_when_the_run_goes_back() {
    let play = driven();
    play.stage.script().hanging.insert("S3".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S3")).await;
    play.stage.sees("lost", lost());
    assert_eq!(play.play(running).await, Phase::RolledBack);
    assert_eq!(play.stage.script().dropped, ["S3"]);
}

#[tokio::test]
async fn a_source_that_says_what_is_not_judged_is_no_pass() {
    let play = driven();
    play.stage.sees("lost", Ok(Sighting::Up(true)));
    let mut running = play.start().await;
    let waits = |live: &Live| live.now.starts_with("S4 waits for guards");
    let live = play.answer(&mut running, waits).await;
    assert!(live.now.contains("lost"), "{}", live.now);
    play.stage.script().sights.clear();
    assert_eq!(play.play(running).await, Phase::Kept);
}

#[tokio::test]
async fn a_silent_guard_holds_the_run_until_people_waive_or_it_speaks() {
    let text =
        DRIVEN.replace("what = \"lost event\"\n", "what = \"lost event\"\nsilence = \"1s\"\n");
    let play = Play::new(&text, Mode::Rehearsal);
    play.stage.script().hanging.insert("S2".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S2")).await;
    play.stage.sees("lost", Err(NoSight("it does not answer".into())));
    let live = running.until("HOLD", |live| live.phase == Phase::Hold).await;
    assert!(live.why.unwrap().contains("it does not answer"));
    play.stage.script().sights.clear();
    let speaks = |live: &Live| live.guards[0].verdict == Some(Verdict::Pass);
    running.until("a guard that speaks again", speaks).await;
    assert_eq!(running.looking.borrow().as_ref().unwrap().phase, Phase::Hold);
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    // What was under way is unknown then; it was not done, and is done again.
    play.stage.script().hanging.clear();
    assert_eq!(play.play(play.resume().await).await, Phase::Kept);
    let again = play.events().into_iter().filter(|event| {
        matches!(event, Event::Intent { step, .. } | Event::ReadBack { step, .. } if step == "S2")
    });
    assert_eq!(again.count(), 3);
}

#[tokio::test]
async fn what_cannot_be_told_of_a_grave_step_is_for_people() {
    let play = driven();
    play.stage.script().hanging.insert("S1".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S1")).await;
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
    play.stage.script().found.insert("S1".into(), Effect::Unclear);
    let mut running = play.resume().await;
    running.until("HOLD", |live| live.phase == Phase::Hold).await;
    play.stage.script().found.insert("S1".into(), Effect::Yes);
    assert_eq!(play.play(running).await, Phase::Kept);
    assert_eq!(play.intents().iter().filter(|step| *step == "S1").count(), 1);
}

#[tokio::test]
async fn a_gate_that_fails_keeps_none_from_being_looked_at() {
    let play = driven();
    play.stage.ends("G1", &[Verdict::Fail]);
    let mut running = play.start().await;
    let asks = |live: &Live| live.phase == Phase::Hold && play.intents().contains(&"G2".into());
    play.answer(&mut running, asks).await;
    let request = Request::Again { step: "G1".into() };
    play.answer(&mut running, |live| live.now.contains("stands still")).await;
    assert_eq!(play.say(&request).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
    assert_eq!(play.intents()[..3], ["G1", "G2", "G1"]);
    // What people said on the way is not why it ended so.
    let live = play.folder.live().unwrap().unwrap();
    assert_eq!(live.why.as_deref(), Some("Every step is over."));
}

#[tokio::test]
async fn what_does_not_hold_at_the_end_is_looked_at_again_when_people_want_it() {
    let text = DRIVEN.replace("All is well. <!-- run: sign-off", "`/health` <!-- run: http-expect");
    let play = Play::new(&text, Mode::Rehearsal);
    play.stage.ends("C1", &[Verdict::Fail]);
    let mut running = play.start().await;
    let waits = |live: &Live| live.waiting.iter().any(|wait| wait.about.as_deref() == Some("C1"));
    let live = play.answer(&mut running, waits).await;
    assert_eq!(live.waiting[0].choice, "AGAIN or ROLLBACK");
    assert_eq!(play.intents().iter().filter(|step| *step == "C1").count(), 1);
    let request = Request::Again { step: "C1".into() };
    assert_eq!(play.say(&request).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
}

#[tokio::test]
async fn a_way_back_that_fails_twice_is_stuck() {
    let play = driven();
    play.stage.ends("R1", &[Verdict::Fail, Verdict::Fail]);
    play.stage.script().hanging.insert("S3".into());
    let mut running = play.start().await;
    play.answer(&mut running, |_| play.stage.has_done("S3")).await;
    play.stage.sees("lost", lost());
    play.answer(&mut running, |live| live.phase.is_over()).await;
    assert_eq!(running.ended().await.unwrap(), Phase::RollbackFailed);
    let back: Vec<_> = play.intents().into_iter().filter(|step| step.starts_with('R')).collect();
    assert_eq!(back, ["R1", "R1"]);
}
