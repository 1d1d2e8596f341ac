//! People are told.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use conductor::{Effect, Notice, World};
use guard::Verdict;

use crate::support::{
    http::{Reply, Server},
    stage::Stage,
};

const STEP: &str = "1. Tell everybody. <!-- run: notify id=S1 -->";

async fn hook(statuses: &'static [u16]) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move |request| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            assert!(body["text"].is_string() && request.method == "POST", "{request:?}");
            Reply::text(*statuses.get(number).unwrap_or(&200), "")
        }
    });
    (server.await, asked)
}

fn notice() -> Notice {
    Notice { run: "run-1".into(), kind: "hold", text: "It holds.".into(), roles: Vec::new() }
}

#[tokio::test]
async fn a_web_hook_is_tried_again_until_it_takes_the_notice() {
    let (server, asked) = hook(&[500, 429, 200]).await;
    let mut stage = Stage::new().await;
    stage.webhook = Some(format!("{}/T0/hunter2?key=x", server.url()));
    let done = stage.carry_out(STEP).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let acting = stage.act(STEP);
    assert_eq!(acting.deployment.read_back(&acting.work(None)).await.effect, Effect::Unclear);
}

#[tokio::test]
async fn one_that_does_not_is_named_by_its_host_alone() {
    for (statuses, part, times) in
        [(&[500; 9][..], "500 X, 3 times", 3), (&[404; 9], "404", 1), (&[302; 9], "302", 3)]
    {
        let (server, asked) = hook(statuses).await;
        let mut stage = Stage::new().await;
        stage.webhook = Some(format!("{}/T0/hunter2?key=x", server.url()));
        let error = stage.act(STEP).deployment.tell(&notice()).await.unwrap_err();
        assert!(error.contains("127.0.0.1 answered with"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("key"), "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), times, "{part} {error}");
    }
    let mut stage = Stage::new().await;
    stage.webhook = Some("http://127.0.0.1:1/hunter2".into());
    let error = stage.act(STEP).deployment.tell(&notice()).await.unwrap_err();
    assert_eq!(error, "the web hook at 127.0.0.1 did not answer, 3 times");
}

#[tokio::test]
async fn without_one_a_notice_is_dropped_and_a_step_says_so() {
    let stage = Stage::new().await;
    let acting = stage.act(STEP);
    assert_eq!(acting.deployment.tell(&notice()).await, Ok(()));
    let done = acting.deployment.carry_out(&acting.work(None)).await;
    assert_eq!(done.verdict, Verdict::Error);
    assert!(done.text.contains("add [notify]"), "{}", done.text);
}
