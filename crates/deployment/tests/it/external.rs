//! Steps that are done outside of the deployment.

use std::time::Duration;

use conductor::{Effect, World};
use deployment::External;
use guard::Verdict;

use crate::support::stage::Stage;

const STEP: &str = "1. Deploy. <!-- run: external id=S1 class=once undo=BACK -->";

fn acting_hands(stage: &Stage) {
    let acts = External { traffic: None, acts: true };
    stage.hands.externals.lock().unwrap().insert("S1".into(), acts);
}

#[tokio::test]
async fn people_do_what_nobody_else_does() {
    let stage = Stage::new().await;
    let acting = stage.act(STEP);
    let work = acting.work(None);
    assert!(!acting.deployment.acts(&work.step));
    let done = acting.deployment.carry_out(&work).await;
    assert!(done.verdict == Verdict::Error && done.text.contains("A person does this"), "{done:?}");
    assert_eq!(acting.deployment.read_back(&work).await.effect, Effect::Unclear);
}

#[tokio::test]
async fn what_the_environment_does_is_done_and_read_back() {
    let stage = Stage::new().await;
    acting_hands(&stage);
    let acting = stage.act(STEP);
    let mut work = acting.work(None);
    assert!(acting.deployment.acts(&work.step));
    let done = acting.deployment.carry_out(&work).await;
    assert_eq!((done.verdict, done.text.as_str()), (Verdict::Pass, "Acted."));
    assert_eq!(*stage.hands.done.lock().unwrap(), ["act S1"]);
    for (told, effect) in
        [(None, Effect::Unclear), (Some(true), Effect::Yes), (Some(false), Effect::No)]
    {
        *stage.hands.is_done.lock().unwrap() = told;
        assert_eq!(acting.deployment.read_back(&work).await.effect, effect);
    }
    *stage.hands.fails.lock().unwrap() = Some("no room".into());
    assert_eq!(acting.deployment.carry_out(&work).await.verdict, Verdict::Error);
    *stage.hands.hangs.lock().unwrap() = true;
    work.within = Duration::from_millis(200);
    let done = acting.deployment.carry_out(&work).await;
    assert!(done.text.contains("did not end in the step's time"), "{done:?}");
}
