//! Streams: what they say, what they replay, and how they fan out.

use std::time::Duration;

use conductor::{Done, World};
use guard::Verdict;

use crate::support::{
    server::Lies,
    stage::{Stage, left},
};

const CONNECTED: &str =
    "1. Connect to `/api/stream`, verify `connected.backend=redis`. <!-- run: sse-expect id=S1 -->";
const RESUMES: &str = "1. The stream `/api/stream` works. <!-- run: sse-expect id=S1 -->";
const REPLAY: &str = "1. Reconnect. <!-- run: replay-check id=S1 -->";
const FANOUT: &str = "1. Fan out. <!-- run: fanout-check id=S1 -->";

async fn shortly(stage: &Stage, step: &str) -> Done {
    let acting = stage.act(step);
    let mut work = acting.work(None);
    work.within = Duration::from_secs(3);
    acting.deployment.carry_out(&work).await
}

#[tokio::test]
async fn a_stream_says_what_is_expected() {
    let stage = Stage::new().await;
    let done = stage.carry_out(CONNECTED).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(left(&done, "events.json").as_array().unwrap().len(), 4);
    let done = shortly(&stage, &CONNECTED.replace("redis", "memory")).await;
    assert_eq!(done.verdict, Verdict::Fail);
    assert!(
        done.text.contains("in `connected` `backend` is `redis` and not `memory`"),
        "{}",
        done.text
    );
}

#[tokio::test]
async fn without_an_expectation_an_event_has_to_come_through() {
    let stage = Stage::new().await;
    let done = stage.carry_out(RESUMES).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(left(&done, "events.json").as_array().unwrap().len(), 8);
    let stage = Stage::lying(Lies { loses: Some(1), ..Lies::default() }).await;
    let done = shortly(&stage, RESUMES).await;
    assert_eq!(done.verdict, Verdict::Fail, "{done:?}");
}

#[tokio::test]
async fn what_was_missed_is_replayed_whole() {
    let stage = Stage::new().await;
    let done = stage.carry_out(REPLAY).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    let seen = left(&done, "replay.json");
    assert_eq!(seen[0]["missed"].as_array().unwrap().len(), 5);
    assert_eq!(seen[0]["came"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn a_replay_that_lies_fails() {
    let lies = [
        (Lies { forgets: true, ..Lies::default() }, "is `fresh`"),
        (Lies { gap: true, ..Lies::default() }, "has a gap"),
        (Lies { repeats: true, ..Lies::default() }, "came an older one, the 1."),
        (Lies { swaps: true, ..Lies::default() }, "the replica s2: "),
    ];
    for (lies, part) in lies {
        let shown = format!("{lies:?}");
        let stage = Stage::lying(lies).await;
        let acting = stage.act(REPLAY);
        let mut work = acting.work(None);
        work.within = Duration::from_secs(3);
        let done = acting.deployment.carry_out(&work).await;
        assert_eq!(done.verdict, Verdict::Fail, "{shown} {done:?}");
        assert!(done.text.contains(part) && !done.text.contains("s1"), "{shown} {done:?}");
    }
}

#[tokio::test]
async fn what_is_sent_on_one_replica_comes_on_all() {
    let stage = Stage::new().await;
    let done = stage.carry_out(FANOUT).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    let seen = left(&done, "fanout.json");
    assert_eq!(seen["thread"], serde_json::Value::Null);
    assert_eq!(seen["sent"].as_array().unwrap().len(), 9);
    assert_eq!(seen["receivers"][2]["received"].as_array().unwrap().len(), 9);
    assert_eq!(seen["sent"][1]["through"], "the replica s2");
}

#[tokio::test]
async fn a_replica_that_loses_or_has_another_order_fails() {
    for lies in [
        Lies { loses: Some(2), ..Lies::default() },
        Lies { swaps: true, ..Lies::default() },
        Lies { gap: true, ..Lies::default() },
    ] {
        let shown = format!("{lies:?}");
        let stage = Stage::lying(lies).await;
        let done = shortly(&stage, FANOUT).await;
        assert_eq!(done.verdict, Verdict::Fail, "{shown}: {done:?}");
    }
}

#[tokio::test]
async fn what_was_found_once_is_not_tried_again() {
    let lies = Lies { gap_once: true, chat: true, ..Lies::default() };
    for (step, text) in [(FANOUT, "its stream has a gap"), (RESUMES, "it has a gap")] {
        let stage = Stage::lying(lies.clone()).await;
        // There is time for a second try, which would find nothing.
        let done = stage.carry_out(step).await;
        assert_eq!(done.verdict, Verdict::Fail, "{step}: {done:?}");
        assert!(done.text.contains(text), "{}", done.text);
        if step == FANOUT {
            assert_eq!(left(&done, "fanout.json")["threads"], serde_json::json!(["thr_1"]));
            assert_eq!(stage.log.messages_left(), 0);
        }
    }
}

#[tokio::test]
async fn one_replica_alone_does_not_fan_out() {
    let stage = Stage::new().await;
    stage.hands.replicas.lock().unwrap().truncate(1);
    let done = stage.carry_out(FANOUT).await;
    assert_eq!(done.verdict, Verdict::Error);
    assert!(done.text.contains("needs two replicas"), "{}", done.text);
}

#[tokio::test]
async fn chat_is_used_where_there_is_some_and_left_clean() {
    let stage = Stage::lying(Lies { chat: true, ..Lies::default() }).await;
    let steps = format!("{FANOUT}\n2. Clean up. <!-- run: cleanup id=S2 class=once -->");
    let acting = stage.act(&steps);
    let done = acting.deployment.carry_out(&acting.work(None)).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    let seen = left(&done, "fanout.json");
    assert_eq!((&seen["thread"], &seen["is_clean"]), (&"thr_1".into(), &true.into()));
    assert_eq!(stage.log.messages_left(), 0);
    let mut work = acting.work(Some("S2"));
    std::sync::Arc::make_mut(&mut work.kept).insert("S1".into(), done.artefacts);
    let done = acting.deployment.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert!(done.text.contains("Of the 1 threads"), "{}", done.text);
}

#[tokio::test]
async fn what_can_t_be_cleaned_is_said() {
    let stage = Stage::lying(Lies { chat: true, keeps_messages: true, ..Lies::default() }).await;
    let done = stage.carry_out(FANOUT).await;
    assert_eq!(done.verdict, Verdict::Fail);
    assert!(done.text.contains("9 messages are there"), "{}", done.text);
}
