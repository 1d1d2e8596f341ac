//! Answers that have to be so.

use std::time::Duration;

use conductor::{Done, World};
use guard::Verdict;
use serde_json::json;

use crate::support::{
    http::{Reply, Server},
    stage::{Stage, left},
};

const STEP: &str = "1. Look at `/api/health` for `checks.realtime.status=healthy` and `checks.realtime`. \
    <!-- run: http-expect id=S1 -->";

async fn shortly(stage: &Stage, step: &str) -> Done {
    let acting = stage.act(step);
    let mut work = acting.work(None);
    work.within = Duration::from_secs(2);
    acting.deployment.carry_out(&work).await
}

#[tokio::test]
async fn every_replica_and_the_service_have_to_answer_so() {
    let stage = Stage::new().await;
    let done = stage.carry_out(STEP).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    let answers = left(&done, "answers.json");
    assert_eq!(answers.as_array().unwrap().len(), 4);
    assert_eq!(answers[3]["of"], "the replica c1");
    assert_eq!(answers[3]["body"]["checks"]["realtime"]["status"], "healthy");
    stage.canary.set_health("/checks/realtime/status", json!("degraded"));
    let done = shortly(&stage, STEP).await;
    assert_eq!(done.verdict, Verdict::Fail);
    let part =
        "/api/health of the replica c1: `checks.realtime.status` is `degraded` and not `healthy`.";
    assert_eq!(done.text, part);
}

#[tokio::test]
async fn it_is_waited_for_until_it_is_so() {
    let stage = Stage::new().await;
    stage.canary.says.health.lock().unwrap().0 = 503;
    let acting = stage.act(STEP);
    let work = acting.work(None);
    let heal = async {
        crate::support::eventually("it was asked", async || {
            (stage.canary.asked("/api/health") >= 2).then_some(())
        })
        .await;
        stage.canary.says.health.lock().unwrap().0 = 200;
    };
    let (done, ()) = tokio::join!(acting.deployment.carry_out(&work), heal);
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
}

#[tokio::test]
async fn one_that_hangs_or_is_away_fails_within_its_time() {
    let stage = Stage::new().await;
    stage.stable[1].set_hanging(true);
    let done = shortly(&stage, STEP).await;
    assert_eq!(done.verdict, Verdict::Fail, "{done:?}");
    stage.stable[1].set_hanging(false);
    stage.hands.replicas.lock().unwrap()[1].url = "http://127.0.0.1:1".into();
    let done = shortly(&stage, STEP).await;
    assert!(done.text.contains("http://127.0.0.1:1/api/health does not answer"), "{}", done.text);
}

#[tokio::test]
async fn times_are_bounded_and_other_bounds_are_refused() {
    let stage = Stage::new().await;
    let within =
        |bound: &str| format!("1. Look at `/health` in `{bound}`. <!-- run: http-expect id=S1 -->");
    assert_eq!(stage.carry_out(&within("<= 60 s")).await.verdict, Verdict::Pass);
    let done = shortly(&stage, &within("< 0 ms")).await;
    assert!(done.text.contains("and not `< 0 ms`"), "{}", done.text);
    let done = shortly(&stage, &within("<= 5%")).await;
    assert_eq!(done.verdict, Verdict::Error, "{done:?}");
}

#[tokio::test]
async fn an_address_is_asked_alone_and_without_the_key() {
    let stage = Stage::new().await;
    let other = Server::start(|request| async move {
        let has_key = request.headers.contains_key("x-api-key");
        Reply::json(200, &json!({"has_key": has_key, "path": request.path}))
    })
    .await;
    let step = format!(
        "1. Look at `{}/x?y=1` for `has_key=false`. <!-- run: http-expect id=S1 -->",
        other.url()
    );
    let done = stage.carry_out(&step).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(left(&done, "answers.json").as_array().unwrap().len(), 1);
    assert_eq!(stage.stable[0].asked("/x?y=1"), 0);
}

#[tokio::test]
async fn what_is_no_json_or_too_long_is_no_answer() {
    let stage = Stage::new().await;
    let long = "x".repeat(9 << 20);
    let cases = [("<html>".to_owned(), "no JSON"), (long, "more than 8388608 bytes")];
    for (body, part) in cases {
        let server = Server::start(move |_| {
            let body = body.clone();
            async move { Reply::text(200, body) }
        })
        .await;
        let step =
            format!("1. Look at `{}` for `a=1`. <!-- run: http-expect id=S1 -->", server.url());
        let done = shortly(&stage, &step).await;
        assert!(done.verdict == Verdict::Fail && done.text.contains(part), "{done:?}");
    }
}
