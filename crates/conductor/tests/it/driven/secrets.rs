//! Secrets in what others say: nothing that a run shows, tells or writes down has them.

use std::{fs, path::Path};

use conductor::{
    Answer, LeaseError, Live, NoSight, Onlooker, Phase,
    report::{Material, Report},
};
use evidence::{Choice, Redactor};
use guard::Verdict;
use runbook::Mode;

use super::{super::stage::Play, DRIVEN};

/// The secret.
const PLANTED: &str = "correct-horse-battery";

/// Expects that no file of a folder has the secret.
fn is_clean(folder: &Path) {
    for found in fs::read_dir(folder).unwrap() {
        let path = found.unwrap().path();
        if path.is_dir() {
            is_clean(&path);
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(PLANTED), "{}: {text}", path.display());
    }
}

fn has_none(live: &Live) {
    let text = serde_json::to_string(live).unwrap();
    assert!(!text.contains(PLANTED), "{text}");
}

fn planted(what: &str) -> String {
    format!("{what} with {PLANTED} in it")
}

#[tokio::test]
async fn what_others_say_is_shown_told_and_written_without_secrets() {
    let text =
        DRIVEN.replace("what = \"lost event\"\n", "what = \"lost event\"\nsilence = \"1s\"\n");
    let mut play = Play::new(&text, Mode::Rehearsal);
    play.redactor = Redactor::default().with("database", PLANTED).unwrap();
    play.stage.ends("S2", &[Verdict::Fail]);
    play.stage.script().says.insert("S2".into(), planted("a command"));
    play.stage.script().traffic = Some(NoSight(planted("a router")));
    let mut running = play.start().await;
    let live = play.answer(&mut running, |live| live.phase == Phase::Hold).await;
    has_none(&live);
    let why = live.why.unwrap();
    assert!(why.contains("a command with [redacted database] in it"), "{why}");
    let unknown = conductor::Request::Again { step: planted("a step") };
    let Answer::Refused(why) = play.say(&unknown).await else { panic!("it is one") };
    assert!(!why.contains(PLANTED), "{why}");
    play.stage.sees("lost", Err(NoSight(planted("a source"))));
    play.stage.script().unheard = Some(planted("a webhook"));
    assert_eq!(play.decide("lead", Choice::Go, None).await, Answer::Taken);
    let is_blind = |live: &Live| live.why.as_ref().is_some_and(|why| why.contains("a source"));
    has_none(&play.answer(&mut running, is_blind).await);
    play.stage.script().lease = Some(LeaseError::Held(planted("another run")));
    let is_lost = |live: &Live| live.troubles.iter().any(|text| text.contains("another run"));
    has_none(&running.until("the lease", is_lost).await);
    assert_eq!(play.decide("lead", Choice::Rollback, None).await, Answer::Taken);
    play.stage.script().lease = None;
    assert_eq!(play.play(running).await, Phase::RolledBack);
    is_clean(&play.path());
    let notices = play.stage.script().notices.clone();
    assert!(notices.iter().any(|text| text.contains("[redacted database]")), "{notices:?}");
    assert!(!notices.iter().any(|text| text.contains(PLANTED)), "{notices:?}");
    let run = Onlooker::open(&play.path()).unwrap();
    let (outputs, document) = (run.outputs().unwrap(), run.folder.document().unwrap());
    let material = Material {
        document: &document,
        plan: &run.plan,
        journal: &run.read,
        outputs: &outputs,
        samples: &[],
        checkpoint: None,
    };
    let report = Report::new(material).unwrap();
    assert!(!report.markdown().contains(PLANTED) && !report.html().contains(PLANTED));
}
