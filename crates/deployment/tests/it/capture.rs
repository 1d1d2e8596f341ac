//! What is kept, and compared later.

use conductor::World;
use guard::Verdict;
use serde_json::json;

use crate::support::stage::{Stage, left};

const STEPS: &str = "1. Keep. <!-- run: capture id=S1 -->\n2. Look at `/api/health` for \
    `status=healthy`. <!-- run: http-expect id=S2 -->\n3. Compare. <!-- run: compare id=S3 with=S1,S2 -->\n\
    4. Sign. <!-- run: sign-off id=S4 -->\n5. Compare. <!-- run: compare id=S5 with=S4 -->";

#[tokio::test]
async fn what_is_is_kept_without_secrets_and_compared() {
    let stage = Stage::new().await;
    *stage.hands.version.lock().unwrap() = "sha256:1".into();
    let settings =
        [("REALTIME_BACKEND", "redis"), ("DB_PASS", "hunter2"), ("TIDEGATE_KEYS", "org=abcdefgh1")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    stage.hands.settings.lock().unwrap().extend(settings);
    stage.canary.set_metrics("x 1\n");
    let acting = stage.act(STEPS);
    let mut compare = acting.work(Some("S3"));
    for id in ["S1", "S2"] {
        let done = acting.deployment.carry_out(&acting.work(Some(id))).await;
        assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
        // As the conductor keeps it.
        let mut kept = done.artefacts;
        let redactor = acting.deployment.redactor();
        kept.iter_mut().for_each(|artefact| artefact.bytes = redactor.redact(&artefact.bytes));
        std::sync::Arc::make_mut(&mut compare.kept).insert(id.into(), kept);
    }
    let artefacts = &compare.kept["S1"];
    assert_eq!(artefacts.iter().filter(|it| it.name == "metrics-c1.txt").count(), 1);
    let shown = String::from_utf8(artefacts[0].bytes.clone()).unwrap();
    assert!(shown.contains("sha256:1") && shown.contains("redis"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("abcdefgh1"), "{shown}");
    let done = acting.deployment.carry_out(&compare).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    // Times and counters don't count; versions and settings do.
    stage.stable[0].set_health("/timestamp", json!("later"));
    stage.stable[0].set_health("/checks/realtime/probe_ms", json!(99));
    assert_eq!(acting.deployment.carry_out(&compare).await.verdict, Verdict::Pass);
    *stage.hands.version.lock().unwrap() = "sha256:2".into();
    stage.stable[0].set_health("/version", json!("1.1"));
    let done = acting.deployment.carry_out(&compare).await;
    assert_eq!(done.verdict, Verdict::Fail);
    for part in [
        "`described.image` was `sha256:1` and is `sha256:2`",
        "`replicas.s1.health.version` was `1.0` and is `1.1`",
        "`/api/health of the service: version` was `1.0` and is `1.1`",
    ] {
        assert!(done.text.contains(part), "{part}: {}", done.text);
    }
    assert_eq!(left(&done, "compare.json").as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_can_t_be_seen_is_said_and_nothing_is_made_up() {
    let stage = Stage::new().await;
    stage.canary.set_hanging(true);
    *stage.hands.fails.lock().unwrap() = Some("nobody knows".into());
    let done = stage.carry_out(STEPS).await;
    assert_eq!(done.verdict, Verdict::Error, "{}", done.text);
    assert!(
        done.text.contains("not seen: ") && done.text.contains("the replica c1"),
        "{}",
        done.text
    );
    let unseen = &left(&done, "capture.json")["settings"]["unseen"];
    assert_eq!(unseen, "nobody knows");
    let acting = stage.act(STEPS);
    let done = acting.deployment.carry_out(&acting.work(Some("S5"))).await;
    assert_eq!(done.verdict, Verdict::Insufficient, "{done:?}");
    // On the way back it may be the cause that does not answer.
    let mut work = acting.work(Some("S1"));
    work.going_back_since = Some(jiff::Timestamp::now());
    let done = acting.deployment.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Pass, "{}", done.text);
    assert!(done.text.contains("the replica c1"), "{}", done.text);
    // What was not seen then is not what it was because it is not seen now either.
    let kept = acting.deployment.carry_out(&acting.work(Some("S1"))).await.artefacts;
    let mut compare = acting.work(Some("S3"));
    std::sync::Arc::make_mut(&mut compare.kept).insert("S1".into(), kept);
    let done = acting.deployment.carry_out(&compare).await;
    assert_eq!(done.verdict, Verdict::Insufficient, "{done:?}");
    assert!(done.text.contains("S1 did not see everything"), "{}", done.text);
}
