//! A gate that asks for a certificate: the world looks, and then a person signs; neither does alone.

use conductor::{Answer, Event, Live, Phase, Request};
use guard::Verdict;
use runbook::Mode;

use super::{driven::DRIVEN, stage::Play};

fn certified() -> Play {
    let mark = "run: sign-off id=G2 owner=lead";
    assert!(DRIVEN.contains(mark));
    Play::new(&DRIVEN.replace(mark, &format!("{mark} certificate=rehearsed")), Mode::Rehearsal)
}

fn outcomes_of(play: &Play, gate: &str) -> Vec<Verdict> {
    let events = play.events().into_iter();
    let ended = events.filter_map(|event| match event {
        Event::Outcome { step, verdict, .. } if step == gate => Some(verdict),
        _ => None,
    });
    ended.collect()
}

#[tokio::test]
async fn a_certificate_that_does_is_signed_by_a_person_as_well() {
    let play = certified();
    let mut running = play.start().await;
    let waits = |live: &Live| live.waiting.iter().any(|wait| wait.about.as_deref() == Some("G2"));
    running.until("the word on G2", waits).await;
    assert!(play.stage.has_done("G2"));
    assert!(outcomes_of(&play, "G2").is_empty());
    assert_eq!(play.play(running).await, Phase::Kept);
    assert_eq!(outcomes_of(&play, "G2"), [Verdict::Pass]);
}

#[tokio::test]
async fn a_certificate_that_does_not_is_a_hold_whatever_people_sign() {
    let play = certified();
    play.stage.ends("G2", &[Verdict::Fail]);
    let mut running = play.start().await;
    let live = play.answer(&mut running, |live| live.phase == Phase::Hold).await;
    assert_eq!(outcomes_of(&play, "G2"), [Verdict::Fail]);
    assert!(!live.waiting.iter().any(|wait| wait.choice == "ATTEST"), "{live:?}");
    // Another one is looked at when the gate is tried again, and signed then.
    assert_eq!(play.say(&Request::Again { step: "G2".into() }).await, Answer::Taken);
    assert_eq!(play.play(running).await, Phase::Kept);
    assert_eq!(outcomes_of(&play, "G2"), [Verdict::Fail, Verdict::Pass]);
}
