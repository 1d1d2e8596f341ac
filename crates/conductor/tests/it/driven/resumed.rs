//! What a process needs of a run's folder that goes on with it.

use std::fs;

use conductor::{
    ActsOn, Conductor, DriveError, Event, FolderError, Live, Onlooker, Phase, RunFolder, RunInfo,
    RunRecord, export, export_what_is_there,
    report::{Material, Report},
};
use evidence::{Fault, Hash, Keyring, Request, verify};
use jiff::Timestamp;
use runbook::Mode;

use super::{
    super::{cast::key, stage::Play},
    driven,
};

/// A run that was stopped when it waited for its last step.
async fn stopped(play: &Play) {
    let mut running = play.start().await;
    let waits = |live: &Live| live.waiting.iter().any(|wait| wait.about.as_deref() == Some("S5"));
    play.answer(&mut running, waits).await;
    running.stop.send_replace(true);
    running.ended().await.unwrap_err();
}

#[tokio::test]
async fn a_run_goes_on_without_what_its_steps_left_and_that_is_said() {
    let play = driven();
    play.stage.script().leaves.insert("S1".into(), b"what it printed".to_vec());
    stopped(&play).await;
    let output = play.path().join("outputs").join(Hash::of(b"what it printed").to_string());
    fs::remove_file(output).unwrap();
    assert_eq!(play.play(play.resume().await).await, Phase::Kept);
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
    let report = Report::new(material).unwrap().markdown();
    assert!(report.contains("15 bytes, missing"), "{report}");
    let record = RunRecord { journal: &run.journal, plan: &run.plan, outputs: &outputs };
    export(&record, &key("log"), Timestamp::now()).unwrap_err();
    let (log, missing) = export_what_is_there(&record, &key("log"), Timestamp::now()).unwrap();
    assert_eq!(missing.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["S1.txt"]);
    let contents = log.contents(&key("log")).unwrap();
    let keyring: Keyring = format!("log {}\n", key("log").verifier()).parse().unwrap();
    let request =
        Request { contents: &contents, keyring: Some(&keyring), seen: None, may_be_open: false };
    let findings = verify(&request).findings;
    let is_missing = |it: &evidence::Finding| it.fault == Fault::Missing;
    assert!(findings.iter().any(is_missing), "{findings:?}");
}

async fn go_on_with(play: &Play, acts_on: ActsOn) -> Result<Conductor, DriveError> {
    let world = std::sync::Arc::new(play.stage.clone());
    let (folder, redactor) = (play.folder.clone(), play.redactor.clone());
    Conductor::resume_on(folder, redactor, world, play.settings.clone(), acts_on).await
}

#[tokio::test]
async fn a_run_goes_on_with_what_it_acted_on_or_with_what_is_said_and_written_down() {
    let (first, second) = (Hash::of(b"one.toml"), Hash::of(b"two.toml"));
    let mut play = driven();
    fs::remove_dir_all(play.path()).unwrap();
    let info = RunInfo {
        run: "cutover-9".into(),
        mode: Mode::Rehearsal,
        environment: None,
        acts_on: Some(first),
        acts_on_file: None,
    };
    play.folder = RunFolder::create(&play.path(), super::DRIVEN, &play.plan, &info).unwrap();
    stopped(&play).await;
    let entries = play.events().len();
    assert!(matches!(play.events()[0], Event::Begun { acts_on, .. } if acts_on == Some(first)));
    let refused = go_on_with(&play, ActsOn::Same(second)).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, DriveError::OtherWorld { .. }), "{refused:?}");
    assert_eq!(play.events().len(), entries);
    drop(go_on_with(&play, ActsOn::Same(first)).await.unwrap());
    drop(go_on_with(&play, ActsOn::FromNowOn(second)).await.unwrap());
    let moved = play.events().into_iter().filter_map(|event| match event {
        Event::ActsOn { sha256 } => Some(sha256),
        _ => None,
    });
    assert_eq!(moved.collect::<Vec<_>>(), [second]);
    go_on_with(&play, ActsOn::Same(first)).await.map(|_| ()).unwrap_err();
    drop(go_on_with(&play, ActsOn::Same(second)).await.unwrap());
}

#[tokio::test]
async fn a_name_that_the_router_does_not_take_is_refused_at_the_start() {
    let play = driven();
    let info = RunInfo { run: "example.com/runs/9".into(), ..play.folder.info().unwrap() };
    let elsewhere = play.path().with_extension("named");
    let refused = RunFolder::create(&elsewhere, super::DRIVEN, &play.plan, &info).unwrap_err();
    assert!(matches!(refused, FolderError::Name(_)), "{refused:?}");
    assert!(!elsewhere.exists());
}
