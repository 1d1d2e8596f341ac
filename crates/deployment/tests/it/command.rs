//! Programs as steps.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use conductor::{Effect, World};
use deployment::Instead;
use guard::Verdict;

use crate::support::{
    eventually,
    stage::{Stage, text},
};

fn script(stage: &Stage, name: &str, body: &str) {
    let file = stage.folder.path().join(name);
    fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn step(code: &str, class: &str) -> String {
    format!("1. Run `{code}`. <!-- run: command id=S1 class={class} -->")
}

#[tokio::test]
async fn a_program_passes_by_its_exit_code_alone() {
    let stage = Stage::new().await;
    script(&stage, "good", "echo fine; echo note >&2");
    script(&stage, "bad", "echo broken >&2; exit 7");
    let done = stage.carry_out(&step("./good && ./good", "observe")).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(
        (text(&done, "1-stdout.txt"), text(&done, "2-stderr.txt")),
        ("fine\n".into(), "note\n".into())
    );
    let done = stage.carry_out(&step("./bad && ./good", "observe")).await;
    assert_eq!(done.verdict, Verdict::Fail);
    assert_eq!(done.text, "`./bad` ended with exit code 7: broken");
    assert_eq!(done.artefacts.len(), 1);
    let done = stage.carry_out(&step("no-such-program", "observe")).await;
    assert_eq!(done.verdict, Verdict::Error);
    assert!(done.text.contains("install it"), "{}", done.text);
}

#[tokio::test]
async fn a_secret_reaches_the_program_and_no_sentence() {
    let stage = Stage::new().await;
    script(&stage, "say", "echo \"$1 $KEY\" >&2; exit 1");
    let done = stage.carry_out(&step("./say secret:api", "observe")).await;
    assert_eq!(done.verdict, Verdict::Fail);
    assert!(done.text.ends_with("[redacted api] [redacted hook]"), "{}", done.text);
    assert_eq!(text(&done, "stderr.txt"), "key-of-tests hunter2hunter2\n");
    let done = stage.carry_out(&step("./say secret:other", "observe")).await;
    assert_eq!(done.verdict, Verdict::Error);
    assert!(done.text.contains("`other` is not known"), "{}", done.text);
}

#[tokio::test]
async fn a_named_test_has_to_have_run() {
    let stage = Stage::new().await;
    script(
        &stage,
        "cargo",
        "echo; echo \"running $RAN tests\"; echo \"test result: ok. $2 passed; 0\"",
    );
    for (passed, verdict) in [(1, Verdict::Pass), (0, Verdict::Fail), (2, Verdict::Fail)] {
        let done =
            stage.carry_out(&step(&format!("./cargo test {passed} -- --exact"), "observe")).await;
        assert_eq!(done.verdict, verdict, "{done:?}");
    }
    let done = stage.carry_out(&step("./cargo test 0", "observe")).await;
    assert_eq!(done.verdict, Verdict::Pass, "only where one test is named");
}

#[tokio::test]
async fn one_whose_time_is_over_is_ended() {
    let stage = Stage::new().await;
    script(&stage, "hang", "echo waiting; sleep 600");
    let acting = stage.act(&step("./hang", "observe"));
    let mut work = acting.work(None);
    work.within = Duration::from_secs(2);
    let done = acting.deployment.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Fail);
    assert!(done.text.contains("did not end within 2 s"), "{}", done.text);
    assert_eq!(text(&done, "stdout.txt"), "waiting\n");
}

#[tokio::test]
async fn one_that_is_given_up_is_ended_with_its_children() {
    let stage = Stage::new().await;
    script(&stage, "hang", "sleep 600 & echo $! >child; wait");
    let acting = stage.act(&step("./hang", "observe"));
    let work = acting.work(None);
    let child = stage.folder.path().join("child");
    let pid = {
        let mut carried = acting.deployment.carry_out(&work);
        tokio::select! {
            done = &mut carried => panic!("{done:?}"),
            pid = eventually("it runs", async || {
                fs::read_to_string(&child).ok().filter(|it| it.ends_with('\n'))
            }) => pid,
        }
    };
    eventually("its child has ended", async || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).ok();
        stat.is_none_or(|stat| stat.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_program_did_is_not_told_from_here() {
    let stage = Stage::new().await;
    for (class, effect) in
        [("observe", Effect::No), ("converge", Effect::Unclear), ("once", Effect::Unclear)]
    {
        let acting = stage.act(&step("make it", class));
        assert_eq!(acting.deployment.read_back(&acting.work(None)).await.effect, effect, "{class}");
    }
}

#[tokio::test]
async fn what_stands_in_for_a_program_is_told() {
    let stage = Stage::new().await;
    script(&stage, "other", "echo other");
    let (commands, why) = (vec![vec!["./other".to_owned()]], "there is no such port".to_owned());
    *stage.hands.instead.lock().unwrap() = Some(Instead::Commands(commands, why));
    let done = stage.carry_out(&step("no-such-program --now", "observe")).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(text(&done, "stdout.txt"), "other\n");
    let told = "In the place of `no-such-program --now`, since there is no such port: `./other`.";
    assert!(done.text.ends_with(told), "{}", done.text);
    assert!(text(&done, "instead.json").contains("no-such-program"));

    *stage.hands.instead.lock().unwrap() = Some(Instead::Act("nobody can".to_owned()));
    let done = stage.carry_out(&step("no-such-program", "observe")).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert!(
        done.text.ends_with("In the place of `no-such-program`, since nobody can."),
        "{done:?}"
    );
    assert_eq!(stage.hands.done.lock().unwrap().len(), 1);
}
