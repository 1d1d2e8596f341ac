//! Settings as steps.

use std::{fs, sync::Arc, time::Duration};

use conductor::{Effect, World};
use deployment::Environment;
use guard::Verdict;
use serde_json::json;

use crate::support::stage::{Stage, plan};

const STEP: &str = "1. Set `REALTIME_BACKEND=redis`. <!-- run: flag id=S1 -->";

fn serve_redis(stage: &Stage) {
    for fake in stage.stable.iter().chain([&stage.canary]) {
        fake.set_health("/checks/realtime/requested_backend", json!("redis"));
    }
}

#[tokio::test]
async fn a_setting_passes_where_every_replica_has_it() {
    let stage = Stage::new().await;
    serve_redis(&stage);
    let done = stage.carry_out(STEP).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert!(done.text.contains("in the health of 3 replicas"), "{}", done.text);
    let truth = "1. Set `REALTIME_ENFORCE_REDIS=off` and `OTHER=x y`. <!-- run: flag id=S1 -->";
    let truth = truth.replace("x y", "x");
    assert_eq!(stage.carry_out(&truth).await.verdict, Verdict::Pass);
}

#[tokio::test]
async fn a_setting_that_a_replica_does_not_take_fails() {
    let stage = Stage::new().await;
    serve_redis(&stage);
    stage.stable[1].set_health("/checks/realtime/requested_backend", json!("memory"));
    let acting = stage.act(STEP);
    let mut work = acting.work(None);
    work.within = Duration::from_secs(2);
    let done = acting.deployment.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Fail);
    let part = "the replica s2 has `checks.realtime.requested_backend` `memory` and not `redis`";
    assert!(done.text.contains(part), "{}", done.text);
}

#[tokio::test]
async fn what_can_t_be_applied_is_an_error_and_bounded() {
    let stage = Stage::new().await;
    *stage.hands.fails.lock().unwrap() = Some("the disk is full".into());
    let done = stage.carry_out(STEP).await;
    assert_eq!((done.verdict, done.text.as_str()), (Verdict::Error, "the disk is full."));
    *stage.hands.hangs.lock().unwrap() = true;
    let acting = stage.act(STEP);
    let mut work = acting.work(None);
    work.within = Duration::from_millis(300);
    assert_eq!(acting.deployment.carry_out(&work).await.verdict, Verdict::Error);
}

#[tokio::test]
async fn a_setting_is_read_back() {
    let stage = Stage::new().await;
    let acting = stage.act(STEP);
    let found = acting.deployment.read_back(&acting.work(None)).await;
    assert_eq!(found.effect, Effect::No, "{found:?}");
    stage.hands.settings.lock().unwrap().insert("REALTIME_BACKEND".into(), "redis".into());
    let found = acting.deployment.read_back(&acting.work(None)).await;
    assert_eq!(found.effect, Effect::No, "a replica does not have it yet: {found:?}");
    serve_redis(&stage);
    let found = acting.deployment.read_back(&acting.work(None)).await;
    assert_eq!(found.effect, Effect::Yes, "{found:?}");
}

#[tokio::test]
async fn a_secret_is_set_and_never_shown() {
    let stage = Stage::new().await;
    let step = "1. Set `DB_PASS=secret:hook`. <!-- run: flag id=S1 -->";
    let done = stage.carry_out(step).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert!(done.text.contains("DB_PASS=secret:hook"), "{}", done.text);
    assert_eq!(stage.hands.settings.lock().unwrap()["DB_PASS"], "hunter2hunter2");
}

#[tokio::test]
async fn a_file_of_settings_is_written_and_brought_into_effect() {
    let stage = Stage::new().await;
    let folder = stage.folder.path();
    fs::write(folder.join("server.env"), "# ours\nREALTIME_BACKEND=memory\n").unwrap();
    fs::write(folder.join("secret"), "hunter2hunter2\n").unwrap();
    let described = |apply: &str| {
        format!(
            "[service]\nurl = \"{url}\"\n[[replica]]\nname = \"a\"\nurl = \"{url}\"\n\
             start = [\"sh\", \"-c\", \"echo start >>done\"]\nstop = [\"sh\", \"-c\", \"echo stop >>done\"]\n\
             [settings]\nfile = \"server.env\"\n{apply}\n[secrets]\npass = {{ file = \"secret\" }}\n",
            url = stage.stable[0].server.url(),
        )
    };
    let steps =
        "1. Set `REALTIME_BACKEND=redis` and `DB_PASS=secret:pass`. <!-- run: flag id=S1 -->";
    let plan = plan(steps);
    let act = async |apply: &str| {
        let environment =
            Environment::parse(&described(apply), folder, Arc::new(|_| None)).unwrap();
        let deployment = environment.deployment(&plan, "run-1").unwrap();
        let acting = crate::support::stage::Acting { deployment, plan: plan.clone() };
        let work = acting.work(None);
        (acting.deployment.carry_out(&work).await, acting.deployment.read_back(&work).await)
    };
    stage.stable[0].set_health("/checks/realtime/requested_backend", json!("redis"));
    let (done, found) = act("apply = [[\"sh\", \"-c\", \"cp server.env applied\"]]").await;
    assert_eq!((done.verdict, found.effect), (Verdict::Pass, Effect::Yes), "{done:?} {found:?}");
    let written = "# ours\nREALTIME_BACKEND=redis\nDB_PASS=hunter2hunter2\n";
    assert_eq!(fs::read_to_string(folder.join("applied")).unwrap(), written);
    let previous = fs::read_to_string(folder.join("server.env.previous")).unwrap();
    assert_eq!(previous, "# ours\nREALTIME_BACKEND=memory\n");
    let (done, _) = act("apply = [[\"sh\", \"-c\", \"echo no hunter2hunter2; exit 2\"]]").await;
    assert_eq!(done.verdict, Verdict::Error);
    assert!(done.text.contains("exit code 2: no [redacted pass]"), "{}", done.text);
    let (done, _) = act("").await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(fs::read_to_string(folder.join("done")).unwrap(), "stop\nstart\n");
    assert_eq!(stage.stable[0].asked("/ready"), 1);
}
